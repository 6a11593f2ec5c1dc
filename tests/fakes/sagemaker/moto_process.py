"""A moto server in a process of its own: Secrets Manager, STS, EFS and whatever else it has."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from ..ports import free_port

_READY_SECONDS = 60


@contextmanager
def moto_server(**environment: str) -> Iterator[str]:
    """Yield the address of a moto server that answers; it ends with the block.

    Args:
        environment: further variables, such as ``MOTO_RECORDER_FILEPATH``.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | environment,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(url):
            assert process.poll() is None, "moto's server ended; is moto[server] installed?"
            assert time.monotonic() < deadline, "moto's server does not answer"
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5):
            return True
    except OSError:
        return False
