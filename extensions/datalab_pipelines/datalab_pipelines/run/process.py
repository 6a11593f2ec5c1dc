"""One stage's process: started with a log, ended with everything it started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

GRACE = 10.0


async def run_stage(
    arguments: list[str], root: Path, log: Path, environment: Mapping[str, str]
) -> int:
    """Run ``python -m datalab_pipelines.stage`` in ``root``; return its exit status.

    When cancelled, the process and its children are ended first: SIGTERM, then SIGKILL after
    ``GRACE`` seconds.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "datalab_pipelines.stage"),
            *arguments,
            cwd=root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment, "DATALAB_PARENT": str(os.getpid())},
        )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await asyncio.shield(_end(process))
        _signal(process.pid, signal.SIGKILL)  # what the stage started and left behind


async def _end(process: asyncio.subprocess.Process) -> None:
    _signal(process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), GRACE)
    except TimeoutError:
        _signal(process.pid, signal.SIGKILL)
        await process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
