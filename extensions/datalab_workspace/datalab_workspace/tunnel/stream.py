"""One stream of the tunnel, as those see it who read and write it."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .mux import Mux

STREAM_WINDOW = 1 << 21
"""Bytes that a stream may carry ahead of its reader, at first."""
_WIDEST = 1 << 23  # of one stream


class Closed(ConnectionError):
    """The channel, or the other end of this stream, is gone."""


class Refused(Closed):
    """There are as many streams as may be."""


class Stream:
    """One connection through the tunnel. Read by one task and written by one task."""

    def __init__(self, mux: Mux, number: int) -> None:
        self._mux, self.number = mux, number
        self._chunks: collections.deque[bytes] = collections.deque()
        self._news = asyncio.Event()  # something to read, or the end
        self._window = asyncio.Event()  # perhaps room to write
        self._taken, self._width = 0, STREAM_WINDOW
        self._ended = self._finished = False  # theirs, ours
        self.broken = False

    @property
    def borrowed(self) -> int:
        """Bytes of the shared window that this stream has."""
        return self._width - STREAM_WINDOW

    @property
    def over(self) -> bool:
        """Whether both ends have sent everything."""
        return self._ended and self._finished

    async def read(self) -> bytes:
        """Return the next bytes; nothing at the end.

        Raises:
            Closed: the other end has given up.
        """
        while not self._chunks:
            if self.broken:
                raise Closed("the other end has closed this stream")
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        chunk = self._chunks.popleft()
        self._taken += len(chunk)
        if self._taken >= self._width // 2 and not self._ended:
            more = self._mux.lend(self._width) if self._width < _WIDEST else 0
            self._width += more
            self._mux.open_window(self.number, self._taken + more)
            self._taken = 0
        return chunk

    async def write(self, data: bytes) -> None:
        """Send bytes as the other end takes them.

        Raises:
            Closed: nobody takes them any more.
        """
        view = memoryview(data)
        while view:
            size = await self._mux.room(self)
            self._mux.send(self.number, view[:size])
            view = view[size:]

    def finish(self) -> None:
        """Say that nothing more is coming."""
        if not self._finished and not self.broken:
            self._finished = True
            self._mux.finish(self.number)

    def reset(self) -> None:
        """Give the stream up, whatever is on its way."""
        if not self.broken and not self.over:
            self._mux.reset(self.number)
        self.break_off()

    # -- what the multiplexer calls ----------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Take bytes in."""
        self._chunks.append(data)
        self._news.set()

    def ended(self) -> None:
        """Note that the other end has sent everything."""
        self._ended = True
        self._news.set()

    def break_off(self) -> None:
        """Wake everybody with an error."""
        self.broken = True
        self._chunks.clear()
        self._news.set()
        self._window.set()

    def window_changed(self) -> None:
        """Let the writer look again."""
        self._window.set()

    async def window_change(self) -> None:
        """Wait for :meth:`window_changed`."""
        self._window.clear()
        await self._window.wait()
