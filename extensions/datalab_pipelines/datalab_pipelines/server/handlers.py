"""The API under ``datalab-export/api``.

``POST preview``           {notebook, choices} → {plan, can}
``POST jobs``              {notebook, choices, folder, verify, commit} → {id, state, …}
``GET  jobs/ID?since=N``   state and the events from N on; waits up to 20 s for news
``POST jobs/ID/cancel``    ends it and removes what was half written

Errors are JSON: ``{"error": {message, cell, line, hint}}``. Signed-in people only; Jupyter Server
checks the XSRF cookie.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from .jobs import Job, Jobs
from .paths import Outside, below

JOBS = "datalab_export_jobs"  # key in the web application's settings
NEWS = 20.0
PREVIEW = 60.0


class ExportHandler(APIHandler):
    """What all handlers share."""

    auth_resource = "contents"

    @property
    def jobs(self) -> Jobs:
        """Return the server's jobs."""
        found: Jobs = self.settings[JOBS]
        return found

    def refuse(self, status: int, error: dict[str, Any]) -> None:
        """Finish with an error."""
        self.set_status(status)
        self.finish({"error": {"cell": None, "line": None, "hint": "", **error}})

    def order(self) -> dict[str, Any] | None:
        """Return notebook and choices of the request; None when it was refused."""
        body = self.get_json_body()
        try:
            if not isinstance(body, dict) or not isinstance(body.get("choices") or {}, dict):
                raise Outside("The request is no JSON object with notebook and choices")
            notebook = below(self.settings["server_root_dir"], body.get("notebook"))
        except Outside as error:
            self.refuse(400, {"message": str(error)})
            return None
        if not notebook.is_file() or notebook.suffix != ".ipynb":
            hint = "Save the notebook first."
            message = f"There is no notebook {body['notebook']}"
            self.refuse(404, {"message": message, "hint": hint})
            return None
        return {**body, "notebook": str(notebook), "choices": body.get("choices") or {}}

    def job(self, identity: str) -> Job:
        """Return the job or answer 404."""
        found = self.jobs.get(identity)
        if found is None:
            raise web.HTTPError(404, "There is no such export (any more)")
        return found


class PreviewHandler(ExportHandler):
    """The plan, with a person's choices."""

    @web.authenticated
    @authorized(action="read")
    async def post(self) -> None:
        """Analyse and plan; nothing is written."""
        order = self.order()
        if order is None:
            return
        job = await self.jobs.start(
            {"do": "preview", "notebook": order["notebook"], "choices": order["choices"]}
        )
        try:
            events = (await job.wait(0, PREVIEW))["events"]
        finally:
            await job.cancel()  # also when the browser has gone
        if not events:
            return self.refuse(504, {"message": f"The analysis took longer than {PREVIEW:.0f} s"})
        if "error" in events[0]:
            return self.refuse(422, events[0]["error"])
        self.finish(events[0]["result"])


class JobsHandler(ExportHandler):
    """The start of an export."""

    @web.authenticated
    @authorized(action="write")
    async def post(self) -> None:
        """Start it in a process of its own."""
        order = self.order()
        if order is None:
            return
        try:
            folder = below(self.settings["server_root_dir"], order.get("folder"))
        except Outside as error:
            return self.refuse(400, {"message": f"The target folder: {error}"})
        job = await self.jobs.start(
            {
                **{"do": "export", "notebook": order["notebook"], "choices": order["choices"]},
                "folder": str(Path(folder)),
                "verify": order.get("verify") is True,
                "commit": order.get("commit") is True,
            }
        )
        self.set_status(201)
        self.finish(job.status())


class JobHandler(ExportHandler):
    """How an export goes on."""

    @web.authenticated
    @authorized(action="read")
    async def get(self, identity: str) -> None:
        """Answer as soon as there is news."""
        job = self.job(identity)
        since = self.get_query_argument("since", "0")
        self.finish(await job.wait(int(since) if since.isdigit() else 0, NEWS))


class CancelHandler(ExportHandler):
    """The end of an export."""

    @web.authenticated
    @authorized(action="write")
    async def post(self, identity: str) -> None:
        """End it; answers when its processes are gone."""
        job = self.job(identity)
        await job.cancel()
        self.finish(job.status())
