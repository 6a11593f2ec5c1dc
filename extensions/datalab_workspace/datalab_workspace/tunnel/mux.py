"""Many byte streams over one channel of messages: HTTP/2, as ``h2`` speaks it.

Three promises beyond the standard's:

* A stream whose reader is slow holds up itself only. Its window opens when what it carried has
  been *taken*; the connection's window is always open. Streams that are taken from quickly get
  larger windows, out of what all of them share, so memory is bounded by
  :data:`STREAM_WINDOW` × :data:`MAX_STREAMS` + :data:`SHARED_WINDOW`.
* Reading never waits for writing: two ends that are both full cannot wait for each other.
* Nobody adds to what waits to be sent: a slow channel slows the writers down.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import h2.config
import h2.errors
import h2.events
import h2.exceptions
from h2.settings import SettingCodes

from .frames import Connection
from .stream import STREAM_WINDOW, Closed, Refused, Stream

SHARED_WINDOW = 1 << 26
"""Bytes that all streams together may carry beyond that."""
MAX_STREAMS = 256
"""Streams at the same time; about forty browser tabs."""
FRAME_BYTES = 1 << 19
"""Of one frame. A bigger one costs less, and makes the others wait longer."""
MESSAGE_BYTES = 1 << 24
"""An upper limit for one message of the channel, far above what is ever sent in one."""

_CONNECTION_WINDOW = 1 << 30
_AUTHORITY = "workspace"
_CONNECT = [(":method", "CONNECT"), (":authority", _AUTHORITY)]
_ACCEPTED = [(":status", "200")]


class Mux:
    """One end of the channel.

    Args:
        opens: whether this end opens streams (the gateway) or accepts them (the workspace).
        send: sends one message; returns when there is room for the next.
        accept: carries out one stream that the other end has opened.
    """

    def __init__(
        self,
        *,
        opens: bool,
        send: Callable[[bytes | memoryview], Awaitable[None]],
        accept: Callable[[Stream], Awaitable[None]] | None = None,
    ) -> None:
        self._h2 = Connection(h2.config.H2Configuration(client_side=opens, header_encoding="utf-8"))
        self._send, self._accept = send, accept
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._kick = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._credit, self._lent = 0, 0
        self._closed = False
        self._greet()

    @property
    def streams(self) -> int:
        """How many there are."""
        return len(self._streams)

    async def run(self, messages: AsyncIterator[bytes]) -> None:
        """Work until the channel ends; all streams are broken then.

        Raises:
            Closed: the other end does not speak as it should.
        """
        writer = asyncio.create_task(self._write())
        try:
            async for message in messages:
                for event in self._h2.receive_data(message):
                    self._handle(event)
                self._kick.set()
                if writer.done():
                    writer.result()
        except h2.exceptions.ProtocolError as error:
            raise Closed(f"the other end breaks the protocol: {error}") from error
        finally:
            self._closed = True
            writer.cancel()
            for stream in list(self._streams.values()):
                stream.break_off()
            self._streams.clear()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(writer, *self._tasks, return_exceptions=True)

    def open(self) -> Stream:
        """Open a stream.

        Raises:
            Refused: there are too many.
            Closed: the channel is gone.
        """
        if self._closed:
            raise Closed("the tunnel is closed")
        if len(self._streams) >= min(MAX_STREAMS, self._h2.remote_settings.max_concurrent_streams):
            raise Refused(f"the tunnel carries {len(self._streams)} connections already")
        number = self._h2.get_next_available_stream_id()
        self._h2.send_headers(number, _CONNECT)
        self._kick.set()
        stream = self._streams[number] = Stream(self, number)
        return stream

    # -- for the streams ---------------------------------------------------------------------

    async def room(self, stream: Stream) -> int:
        """Return how many bytes a stream may send now, as soon as it may send any.

        Raises:
            Closed: never again.
        """
        while True:
            await self._room.wait()
            if stream.broken or self._closed:
                raise Closed("the other end has closed this stream")
            try:
                window = self._h2.local_flow_control_window(stream.number)
            except h2.exceptions.ProtocolError as error:  # it has just been closed
                raise Closed(str(error)) from error
            if window > 0:
                return min(window, self._h2.max_outbound_frame_size)
            await stream.window_change()

    def send(self, number: int, data: memoryview) -> None:
        """Send bytes of a stream."""
        self._h2.send_data(number, data)
        self._kick.set()

    def finish(self, number: int) -> None:
        """End our half of a stream."""
        self._quietly(lambda: self._h2.end_stream(number))
        self._forget_if_over(number)

    def reset(self, number: int) -> None:
        """End both halves of a stream at once."""
        self._quietly(lambda: self._h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL))
        self._forget(number)

    def lend(self, size: int) -> int:
        """Return how much more a stream may carry ahead: as much as it asks for, or nothing."""
        if self._lent + size > SHARED_WINDOW:
            return 0
        self._lent += size
        return size

    def open_window(self, number: int, size: int) -> None:
        """Let the other end send more on a stream."""
        self._quietly(lambda: self._h2.increment_flow_control_window(size, number))

    # -- internal ----------------------------------------------------------------------------

    def _quietly(self, what: Callable[[], None]) -> None:
        """Tell the other end something about a stream, unless it has just closed it."""
        if self._closed:
            return
        try:
            what()
        except (h2.exceptions.StreamClosedError, h2.exceptions.NoSuchStreamError):
            return
        self._kick.set()

    def _greet(self) -> None:
        self._h2.initiate_connection()  # with the defaults; what follows holds from its answer on
        self._h2.update_settings(
            {
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_FRAME_SIZE: FRAME_BYTES,
                SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            }
        )
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self._kick.set()

    async def _write(self) -> None:
        while True:
            await self._kick.wait()
            self._kick.clear()
            for message in self._h2.messages():
                self._room.clear()
                await self._send(message)
            self._room.set()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            self._received(event)
        elif isinstance(event, h2.events.RequestReceived):
            self._opened(event)
        elif isinstance(event, h2.events.WindowUpdated):
            for stream in (
                [self._streams.get(event.stream_id)]
                if event.stream_id
                else list(self._streams.values())
            ):
                if stream is not None:
                    stream.window_changed()
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            for stream in self._streams.values():
                stream.window_changed()
        elif isinstance(event, h2.events.StreamEnded):
            if event.stream_id in self._streams:
                self._streams[event.stream_id].ended()
                self._forget_if_over(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            if (stream := self._forget(event.stream_id)) is not None:
                stream.break_off()
        elif isinstance(event, h2.events.ConnectionTerminated):
            raise Closed("the other end has closed the tunnel")

    def _received(self, event: h2.events.DataReceived) -> None:
        size = event.flow_controlled_length
        self._credit += size
        if self._credit >= _CONNECTION_WINDOW // 2:
            self._h2.increment_flow_control_window(self._credit)
            self._credit = 0
        stream = self._streams.get(event.stream_id)
        if stream is not None and event.data:
            stream.received(event.data)

    def _opened(self, event: h2.events.RequestReceived) -> None:
        number = event.stream_id
        if self._accept is None or len(self._streams) >= MAX_STREAMS:
            self._quietly(
                lambda: self._h2.reset_stream(number, h2.errors.ErrorCodes.REFUSED_STREAM)
            )
            return
        self._quietly(lambda: self._h2.send_headers(number, _ACCEPTED))
        stream = self._streams[number] = Stream(self, number)
        task = asyncio.ensure_future(self._accept(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget_if_over(self, number: int) -> None:
        stream = self._streams.get(number)
        if stream is not None and stream.over:
            self._forget(number)

    def _forget(self, number: int) -> Stream | None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._lent -= stream.borrowed
        return stream
