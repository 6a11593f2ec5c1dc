"""Ports that stay free until they are used, and while a server that is killed is away."""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 10_000  # below are the ports that people know
_SHARES = 16  # of the workers of a test run, each with ports of its own


def free_port() -> int:
    """Return a port of loopback that nobody listens on; each only once in a process.

    It is below the kernel's ephemeral ports (``ip_local_port_range`` of ip(7)). One of those may be
    taken between being found free and being used, or while a server that a test killed is away:
    every connection that somebody opens, and every server on port 0, takes one.
    """
    for port in _ports():
        with socket.socket() as probe:
            # As asyncio does: connections that linger in TIME_WAIT are in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("there is always a next one")


@cache
def _ports() -> Iterator[int]:
    end = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    size = (end - _FIRST) // _SHARES
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = _FIRST + int(worker) % _SHARES * size
    # Two test runs on one machine: it is unlikely that they begin at the same port.
    start = random.Random(os.urandom(8)).randrange(size)
    return (first + (start + number) % size for number in itertools.count())
