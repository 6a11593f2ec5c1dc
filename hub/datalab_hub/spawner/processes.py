"""Local processes: who they are beyond a number, how to see them end, how to end them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

KEY_VARIABLE = "DATALAB_WORKSPACE_KEY"
INSTANCE_VARIABLE = "DATALAB_INSTANCE"

_CREATED_TOLERANCE = 2.0  # seconds; psutil derives the time from the boot time, which is rounded
_FALLBACK_POLL = 0.5  # seconds, where the system has no pidfd


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number.

    Attributes:
        created: seconds since the epoch, as psutil reports it.
    """

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """Return the identity of a living process, ``None`` if there is none of that number."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """Return the process if it is alive; a zombie is not."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _CREATED_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    async def wait(self) -> None:
        """Return when the process has ended, whoever its parent is."""
        if self.process() is None:
            return
        try:
            fd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, an old kernel, or gone by now
            while self.process() is not None:  # noqa: ASYNC110  # nothing tells us
                await asyncio.sleep(_FALLBACK_POLL)
            return
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(fd, ended.set)
        try:
            # The number may have been taken by another process before pidfd_open.
            if self.process() is not None:
                await ended.wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)


def marked(instance: str, key: str | None = None) -> list[psutil.Process]:
    """Return the processes that carry this installation's mark in their environment.

    Kernels, terminals and whatever they started inherit the mark from the server, so they are
    found even after it is gone. The server itself may not show it: it was forked from a standby
    process, and ``/proc`` keeps showing that one's environment.
    """
    found = []
    for process in psutil.process_iter():
        try:
            env = process.environ()
            wanted = env.get(INSTANCE_VARIABLE) == instance and (
                KEY_VARIABLE in env if key is None else env.get(KEY_VARIABLE) == key
            )
            if wanted and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):  # ended meanwhile, or not ours to read
            continue
    return found


def key_of(process: psutil.Process) -> str | None:
    """Return the workspace key in a marked process's environment."""
    try:
        return process.environ().get(KEY_VARIABLE)
    except (psutil.Error, OSError):
        return None


def with_descendants(process: psutil.Process) -> list[psutil.Process]:
    """Return the process and everything below it, the process first."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


async def end(process: ProcessId, *, grace: float, others: Iterable[psutil.Process] = ()) -> None:
    """End a process and all its descendants; return when they are gone.

    Args:
        grace: seconds between SIGTERM to the process and SIGKILL to whatever is left.
        others: more processes that have to be gone at the end.
    """
    doomed = list(others)
    if (root := process.process()) is not None:
        # Before the signal: afterwards the children belong to somebody else.
        doomed += with_descendants(root)
        if grace > 0:
            _signal(root, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), grace)
    await kill(doomed)


async def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL processes and wait for their end."""
    left = [p for p in processes if p.is_running()]
    for process in left:
        _signal(process, signal.SIGKILL)
    await asyncio.gather(*(_ended(process) for process in left))


async def _ended(process: psutil.Process) -> None:
    await ProcessId(process.pid, process.create_time()).wait() if process.is_running() else None


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
