"""The server extension: routes, and the end of every job when the server ends."""

from __future__ import annotations

from datetime import UTC, datetime

from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback

from .handlers import (
    JOBS,
    PLANNER,
    CancelHandler,
    EventsHandler,
    JobHandler,
    JobsHandler,
    PreviewHandler,
)
from .jobs import Jobs
from .planner import PlanningProcess

ACTIVITY = "datalab_export_last_activity"  # Jupyter Server looks at keys that end like this
EVERY = 20_000  # milliseconds


class PipelineExport(ExtensionApp):
    """Exports notebooks as pipeline projects, under ``datalab-export/api``."""

    name = "datalab_pipelines"
    extension_url = "/datalab-export"
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Give the handlers their jobs."""
        self.jobs, self.planner = Jobs(), PlanningProcess()
        self.settings[JOBS], self.settings[PLANNER] = self.jobs, self.planner
        self._working = PeriodicCallback(self._note, EVERY)
        self._working.start()

    def initialize_handlers(self) -> None:
        """Add the routes."""
        job = r"/datalab-export/api/jobs/([0-9a-f]{32})"
        self.handlers.extend(
            [
                (r"/datalab-export/api/preview", PreviewHandler),
                (r"/datalab-export/api/jobs", JobsHandler),
                (job, JobHandler),
                (rf"{job}/events", EventsHandler),
                (rf"{job}/cancel", CancelHandler),
            ]
        )

    def _note(self) -> None:
        """Count a verification under way as activity: a workspace must not be stopped under it."""
        if self.jobs.running and self.serverapp is not None:
            self.serverapp.web_app.settings[ACTIVITY] = datetime.now(UTC)

    async def stop_extension(self) -> None:
        """End what still runs."""
        self._working.stop()
        await self.jobs.close()
        await self.planner.close()
