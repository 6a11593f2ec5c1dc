"""What a person sees while a pipeline runs: live lines in a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TextIO

MARKS = {
    "succeeded": "✓",
    "reused": "=",
    "failed": "✗",
    "cancelled": "·",
    "skipped": "-",
}
COLOURS = {"succeeded": "32", "reused": "36", "failed": "31", "cancelled": "33", "skipped": "2"}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress:
    """Lines about stages. Thread-safe; ``close`` leaves the terminal as it was."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.total, self.done = total, 0
        self.running: dict[str, float] = {}
        self._lock = threading.Lock()
        self._drawn = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if self.live:
            self._thread = threading.Thread(target=self._animate, daemon=True)
            self._thread.start()

    def begin(self, node: str) -> None:
        """A stage has begun."""
        with self._lock:
            self.running[node] = time.monotonic()
            if not self.live:
                self._write(f"  {node} …\n")

    def note(self, node: str, text: str) -> None:
        """Something about a stage (a retry)."""
        with self._lock:
            self._erase()
            self._write(f"  {node}: {text}\n")

    def end(self, node: str, status: str, detail: str = "") -> None:
        """A stage has ended, or did not have to run."""
        with self._lock:
            began = self.running.pop(node, None)
            self.done += 1
            took = f"{time.monotonic() - began:.1f} s" if began is not None else status
            self._erase()
            mark = MARKS.get(status, "?")
            if self.live:
                mark = f"\x1b[{COLOURS.get(status, '0')}m{mark}\x1b[0m"
            self._write(f"{mark} {node}  {took}{'  ' + detail if detail else ''}\n")

    def close(self) -> None:
        """Stop drawing."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        with self._lock:
            self._erase()

    def _animate(self) -> None:
        turn = 0
        while not self._stop.wait(0.1):
            turn += 1
            with self._lock:
                self._erase()
                width = shutil.get_terminal_size().columns
                now = time.monotonic()
                lines = [
                    f"{SPINNER[turn % len(SPINNER)]} {node}  {now - began:.0f} s"[: width - 1]
                    for node, began in list(self.running.items())[:8]
                ]
                if len(self.running) > 8:
                    lines.append(f"  and {len(self.running) - 8} more")
                self._write("".join(f"{line}\n" for line in lines))
                self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
