"""The fake in a thread of its own, for tests that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .jobs import Timing
from .server import FakeAws


@contextmanager
def threaded_aws(directory: Path, moto: str, timing: Timing | None = None) -> Iterator[FakeAws]:
    """Yield a fake that answers while the test blocks. Change its attributes, call no coroutine."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    aws = FakeAws(directory, moto=moto, timing=timing)
    run(aws.open())
    try:
        yield aws
    finally:
        run(aws.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
