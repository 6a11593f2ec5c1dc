"""The server extension: routes, and the end of every job when the server ends."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp

from .handlers import JOBS, CancelHandler, JobHandler, JobsHandler, PreviewHandler
from .jobs import Jobs


class PipelineExport(ExtensionApp):
    """Exports notebooks as pipeline projects, under ``datalab-export/api``."""

    name = "datalab_pipelines"
    extension_url = "/datalab-export"
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Give the handlers their jobs."""
        self.jobs = Jobs()
        self.settings[JOBS] = self.jobs

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(
            [
                (r"/datalab-export/api/preview", PreviewHandler),
                (r"/datalab-export/api/jobs", JobsHandler),
                (r"/datalab-export/api/jobs/([0-9a-f]{32})", JobHandler),
                (r"/datalab-export/api/jobs/([0-9a-f]{32})/cancel", CancelHandler),
            ]
        )

    async def stop_extension(self) -> None:
        """End what still runs."""
        await self.jobs.close()
