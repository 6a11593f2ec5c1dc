"""Run a server once, as a browser would use it, to learn which modules that takes.

Runs only in a throw-away child of the standby (see :mod:`datalab_workspace.preload`), against a
hub of three answers that lives in the same event loop. Everything is on loopback and in a
scratch directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from tornado import httpclient, ioloop, web, websocket
from tornado.httpserver import HTTPServer

_PREFIX = "/user/rehearsal/"
_TOKEN = "rehearsal"
_KERNEL = "datalab-rehearsal"
_HANDSHAKE = 0.3  # seconds

# What Lab requests when it opens, and a page of Notebook.
_PAGES = (
    "api/status",
    "lab",
    "tree",
    "api/me",
    "api/kernelspecs",
    "api/kernels",
    "api/sessions",
    "api/terminals",
    "api/contents?content=1",
    "api/contents/rehearsal.ipynb?content=1",
    "api/config/notebook",
    "lab/api/settings",
    "lab/api/workspaces/default",
    "lab/api/translations/",
    "lsp/status",
    "api/nbconvert",  # Lab asks at once, for its menu; the exporters take 0.4 s to import
    "datalab/api/idle",
    "datalab/api/notices",
    "static/favicon.ico",
)


def rehearse(scratch: str) -> list[str]:
    """Run a server, use it, and return the names of the modules that were imported for it.

    Args:
        scratch: an empty directory; the home of the rehearsal.
    """
    before = set(sys.modules)
    home = Path(scratch)
    _prepare(home)
    with socket.socket() as hub, socket.socket() as listener:
        for sock in (hub, listener):
            sock.bind(("127.0.0.1", 0))
            sock.listen(16)
            sock.setblocking(False)
        _environment(home, hub.getsockname()[1], port := listener.getsockname()[1])
        ioloop.IOLoop.current().add_callback(_serve_hub, hub)

        from .server import build

        server = build(["--allow-root", "--log-level=ERROR"], listener.dup())
        failures: list[str] = []
        server.io_loop.add_callback(_use, server, f"http://127.0.0.1:{port}{_PREFIX}", failures)
        server.start()
    for failure in failures:
        print(f"Rehearsal: {failure}", file=sys.stderr, flush=True)
    return sorted(
        name for name, module in sys.modules.items() if name not in before and module is not None
    )


def _prepare(home: Path) -> None:
    """Make a home with a notebook and a kernel that ends at once."""
    kernel = home / ".local/share/jupyter/kernels" / _KERNEL
    kernel.mkdir(parents=True)
    spec = {"argv": ["true"], "display_name": _KERNEL, "language": "none"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (home / "rehearsal.ipynb").write_text(json.dumps(notebook))


def _environment(home: Path, hub_port: int, port: int) -> None:
    api = f"http://127.0.0.1:{hub_port}/hub/api"
    os.environ.update(
        HOME=str(home),
        JUPYTERHUB_ACTIVITY_URL=f"{api}/users/rehearsal/activity",
        JUPYTERHUB_API_TOKEN=_TOKEN,
        JUPYTERHUB_API_URL=api,
        JUPYTERHUB_BASE_URL="/",
        JUPYTERHUB_CLIENT_ID="jupyterhub-user-rehearsal",
        JUPYTERHUB_OAUTH_ACCESS_SCOPES=json.dumps([f"access:servers!server=rehearsal/{''}"]),
        JUPYTERHUB_OAUTH_CALLBACK_URL=f"{_PREFIX}oauth_callback",
        JUPYTERHUB_OAUTH_SCOPES=json.dumps(["access:servers!server=rehearsal/"]),
        JUPYTERHUB_SERVER_NAME="",
        JUPYTERHUB_SERVICE_PREFIX=_PREFIX,
        JUPYTERHUB_SERVICE_URL=f"http://127.0.0.1:{port}{_PREFIX}",
        JUPYTERHUB_USER="rehearsal",
    )
    os.chdir(home)


class _Hub(web.RequestHandler):
    def get(self, path: str) -> None:
        """Answer ``/hub/api`` and ``/hub/api/user``."""
        scopes = ["access:servers!server=rehearsal/"]
        self.set_header("X-JupyterHub-Version", "0")
        self.write({"kind": "user", "name": "rehearsal", "scopes": scopes, "groups": []})

    def post(self, path: str) -> None:
        """Take an activity report."""


def _serve_hub(sock: socket.socket) -> None:
    HTTPServer(web.Application([("(.*)", _Hub)])).add_socket(sock.dup())


async def _use(server: Any, base: str, failures: list[str]) -> None:
    """Do what a browser does when it opens Lab and runs a notebook; then stop the server."""
    client = httpclient.AsyncHTTPClient()
    headers = {"Authorization": f"token {_TOKEN}"}

    async def fetch(path: str, method: str = "GET", body: Any = None) -> Any:
        request = httpclient.HTTPRequest(
            base + path,
            method,
            headers,
            body=None if body is None else json.dumps(body),
            follow_redirects=False,
        )
        response = await client.fetch(request, raise_error=False)
        if response.code >= 400:
            failures.append(f"{method} {path}: {response.code}")
        return response

    try:
        for path in _PAGES:
            await fetch(path)
        kernel = json.loads((await fetch("api/kernels", "POST", {"name": _KERNEL})).body)
        address = base.replace("http", "ws", 1) + f"api/kernels/{kernel['id']}/channels"
        # This kernel never answers, so the handshake never ends; it has begun, that is enough.
        with contextlib.suppress(TimeoutError):
            request = httpclient.HTTPRequest(address, headers=headers)
            await asyncio.wait_for(websocket.websocket_connect(request), _HANDSHAKE)
        await fetch(f"api/kernels/{kernel['id']}", "DELETE")
        terminal = json.loads((await fetch("api/terminals", "POST", {})).body)
        await fetch(f"api/terminals/{terminal['name']}", "DELETE")
    finally:
        server.stop()
