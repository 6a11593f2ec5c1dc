"""HTTP/2 that does not copy what it carries: ``h2``, with a short way for large DATA frames.

``h2`` joins every frame into one buffer, copies that out, and does the same again where it arrives:
eight copies of each byte. Here a large DATA frame leaves as two messages, its nine bytes of header
and then its body as it is, and a body that arrives as one message is passed on as it is. The bytes
on the wire are HTTP/2's either way, so an end that does not know this short way understands it, and
the other way round.

Uses names of ``h2`` 4.3 to 4.4 that it does not document (``_prepare_for_sending``, ``_data``,
``_headers_buffer``); a test compares both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h2.config
import h2.connection
from h2.frame_buffer import FrameBuffer
from hyperframe.frame import DataFrame, Frame

_HEADER_BYTES = 9  # RFC 9113, section 4.1
_WORTH_IT = 1 << 14
"""Bytes; smaller bodies are cheaper to copy than to send by themselves."""

# h2 writes out each frame that it receives, for a log that nobody keeps (`_receive_frame` of h2
# 4.4): every byte in hexadecimal, which is half of a transfer's time. The length says enough.
DataFrame._body_repr = lambda self: f"{self.body_len} bytes"  # type: ignore[method-assign]


class Connection(h2.connection.H2Connection):
    """One end; :meth:`messages` instead of ``data_to_send``."""

    def __init__(self, config: h2.config.H2Configuration) -> None:
        super().__init__(config)
        self.incoming_buffer = _Incoming(self)
        self._ready: list[Any] = []

    def messages(self) -> Iterator[bytes | memoryview]:
        """Yield what there is to send, until there is nothing; bodies are not copied."""
        while self._ready or self._data_to_send:
            ready, self._ready = self._ready, []
            if self._data_to_send:
                ready.append(self.data_to_send())
            yield from ready

    def _prepare_for_sending(self, frames: list[Frame]) -> None:
        for frame in frames:
            if type(frame) is DataFrame and not frame.flags and len(frame.data) >= _WORTH_IT:
                head = (
                    len(frame.data).to_bytes(3, "big")
                    + b"\0\0"
                    + frame.stream_id.to_bytes(4, "big")
                )
                # What came before goes by itself: plain h2 learns of a larger limit for frames only
                # with the message after the one in which that is acknowledged.
                if self._data_to_send:
                    self._ready.append(self.data_to_send())
                self._ready += [head, frame.data]
            else:
                super()._prepare_for_sending([frame])


class _Incoming(FrameBuffer):
    """Takes a DATA frame's body as it is, where it is exactly one message."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(server=not connection.config.client_side)
        self._connection = connection
        self._body: Any = None

    def _validate_frame_length(self, length: int) -> None:
        # h2 tells at the begin of a message, which may itself bring a larger limit.
        self.max_frame_size = self._connection.max_inbound_frame_size
        super()._validate_frame_length(length)

    def add_data(self, data: Any) -> None:
        """Take a message in; whatever was added before has been read as far as it goes."""
        head = self._data
        if (
            len(head) == _HEADER_BYTES
            and not self._preamble_len
            and not self._headers_buffer
            and not head[3]  # a DATA frame
            and not head[4]  # without flags
            and int.from_bytes(head[:3], "big") == len(data) > 0
        ):
            self._body = data
        else:
            super().add_data(data)

    def __next__(self) -> Frame:
        if self._body is None:
            return super().__next__()
        self._validate_frame_length(len(self._body))
        frame, _ = Frame.parse_frame_header(memoryview(bytes(self._data)))
        assert isinstance(frame, DataFrame)
        frame.data, frame.body_len = self._body, len(self._body)
        self._body = None
        self._data.clear()
        return frame
