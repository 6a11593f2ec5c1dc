"""Child processes, what they have said so far, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from dataclasses import dataclass, field
from typing import Any

KEPT = 20  # finished jobs whose result can still be asked for
GRACE = 5.0  # seconds that a cancelled process has to clean up
LONGEST_LINE = 64 * 2**20


@dataclass
class Job:
    """An order, its process and its events."""

    id: str
    process: asyncio.subprocess.Process
    events: list[dict[str, Any]] = field(default_factory=list)
    state: str = "running"  # running, done, failed, cancelled
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def status(self, since: int = 0) -> dict[str, Any]:
        """Return the state and the events from number ``since`` on."""
        return {
            **{"id": self.id, "state": self.state, "next": len(self.events)},
            "events": self.events[since:],
        }

    async def wait(self, since: int, seconds: float) -> dict[str, Any]:
        """Return the status once there is news after ``since``, at the latest after ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self.events) <= since and self.state == "running":
                    await self.changed.wait()
        return self.status(since)

    def tell(self) -> None:
        """Wake who waits."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def cancel(self) -> None:
        """End the process and all that it started; return when they are gone."""
        if self.state == "running":
            self.state = "cancelled"
            _signal(self.process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), GRACE)
            except TimeoutError:
                pass  # it had its time; the kill below ends it
            _signal(self.process.pid, signal.SIGKILL)
        if self.task:
            await self.task


class Jobs:
    """The jobs of one server."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    async def start(self, order: dict[str, Any]) -> Job:
        """Start a child process with this order."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "datalab_pipelines.server.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        job = Job(uuid.uuid4().hex, process)
        finished = [one.id for one in self._jobs.values() if one.state != "running"]
        for old in finished[: max(0, len(finished) - KEPT)]:
            del self._jobs[old]
        self._jobs[job.id] = job
        job.task = asyncio.create_task(_follow(job, order))
        return job

    def get(self, identity: str) -> Job | None:
        """Return the job, None when there is none (any more)."""
        return self._jobs.get(identity)

    async def close(self) -> None:
        """Cancel everything."""
        await asyncio.gather(*(job.cancel() for job in self._jobs.values()))


async def _follow(job: Job, order: dict[str, Any]) -> None:
    assert job.process.stdin and job.process.stdout
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended; its code says why
        job.process.stdin.write(json.dumps(order).encode())
        await job.process.stdin.drain()
        job.process.stdin.close()
    async for line in job.process.stdout:
        job.events.append(json.loads(line))
        job.tell()
    code = await job.process.wait()
    if job.state == "running":
        last = job.events[-1] if job.events else {}
        if "result" not in last and "error" not in last:
            message = f"The export ended unexpectedly (exit code {code})"
            hint = "Perhaps the workspace ran out of memory; its log has the details."
            job.events.append({"error": {"message": message, "hint": hint}})
        job.state = "done" if "result" in job.events[-1] else "failed"
    job.tell()


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
