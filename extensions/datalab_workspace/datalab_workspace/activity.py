"""What counts as activity: what a person does, and what a kernel computes. Not what a tab polls.

Jupyter Server takes the latest of several times for its last activity
(``ServerWebApplication.last_activity``; read in jupyter_server 2.21). Two of them mislead:

* ``api_last_activity`` is the time of *any* authenticated API request, unless the client says
  ``no_track_activity``, which Lab 4.6 never does. An open, untouched tab asks for kernels,
  sessions, terminals and the directory every ten seconds: it would keep its workspace for ever.
* the kernels' time is that of their last message, and a cell that computes in silence for hours
  sends none.

So here: requests that change something count, and so do page loads, terminals (their input and
output, as in Jupyter Server), kernel messages, and a kernel that is busy at the very moment when
somebody asks. Reading does not, and neither does what Lab writes without anybody: an untouched tab
saves its layout after each look at the directory (seen in Lab 4.6: one PUT every ten seconds).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import MethodType
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.web import RequestHandler

REQUEST = "datalab_request"
"""Key in ``settings["last_activity_times"]``: the last request that shows a person."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LAYOUT = "lab/api/workspaces/"
_API_TIME = "api_last_activity"


def install(server: ServerApp) -> None:
    """Correct a server's bookkeeping."""
    application = server.web_app
    settings = application.settings
    settings["log_function"] = _noting(settings["log_function"])

    def last_activity(self: Any) -> datetime:
        """Return when somebody, or something working for them, was last active."""
        if busy(server):
            return datetime.now(UTC)
        times = [settings["started"], settings["kernel_manager"].last_kernel_activity]
        times += settings["last_activity_times"].values()
        times += [
            value
            for key, value in settings.items()
            if key.endswith("_last_activity") and key != _API_TIME
        ]
        return max(times)

    application.last_activity = MethodType(last_activity, application)  # type: ignore[method-assign]


def busy(server: ServerApp) -> bool:
    """Return whether any kernel is computing now."""
    manager = server.kernel_manager
    return any(
        getattr(manager.get_kernel(kernel), "execution_state", None) == "busy"
        for kernel in manager.list_kernel_ids()
    )


def note(settings: dict[str, Any]) -> None:
    """Count this moment as activity."""
    settings["last_activity_times"][REQUEST] = datetime.now(UTC)


def shows_a_person(handler: RequestHandler) -> bool:
    """Return whether a finished request came from somebody who is there.

    A page load is told from a script's request by the browser's ``Sec-Fetch-Mode``.
    """
    if handler.get_status() >= 400 or not getattr(handler, "_jupyter_current_user", None):
        return False
    request = handler.request
    if request.method not in _READING:
        return not request.path.startswith(handler.settings["base_url"] + _LAYOUT)
    return request.headers.get("Sec-Fetch-Mode") == "navigate"


def _noting(log: Callable[[RequestHandler], None]) -> Callable[[RequestHandler], None]:
    """Wrap the function that Tornado calls when it has finished a request."""

    def log_and_note(handler: RequestHandler) -> None:
        if shows_a_person(handler):
            note(handler.settings)
        log(handler)

    return log_and_note
