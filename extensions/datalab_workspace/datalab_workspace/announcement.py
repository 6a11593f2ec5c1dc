"""A stop is announced before it happens: what is open in the browser is saved, the person is told.

Whoever stops a workspace (the person, the idle stop, the limit, the platform that takes a machine
back) sends SIGTERM in the end. The server then tells every tab, over the event stream that Lab
listens to anyway (``api/events/subscribe``), waits until they have saved, and stops.

``POST <base>/datalab/api/stop``   a tab: ``{"tab", "state": "saving" | "done", "saved", "failed"}``
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from .grace import STOP_GRACE

SCHEMA_ID = "https://schema.datalab.example/workspace/stopping"
SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "A workspace stops",
    "personal-data": True,
    "type": "object",
    "required": ["seconds"],
    "properties": {
        "seconds": {"type": "number", "description": "What there is to save everything in."}
    },
}

_ANNOUNCEMENT = "datalab_announcement"  # key in the web application's settings
_DEFAULT_GRACE = 8.0  # seconds; what `c.LocalPlatform.stop_timeout` gives
_SHARE = 0.6  # of the grace, for saving; the rest is for the kernels' end
_FIRST_WORD = 1.5  # seconds in which a tab that is there has said so
_TABS, _PATHS, _TEXT_CHARS = 100, 50, 300  # what is believed of one tab, and of all


@dataclass
class Tab:
    """What a tab has said."""

    done: bool = False
    saved: int = 0
    failed: list[str] = field(default_factory=list)


class Announcement:
    """Tells every tab, once, and waits for them.

    Args:
        grace: seconds between SIGTERM and SIGKILL.
    """

    def __init__(self, server: ServerApp, grace: float) -> None:
        self._server = server
        self._seconds = grace * _SHARE
        self._tabs: dict[str, Tab] = {}
        self._news = asyncio.Event()
        self.begun = asyncio.Event()

    @property
    def made(self) -> bool:
        """Whether the stop has begun."""
        return self.begun.is_set()

    async def make(self) -> None:
        """Return when every tab has saved, or time is up."""
        self.begun.set()
        log = self._server.log
        # Answers nothing when nobody listens (read in jupyter_events 0.12).
        logger = self._server.event_logger
        assert logger is not None, "a server has one since its initialization"
        heard = logger.emit(schema_id=SCHEMA_ID, data={"seconds": self._seconds})
        if heard is None:
            return
        try:
            async with asyncio.timeout(self._seconds):
                await asyncio.sleep(min(_FIRST_WORD, self._seconds / 2))
                while not all(tab.done for tab in self._tabs.values()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            late = sum(not tab.done for tab in self._tabs.values())
            log.warning("%s open pages have not finished saving in time.", late)
        saved = sum(tab.saved for tab in self._tabs.values())
        failed = [path for tab in self._tabs.values() for path in tab.failed]
        log.info("Before the stop: %s open pages, %s documents saved.", len(self._tabs), saved)
        if failed:
            log.error("Not saved before the stop: %s", ", ".join(failed))

    def heard(self, name: str, said: Tab) -> None:
        """Take what a tab says."""
        if name in self._tabs or len(self._tabs) < _TABS:
            self._tabs[name] = said
            self._news.set()


class StopHandler(APIHandler):
    """What tabs answer to the announcement."""

    auth_resource = "api"

    @web.authenticated
    async def post(self) -> None:
        """Take one tab's word."""
        announcement: Announcement = self.settings[_ANNOUNCEMENT]
        if not announcement.made:
            raise web.HTTPError(409, "This workspace is not being stopped.")
        body = self.get_json_body() or {}
        try:
            tab = Tab(
                done={"saving": False, "done": True}[body["state"]],
                saved=int(body.get("saved", 0)),
                failed=[str(path)[:_TEXT_CHARS] for path in body.get("failed", [])[:_PATHS]],
            )
            name = str(body["tab"])[:_TEXT_CHARS]
        except (KeyError, TypeError, ValueError) as error:
            raise web.HTTPError(400, f"Not a tab's word: {error!r}") from error
        announcement.heard(name, tab)
        self.set_status(204)
        self.finish()


def install(server: ServerApp) -> None:
    """Add handler and event schema to a server."""
    settings = server.web_app.settings
    grace = float(os.environ.get(STOP_GRACE) or _DEFAULT_GRACE)
    settings[_ANNOUNCEMENT] = Announcement(server, grace)
    assert server.event_logger is not None, "a server has one since its initialization"
    server.event_logger.register_event_schema(SCHEMA)
    path = url_path_join(settings["base_url"], "datalab/api/stop")
    server.web_app.add_handlers(".*$", [(path, StopHandler)])


def of(server: ServerApp) -> Announcement | None:
    """Return a server's announcement, if it has one and it has not been made."""
    found: Any = server.web_app.settings.get(_ANNOUNCEMENT)
    return found if found is not None and not found.made else None


async def begun(settings: dict[str, Any]) -> None:
    """Return when this server has been told to stop."""
    announcement: Announcement = settings[_ANNOUNCEMENT]
    await announcement.begun.wait()
