"""One job at the gateway: the port that the proxy connects to, and the tunnel behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from urllib.parse import unquote

from datalab_workspace import wire
from datalab_workspace.tunnel.client import OVER
from datalab_workspace.tunnel.mux import MAX_STREAMS, Mux
from datalab_workspace.tunnel.splice import CHUNK, read_widely, splice
from datalab_workspace.tunnel.stream import Closed, Stream
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

REPLACED = 4409
"""Close code: another tunnel of the same job has taken over."""

_HEAD_BYTES = 1 << 16
_HEAD_SECONDS = 60
_PATIENCE = 10.0  # seconds that a request waits for a tunnel that is being dialled again
_BACKLOG = 128

_ANSWERS = {
    421: ("Misdirected Request", "This is another workspace's port."),
    503: ("Service Unavailable", "The workspace's tunnel is down; it is being opened again."),
    429: ("Too Many Requests", "Too many connections to this workspace at the same time."),
}


class Link:
    """What one job has here.

    Attributes:
        secret_hash: of whoever dialled in last.
        grant: what the hub has said.
    """

    def __init__(
        self, job: str, grant: wire.TunnelGrant, secret_hash: str, log: logging.Logger
    ) -> None:
        self.job, self.grant, self.secret_hash = job, grant, secret_hash
        self._log = log
        self._prefix = unquote(grant.prefix)
        self._mux: Mux | None = None
        self._websocket: ServerConnection | None = None
        self._closing: asyncio.Future[None] | None = None
        self._up = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether the workspace is there."""
        return self._mux is not None

    @property
    def connections(self) -> int:
        """How many the proxy has open."""
        return len(self._connections)

    async def listen(self, host: str) -> None:
        """Take the port.

        Raises:
            OSError: somebody else has it.
        """
        self._server = await asyncio.start_server(
            self._connected, host, self.grant.port, limit=CHUNK, backlog=_BACKLOG
        )

    async def serve(self, websocket: ServerConnection) -> None:
        """Be the tunnel of this job until it ends; an earlier one makes room."""
        earlier, self._websocket = self._websocket, websocket
        if earlier is not None:
            self._log.info("%s dials in again; its earlier tunnel is closed", self.job)
            self._closing = asyncio.ensure_future(
                earlier.close(REPLACED, "another tunnel has taken over")
            )
        read_widely(websocket.transport)
        mux = self._mux = Mux(opens=True, send=websocket.send)
        self._up.set()
        try:
            await mux.run(_messages(websocket))
        except Closed as error:
            self._log.warning("The tunnel of %s: %s", self.job, error)
        except ConnectionClosed as closed:
            self._log.info("The tunnel of %s is down: %s", self.job, closed)
        finally:
            if self._mux is mux:
                self._mux = self._websocket = None
                self._up.clear()

    async def close(self) -> None:
        """End the tunnel, for good, and give the port back."""
        if self._server is not None:
            self._server.close()
        if self._websocket is not None:
            await self._websocket.close(OVER, "this workspace is not expected any more")
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # -- connections of the proxy -----------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) > MAX_STREAMS:
                await _answer(writer, 429)
                return
            async with asyncio.timeout(_HEAD_SECONDS):
                first = await self._first(reader)
            if not self._is_for(first):
                self._log.error("A request for another workspace came to the port of %s", self.job)
                await _answer(writer, 421)
                return
            try:
                stream = await self._stream()
            except (Closed, TimeoutError):
                await _answer(writer, 503)
                return
            await splice(reader, writer, stream, first)
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _first(self, reader: asyncio.StreamReader) -> bytes:
        """Return the beginning of a connection, request line included, if it can be read."""
        first = b""
        while not self.grant.encrypted and b"\r\n" not in first and len(first) < _HEAD_BYTES:
            more = await reader.read(CHUNK)
            if not more:
                break
            first += more
        return first

    def _is_for(self, first: bytes) -> bool:
        """Return whether a connection begins with a request for this workspace.

        The port alone says which workspace it is. This holds when a proxy's table is old and the
        port has become another's: then a request, and the cookies in it, must not get there.
        """
        if self.grant.encrypted or not self._prefix:
            return True
        parts = first.split(b"\r\n", 1)[0].split(b" ")
        if len(parts) != 3:
            return False
        path = unquote(parts[1].split(b"?", 1)[0].decode("latin-1"))
        return f"{path}/".startswith(self._prefix)

    async def _stream(self) -> Stream:
        async with asyncio.timeout(_PATIENCE):
            while self._mux is None:
                await self._up.wait()
        return self._mux.open()


async def _messages(websocket: ServerConnection):  # type: ignore[no-untyped-def]
    while True:
        yield await websocket.recv(decode=False)


async def _answer(writer: asyncio.StreamWriter, status: int) -> None:
    reason, text = _ANSWERS[status]
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nRetry-After: 2\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    with contextlib.suppress(OSError):
        await writer.drain()
