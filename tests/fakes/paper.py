"""Workspaces that are only on paper: the hub believes that they run, and nothing does.

For measuring what happens around workspaces, with hundreds of them. The hub, its database, tokens
and spawners are real. In a hub's configuration, before ``configure``::

    from fakes.paper import use_paper
    use_paper(c, "tokens.txt")
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from datalab_hub.spawner.backend import Backend
from datalab_hub.spawner.local import LocalPlatform

_ANSWER = b"HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Length: 0\r\n\r\n"


class PaperBackend(Backend):
    """Notes the workspace's hub token in a file, and leads to one server for all."""

    tokens: Path
    _server: asyncio.Server | None = None
    _runs = False

    async def start(self) -> str:
        """Return the address of the common server."""
        if PaperBackend._server is None:
            PaperBackend._server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        host, port = PaperBackend._server.sockets[0].getsockname()
        self.context.bind(host, port)
        environment = self.context.environment()
        with self.tokens.open("a") as file:
            file.write(f"{self.context.user} {environment['JUPYTERHUB_API_TOKEN']}\n")
        self._runs = True
        self.context.save()
        return f"http://{host}:{port}"

    async def resume(self) -> str:
        """Start once more."""
        return await self.start()

    async def poll(self) -> int | None:
        """Say what the hub believes."""
        return None if self._runs else 0

    async def stop(self, now: bool = False) -> None:
        """Forget it."""
        self._runs = False

    def get_state(self) -> dict[str, Any]:
        """Return nothing of use."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take nothing over."""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(_ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def use_paper(c: Any, tokens: str) -> None:
    """Make the workspaces of a hub's local profiles such ones."""
    PaperBackend.tokens = Path(tokens)
    LocalPlatform.backend_class = PaperBackend  # type: ignore[assignment]
    c.LocalPlatform.use_standby = False
    c.JupyterHub.concurrent_spawn_limit = 0
