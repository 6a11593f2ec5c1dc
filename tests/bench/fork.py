"""How fast is a start, seen from the hub: claim sent → first answer over HTTP.

    python tests/bench/fork.py [--rounds 10] [--at-once 8]

Prints a table: wall seconds, CPU seconds of the workspace until that answer, and the private
memory of the idle server. ``cold`` starts a fresh interpreter, ``fork`` takes the standby's.
Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.claimant import Standby, Workspace, claim, start_cold
from fakes.hub import FakeHub

_IDLE = 1.0  # seconds before memory is read
_MIB = 1 << 20


async def _forked(standby: Standby, hub: FakeHub, name: str, directory: Path) -> Workspace:
    workspace = await claim(await standby.connect(), hub, hub.add(name), directory)
    await workspace.answer()
    return workspace


async def _cold(hub: FakeHub, name: str, directory: Path) -> Workspace:
    began = time.perf_counter()
    connection, _process = start_cold(directory / f"{name}.log")
    workspace = await claim(connection, hub, hub.add(name), directory)
    workspace.claimed = began  # a cold start begins with the interpreter
    await workspace.answer()
    return workspace


def _row(title: str, walls: list[float], cpus: list[float], memories: list[int]) -> None:
    memory = f"{statistics.median(memories) / _MIB:12.1f}" if memories else " " * 12
    print(
        f"{title:24}{statistics.median(walls):9.3f}{min(walls):9.3f}{max(walls):9.3f}"
        f"{statistics.median(cpus):9.3f}{memory}",
        flush=True,
    )


async def measure(rounds: int, at_once: int) -> None:
    """Run everything and print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        with Standby(directory) as standby:
            async with FakeHub() as hub:
                await _measure(hub, standby, directory, rounds, at_once)


async def _measure(
    hub: FakeHub, standby: Standby, directory: Path, rounds: int, at_once: int
) -> None:
    print(f"{'':24}{'median s':>9}{'best':>9}{'worst':>9}{'CPU s':>9}{'private MiB':>12}")

    def forked(name: str) -> Awaitable[Workspace]:
        return _forked(standby, hub, name, directory)

    def cold(name: str) -> Awaitable[Workspace]:
        return _cold(hub, name, directory)

    await _rounds("fork, one", forked, rounds, 1)
    await _rounds(f"fork, {at_once} at once", forked, max(1, rounds // 4), at_once)
    await _rounds("cold, one", cold, max(1, rounds // 3), 1)


async def _rounds(
    title: str, start: Callable[[str], Awaitable[Workspace]], rounds: int, at_once: int
) -> None:
    """Start workspaces, some at once, and print a row; wall time is that of a round's slowest."""
    walls, cpus, memories = [], [], []
    for number in range(rounds):
        names = [f"{title.split(',')[0]}{at_once}-{number}-{index}" for index in range(at_once)]
        group = await asyncio.gather(*map(start, names))
        walls.append(max(w.answered for w in group) - min(w.claimed for w in group))
        cpus += [workspace.cpu() for workspace in group]
        await asyncio.sleep(_IDLE)
        memories += [workspace.private_memory() for workspace in group]
        await asyncio.gather(*(workspace.end() for workspace in group))
    _row(title, walls, cpus, memories)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="measure claim → first answer")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=8)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.rounds, arguments.at_once))


if __name__ == "__main__":
    main()
