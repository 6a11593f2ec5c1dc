"""Port numbers on this machine that stay the same from one start to the next."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"


class Ports:
    """Port numbers that stay the same from one start to the next, while they are free."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, name: str) -> int:
        """Return a port: last time's, or a new one if somebody else has taken that."""
        known = self._read()
        port = known.get(name)
        if port is None or not _free(port):
            port = _any_free()
            self.path.write_text(json.dumps({**known, name: port}))
        return port

    def _read(self) -> dict[str, int]:
        try:
            ports: dict[str, Any] = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return ports


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
