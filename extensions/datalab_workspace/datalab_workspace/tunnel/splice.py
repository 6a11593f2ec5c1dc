"""One TCP connection ↔ one stream of the tunnel."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from .stream import Closed, Stream

CHUNK = 1 << 19
"""Bytes read at once; what a connection's reader may hold (``limit=`` of asyncio's streams)."""
AHEAD = 1 << 20
"""Bytes written ahead of who reads: with less, both would wait for each other at every chunk."""


async def splice(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: Stream, first: bytes = b""
) -> None:
    """Carry bytes both ways until both ends have said everything, or one has gone.

    Half-closed connections stay so: who has sent everything may still receive. An end that breaks
    off breaks off the other, so that a cut download does not look like a complete one.

    Args:
        first: was read from the connection already.
    """

    writer.transport.set_write_buffer_limits(AHEAD)
    read_widely(writer.transport)

    async def there() -> None:
        data = first or await reader.read(CHUNK)
        while data:
            await stream.write(data)
            data = await reader.read(CHUNK)
        stream.finish()

    async def back() -> None:
        while data := await stream.read():
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(there())
            both.create_task(back())
    except* (Closed, OSError):
        pass  # what it was is of no use to either end; both learn that it is over
    finally:
        if stream.over:
            writer.close()
        else:
            stream.reset()
            _abort(writer)
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def read_widely(transport: asyncio.BaseTransport) -> None:
    """Take more at once from a connection than asyncio's 256 KiB: each turn costs the same.

    The attribute is not documented; where a transport has none (TLS), nothing changes.
    """
    if hasattr(transport, "max_size"):
        transport.max_size = CHUNK


def _abort(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees a reset: its end is not the end of the data."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):  # it is closed already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
