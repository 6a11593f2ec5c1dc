"""The server extension: static files, activity, data sources, notices, what is said before a stop.

Works in any single-user server; :mod:`datalab_workspace.server` enables it by itself.
"""

from __future__ import annotations

from jupyter_server.serverapp import ServerApp

from . import activity, agent, announcement, farewell, front_end, idle, notices, static


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """Add the handlers; called while the server is being built."""
    idle.install(server)
    announcement.install(server)
    farewell.install(server)
    agent.install(server)
    notices.install(server)


async def _start_jupyter_server_extension(server: ServerApp) -> None:
    """Take over what other extensions have set; called when all of them are loaded."""
    activity.install(server)
    front_end.install(server)
    static.install(server.web_app)
    agent.start(server)
