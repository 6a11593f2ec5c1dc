"""The API under ``datalab-export/api``.

``POST preview``          {notebook, edits, folder} → {plan, presets, parameters, git}
``GET  jobs?notebook=``   {job}: the notebook's latest export, or null
``POST jobs``             {notebook, edits, folder, verify, git} → 201 and the job
``GET  jobs/ID``          the job with all its events
``GET  jobs/ID/events``   the events as they come (``text/event-stream``), from ``?since=N`` on
``POST jobs/ID/cancel``   ends it and removes what was half written; answers when it has

Errors are JSON: ``{"error": {message, cell, line, hint, fields, job}}``. Signed-in people only;
Jupyter Server checks the XSRF cookie.
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from .jobs import Busy, Job, Jobs
from .paths import NotLocal, Outside, below, root_of
from .planner import PlanningFailed, PlanningProcess

JOBS = "datalab_export_jobs"  # keys in the web application's settings
PLANNER = "datalab_export_planner"
BEAT = 15.0


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

    def notebook(self, named: Any) -> str | None:
        """Return the path of the notebook that a browser names; None when it was refused."""
        try:
            found = below(root_of(self.contents_manager), named)
        except NotLocal as error:
            self.refuse(409, {"message": str(error)})
        except Outside as error:
            self.refuse(400, {"message": str(error)})
        else:
            if found.is_file() and found.suffix == ".ipynb":
                return str(found)
            hint = "Was it renamed or deleted? Open it again from the file browser."
            self.refuse(404, {"message": f"There is no notebook {named}", "hint": hint})
        return None

    def order(self) -> dict[str, Any] | None:
        """Return notebook and edits of the request; None when it was refused."""
        body = self.get_json_body()
        if not isinstance(body, dict) or not isinstance(body.get("edits") or {}, dict):
            message = "The request is no JSON object with notebook and edits"
            self.refuse(400, {"message": message})
            return None
        notebook = self.notebook(body.get("notebook"))
        if notebook is None:
            return None
        root = str(root_of(self.contents_manager).resolve())
        return {**body, "notebook": notebook, "root": root, "edits": body.get("edits") or {}}

    def job(self, identity: str) -> Job:
        """Return the job or answer 404."""
        found = self.jobs.get(identity)
        if found is None:
            raise web.HTTPError(404, "There is no such export (any more)")
        return found


class PreviewHandler(ExportHandler):
    """The plan, with a person's edits."""

    @web.authenticated
    @authorized(action="read")
    async def post(self) -> None:
        """Analyse and plan; nothing is written."""
        order = self.order()
        if order is None:
            return
        try:
            named = order.get("folder") or ""
            folder = str(below(order["root"], named)) if named else ""
        except Outside as error:
            return self.refuse(422, {"message": str(error), "fields": {"folder": str(error)}})
        planner: PlanningProcess = self.settings[PLANNER]
        asked = {key: order[key] for key in ("notebook", "root", "edits")}
        try:
            answer = await planner.ask({**asked, "folder": folder})
        except PlanningFailed as error:
            hint = "Try again; the server's log has the details."
            return self.refuse(500, {"message": str(error), "hint": hint})
        if "error" in answer:
            return self.refuse(422, answer["error"])
        self.finish(answer["result"])


class JobsHandler(ExportHandler):
    """The start of an export, and finding it again."""

    @web.authenticated
    @authorized(action="read")
    async def get(self) -> None:
        """Return the notebook's latest export."""
        notebook = self.notebook(self.get_query_argument("notebook", ""))
        if notebook is not None:
            job = self.jobs.of(notebook)
            self.finish({"job": job.status() if job else None})

    @web.authenticated
    @authorized(action="write")
    async def post(self) -> None:
        """Start it in a process of its own."""
        order = self.order()
        if order is None:
            return
        try:
            folder = below(order["root"], order.get("folder"))
        except Outside as error:
            fields = {"folder": str(error)}
            return self.refuse(400, {"message": f"The target folder: {error}", "fields": fields})
        if order.get("verify") is True and not await self._may_execute():
            raise web.HTTPError(403, "Verifying runs the notebook, which you may not do here")
        try:
            job = await self.jobs.start(
                {
                    "notebook": order["notebook"],
                    "root": order["root"],
                    "edits": order["edits"],
                    "folder": str(folder),
                    "named": order["folder"],
                    "verify": order.get("verify") is True,
                    "git": order.get("git") if isinstance(order.get("git"), dict) else None,
                }
            )
        except Busy as error:
            return self.refuse(409, {"message": str(error), "job": error.job.id})
        self.set_status(201)
        self.finish(job.status())

    async def _may_execute(self) -> bool:
        allowed = self.authorizer.is_authorized(self, self.current_user, "execute", "kernels")
        return bool(await ensure_async(allowed))


class JobHandler(ExportHandler):
    """How an export stands."""

    @web.authenticated
    @authorized(action="read")
    async def get(self, identity: str) -> None:
        """Return the job with all its events."""
        self.finish(self.job(identity).status())


class EventsHandler(ExportHandler):
    """How an export goes on."""

    @web.authenticated
    @authorized(action="read")
    async def get(self, identity: str) -> None:
        """Send events until the job is over; the last is ``end`` with the job's state."""
        job = self.job(identity)
        since = self.get_query_argument("since", "0")
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")  # nginx would keep events until it has many
        try:
            async for number, event in job.follow(int(since) if since.isdigit() else 0, BEAT):
                data = f"id: {number}\ndata: {json.dumps(event)}" if event else ": still here"
                self.write(data + "\n\n")
                await self.flush()
            self.write(f"event: end\ndata: {json.dumps({'state': job.state})}\n\n")
            await self.flush()
        except StreamClosedError:
            return  # the browser has gone; the job goes on
        self.finish()

    def finish(self, *chunk: Any, **more: Any) -> Any:
        """Finish without the content type that an API's answer gets."""
        return web.RequestHandler.finish(self, *chunk, **more)


class CancelHandler(ExportHandler):
    """The end of an export."""

    @web.authenticated
    @authorized(action="write")
    async def post(self, identity: str) -> None:
        """End it; answers when its processes are gone."""
        job = self.job(identity)
        await job.cancel()
        self.finish(job.status())
