"""The hub that this server belongs to."""

from __future__ import annotations

from typing import Any

from jupyter_server.serverapp import ServerApp

_EXTENSION = "jupyterhub-singleuser"  # name of JupyterHub's extension


def app_of(server: ServerApp | None) -> Any:
    """Return JupyterHub's ``JupyterHubSingleUser`` in a server; ``None`` in a plain one."""
    if server is None:  # an extension of something else; says the type of `serverapp`
        return None
    point = server.extension_manager.extension_points.get(_EXTENSION)
    return None if point is None else point.app
