"""A workspace that is told to stop does so, whatever the signal interrupts."""

from __future__ import annotations

import logging
import signal
from typing import Any

import pytest
from datalab_workspace.server import WorkspaceServer


class Busy(logging.Handler):
    """What standard error is while a line is being written to it."""

    def handle(self, record: logging.LogRecord) -> bool:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")


class Loop:
    def __init__(self) -> None:
        self.asked: list[Any] = []

    def add_callback_from_signal(self, callback: Any, *arguments: Any) -> None:
        self.asked.append((callback, *arguments))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_interrupts_a_log_line_is_not_lost(number: int) -> None:
    server = WorkspaceServer()
    server.log = logging.Logger("busy")
    server.log.addHandler(Busy())
    server.io_loop = loop = Loop()  # type: ignore[assignment]
    server._signal_stop(number, None)
    assert len(loop.asked) == 1
