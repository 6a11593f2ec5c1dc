"""Exports under way: their processes, what they have said so far, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .reaping import MARK, reap

KEPT = 20  # finished jobs whose result can still be asked for
GRACE = 5.0  # seconds that a cancelled process has to clean up
LONGEST_LINE = 64 * 2**20
STAGING = ".new-pipeline-*"  # where the exporter writes before the project appears


class Busy(Exception):
    """The notebook is being exported already; ``job`` is that export."""

    def __init__(self, job: Job) -> None:
        super().__init__("This notebook is being exported already")
        self.job = job


@dataclass
class Job:
    """An order, its process and its events."""

    id: str
    order: dict[str, Any]
    process: asyncio.subprocess.Process
    scratch: Path  # its temporary files, removed at its end
    staging: set[Path]  # half-written projects in the target's folder that are not this job's
    events: list[dict[str, Any]] = field(default_factory=list)
    state: str = "running"  # running, cancelling, cancelled, done, failed
    began: float = field(default_factory=time.time)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Say whether no process of this job is left."""
        return self.state in ("cancelled", "done", "failed")

    def status(self) -> dict[str, Any]:
        """Return what a browser needs to show this job, however late it comes."""
        order = {key: value for key, value in self.order.items() if key not in ("notebook", "root")}
        return {
            **{"id": self.id, "state": self.state, "began": self.began, "now": time.time()},
            **{"order": {**order, "folder": self.order["named"]}, "events": self.events},
        }

    async def follow(self, since: int, beat: float) -> AsyncIterator[tuple[int, Any]]:
        """Yield (number, event) from ``since`` on until the job is over.

        Yields (-1, None) after ``beat`` seconds without news, so that proxies keep the line open.
        """
        while True:
            changed = self.changed
            while since < len(self.events):
                yield since, self.events[since]
                since += 1
            if self.over:
                return
            try:
                await asyncio.wait_for(changed.wait(), beat)
            except TimeoutError:
                yield -1, None

    def tell(self, event: dict[str, Any] | None = None) -> None:
        """Add an event and wake who waits."""
        if event is not None:
            self.events.append({**event, "at": round(time.time() - self.began, 1)})
        self.changed.set()
        self.changed = asyncio.Event()

    async def cancel(self) -> None:
        """End the process and all that it started; return when they are gone."""
        if self.state == "running":
            self.state = "cancelling"
            self.tell()
            _signal(self.process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), GRACE)
            except TimeoutError:
                pass  # it had its time; the kill below ends it
            _signal(self.process.pid, signal.SIGKILL)
        if self.task:
            await asyncio.shield(self.task)


class Jobs:
    """The exports of one server, one at a time for each notebook."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._starting = asyncio.Lock()

    async def start(self, order: dict[str, Any]) -> Job:
        """Start a child process with this order. Raises ``Busy``."""
        async with self._starting:
            latest = self.of(order["notebook"])
            if latest and not latest.over:
                raise Busy(latest)
            identity = uuid.uuid4().hex
            parent = Path(order["folder"]).parent
            scratch = Path(tempfile.mkdtemp(prefix="datalab-export-"))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "datalab_pipelines.server.worker", "export"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=LONGEST_LINE,
                env={**os.environ, MARK: identity, "TMPDIR": str(scratch)},
            )
            job = Job(identity, order, process, scratch, set(parent.glob(STAGING)))
            self._forget()
            self._jobs[job.id] = job
            job.task = asyncio.create_task(self._run(job))
            return job

    def get(self, identity: str) -> Job | None:
        """Return the job, None when there is none (any more)."""
        return self._jobs.get(identity)

    def of(self, notebook: str) -> Job | None:
        """Return a notebook's latest job."""
        found = [one for one in self._jobs.values() if one.order["notebook"] == notebook]
        return found[-1] if found else None

    @property
    def running(self) -> bool:
        """Say whether any job is not over."""
        return any(not job.over for job in self._jobs.values())

    async def close(self) -> None:
        """Cancel everything."""
        await asyncio.gather(*(job.cancel() for job in self._jobs.values()))

    def _forget(self) -> None:
        finished = [one.id for one in self._jobs.values() if one.over]
        for old in finished[: max(0, len(finished) - KEPT)]:
            del self._jobs[old]

    async def _run(self, job: Job) -> None:
        assert job.process.stdin and job.process.stdout
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its exit code says why
            job.process.stdin.write(json.dumps(job.order).encode() + b"\n")
            await job.process.stdin.drain()
        async for line in job.process.stdout:
            job.tell(json.loads(line))
        code = await job.process.wait()
        job.process.stdin.close()
        await asyncio.to_thread(reap, job.id)
        await asyncio.to_thread(self._sweep, job)
        last = job.events[-1] if job.events else {}
        if "result" in last:
            job.state = "done"  # also when somebody cancelled too late
        elif job.state == "cancelling":
            job.state = "cancelled"
        else:
            if "error" not in last:
                message = f"The export ended unexpectedly ({_ended(code)})"
                hint = "Nothing half-written is left. " + (
                    "Perhaps the workspace ran out of memory: close what you do not need, and "
                    "export again."
                    if code == -signal.SIGKILL
                    else "The server's log has the details."
                )
                job.tell({"error": {"message": message, "hint": hint}})
            job.state = "failed"
        job.tell()

    def _sweep(self, job: Job) -> None:
        """Remove what a job that could not unwind has left."""
        shutil.rmtree(job.scratch, ignore_errors=True)
        parent = Path(job.order["folder"]).parent
        others = [
            one
            for one in self._jobs.values()
            if one is not job and not one.over and Path(one.order["folder"]).parent == parent
        ]
        if not others:  # else it could be theirs; theirs is removed when they end
            for left in set(parent.glob(STAGING)) - job.staging:
                shutil.rmtree(left, ignore_errors=True)


def _ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
