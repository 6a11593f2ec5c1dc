"""When this workspace will be stopped, and how a person puts it off.

The hub decides (its idle culler, per profile); this tells what it will decide, by the same rules:
idle for longer than ``DATALAB_IDLE_TIMEOUT`` seconds, or running for longer than
``DATALAB_MAX_RUNTIME`` seconds. Where the hub sets neither, nothing is announced.

``GET  <base>/datalab/api/idle``         when and why; asking is not activity
``POST <base>/datalab/api/idle/extend``  somebody is here; answers the same, and ``reported``
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from . import activity, hub

IDLE_TIMEOUT = "DATALAB_IDLE_TIMEOUT"
MAX_RUNTIME = "DATALAB_MAX_RUNTIME"

_LIMITS = "datalab_limits"  # key in the web application's settings

_WARN_BEFORE = timedelta(minutes=5)
_WARN_FRACTION = 4  # warn in the last quarter of a limit that is shorter than 20 minutes
_REPORT_TIMEOUT = 5  # seconds that a person waits for the hub to take the report


@dataclass(frozen=True)
class Limits:
    """How long a workspace may be idle, and how long it may run at all; ``None``: for ever."""

    idle_timeout: timedelta | None
    max_runtime: timedelta | None

    @classmethod
    def from_environment(cls) -> Limits:
        """Return what the hub wrote into the environment.

        Raises:
            ValueError: a value is not a number of seconds; names the variable.
        """
        return cls(_read(IDLE_TIMEOUT), _read(MAX_RUNTIME))

    def status(self, started: datetime, last_activity: datetime) -> dict[str, Any]:
        """Return what ``GET datalab/api/idle`` answers: times as ISO 8601, spans in seconds."""
        ends = []
        if self.idle_timeout is not None:
            ends.append((last_activity + self.idle_timeout, "idle", self.idle_timeout))
        if self.max_runtime is not None:
            ends.append((started + self.max_runtime, "max_runtime", self.max_runtime))
        stops_at, reason, limit = min(ends, default=(None, None, None))
        warn_before = _WARN_BEFORE if limit is None else min(_WARN_BEFORE, limit / _WARN_FRACTION)
        return {
            "idle_timeout": _seconds(self.idle_timeout),
            "max_runtime": _seconds(self.max_runtime),
            "started": started.isoformat(),
            "last_activity": last_activity.isoformat(),
            "now": datetime.now(UTC).isoformat(),  # a browser's clock may be wrong
            "stops_at": stops_at.isoformat() if stops_at else None,
            "reason": reason,
            "warn_before": warn_before.total_seconds(),
        }


class IdleHandler(APIHandler):
    """When the workspace will be stopped and why."""

    auth_resource = "api"

    def answer(self, **more: Any) -> None:
        """Finish with the status and whatever else there is to say."""
        limits: Limits = self.settings[_LIMITS]
        application: Any = self.application
        status = limits.status(self.settings["started"], application.last_activity())
        self.finish(status | more)

    @web.authenticated
    async def get(self) -> None:
        """Answer; asking does not count as activity."""
        self.answer()


class ExtendHandler(IdleHandler):
    """Somebody is here."""

    @web.authenticated
    async def post(self) -> None:
        """Count this as activity and tell the hub now, not at the next regular report."""
        activity.note(self.settings)
        self.answer(reported=await self._report())

    @web.authenticated
    async def get(self) -> None:
        """Refuse: a link or an image must not extend anything."""
        raise web.HTTPError(405)

    async def _report(self) -> bool:
        app = hub.app_of(self.serverapp)
        if app is None:  # a plain Jupyter server: there is nobody to tell
            return False
        try:
            # Tries again for a minute by itself; a person does not wait for that.
            await asyncio.wait_for(app.notify_activity(), _REPORT_TIMEOUT)
        except TimeoutError:
            self.log.warning("The hub did not take the report of activity in time.")
            return False
        return True


def install(server: ServerApp) -> None:
    """Add the handlers to a server."""
    application = server.web_app
    application.settings[_LIMITS] = Limits.from_environment()
    base = application.settings["base_url"]
    application.add_handlers(
        ".*$",
        [
            (url_path_join(base, "datalab/api/idle"), IdleHandler),
            (url_path_join(base, "datalab/api/idle/extend"), ExtendHandler),
        ],
    )


def _read(variable: str) -> timedelta | None:
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        return timedelta(seconds=float(text))
    except ValueError:
        raise ValueError(f"{variable} is {text!r}, expected a number of seconds") from None


def _seconds(value: timedelta | None) -> float | None:
    return value.total_seconds() if value is not None else None
