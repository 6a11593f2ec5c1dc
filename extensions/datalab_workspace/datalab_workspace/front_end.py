"""Turns off those parts of JupyterLab's front end that have nothing to talk to in this workspace.

Lab's plugins are on whether or not the server has what they ask for. Those for language servers
ask for ``lsp/status`` in every page; where ``jupyter_lsp`` is off, as in our images (it costs CPU
in every start), that is an error in the browser's console and a page of 40 kB that nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_server.serverapp import ServerApp

_LANGUAGE_SERVERS = "jupyter_lsp"

# All of them need the first (read in JupyterLab 4.6: `requires`), and would complain without it.
_PLUGINS = (
    "@jupyterlab/lsp-extension:plugin",
    "@jupyterlab/lsp-extension:settings",
    "@jupyterlab/notebook-extension:language-server",
    "@jupyterlab/fileeditor-extension:language-server",
)

_Hook = Callable[[Any, dict[str, Any]], dict[str, Any]]


def install(server: ServerApp) -> None:
    """Adapt the pages of JupyterLab and Notebook to the server extensions that are on."""
    found = server.extension_manager.extensions.get(_LANGUAGE_SERVERS)
    if found is not None and found.enabled:
        return
    settings = server.web_app.settings
    before: _Hook | None = settings.get("page_config_hook")  # JupyterHub's

    def without_language_servers(handler: Any, page_config: dict[str, Any]) -> dict[str, Any]:
        if before is not None:
            page_config = before(handler, page_config)
        disabled = list(page_config.get("disabledExtensions", []))
        missing = [plugin for plugin in _PLUGINS if plugin not in disabled]
        return {**page_config, "disabledExtensions": disabled + missing}

    settings["page_config_hook"] = without_language_servers
