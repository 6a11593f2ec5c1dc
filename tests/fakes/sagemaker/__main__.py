"""``python -m fakes.sagemaker``: the stand-in as a program, until it is interrupted.

Prints one line of JSON with the environment that points any AWS SDK at it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import tempfile
from pathlib import Path

from .jobs import Timing
from .moto_process import moto_server
from .server import FakeAws


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fakes.sagemaker", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--directory", type=Path, help="for jobs and file systems")
    parser.add_argument("--step-seconds", type=float, default=0.5, help="of each step of a start")
    parser.add_argument("--moto", help="address of a running moto server; starts one otherwise")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = arguments.directory or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="datalab-aws-"))
        )
        moto = arguments.moto or stack.enter_context(moto_server())
        asyncio.run(_run(directory, moto, arguments.port, Timing(steps=arguments.step_seconds)))


async def _run(directory: Path, moto: str, port: int, timing: Timing) -> None:
    aws = FakeAws(directory, moto=moto, timing=timing)
    await aws.open(port)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        print(json.dumps(aws.environment()), flush=True)
        await stop.wait()
    finally:
        await aws.close()


if __name__ == "__main__":
    main()
