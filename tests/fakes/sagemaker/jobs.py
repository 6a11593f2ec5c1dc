"""A job's timed life, with the real entry point as a real process in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_REASON_CHARS = 1024  # SageMaker keeps this much of /opt/ml/output/failure
_EXIT_LOG_LINES = 40


@dataclass
class Timing:
    """Seconds that each stretch takes. AWS takes minutes; tests do not have them.

    Attributes:
        steps: before the container runs.
        grace: between SIGTERM and SIGKILL; AWS gives 120.
        notice: the same when a spot machine is taken back; AWS promises nothing.
        ending: from the container's end to the final status (uploading).
    """

    steps: float = 0.02
    grace: float = 20.0
    notice: float = 0.0
    ending: float = 0.02


@dataclass
class Transition:
    """One entry of ``SecondaryStatusTransitions``."""

    status: str
    message: str
    began: float
    ended: float | None = None

    def as_json(self) -> dict[str, Any]:
        end = {} if self.ended is None else {"EndTime": self.ended}
        return {
            "Status": self.status,
            "StartTime": self.began,
            "StatusMessage": self.message,
            **end,
        }


# What SageMaker says in each step before the container runs.
STARTING = (
    ("Starting", "Starting the training job"),
    ("Pending", "Waiting for compute capacity"),
    ("Starting", "Launching requested ML instances"),
    ("Starting", "Preparing the instances for training"),
    ("Downloading", "Downloading the training image"),
)
TERMINAL = frozenset({"Completed", "Failed", "Stopped"})


@dataclass
class Job:
    """A training or processing job.

    Attributes:
        request: the create request, as it came.
        status: ``InProgress``, ``Stopping`` or one of the terminal ones.
        directory: the container's ``/opt/ml``.
        prepare: called before each boot; returns (command, environment).
    """

    name: str
    arn: str
    request: dict[str, Any]
    directory: Path
    timing: Timing
    prepare: Callable[[Job], Awaitable[tuple[list[str], dict[str, str]]]]
    max_runtime: float
    tags: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    status: str = "InProgress"
    reason: str | None = None
    exit_code: int | None = None
    started: float | None = None
    ended: float | None = None
    transitions: list[Transition] = field(default_factory=list)
    boots: int = 0
    runs_on: list[str] = field(default_factory=list)
    fail_with: str | None = None
    hold: asyncio.Event | None = None
    """Set by a test: waits here, in ``Pending``, until it is set."""
    process: asyncio.subprocess.Process | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _interrupt: asyncio.Event = field(default_factory=asyncio.Event)
    _life: asyncio.Task[None] | None = None

    @property
    def secondary(self) -> str:
        """The secondary status."""
        return self.transitions[-1].status if self.transitions else "Starting"

    @property
    def over(self) -> bool:
        """Whether the status is final."""
        return self.status in TERMINAL

    def begin(self) -> None:
        """Start the job's life."""
        self.enter(*STARTING[0])
        self._life = asyncio.create_task(self._live())

    def enter(self, status: str, message: str) -> None:
        """Enter a secondary status."""
        now = time.time()
        if self.transitions and self.transitions[-1].status == status:
            self.transitions[-1].message = message
        else:
            if self.transitions:
                self.transitions[-1].ended = now
            self.transitions.append(Transition(status, message, now))
        self._tell()

    def stop(self) -> None:
        """Ask the job to stop; returns at once, as the API does."""
        self.status = "Stopping"
        self.enter("Stopping", "Stopping the training job")
        self._stop.set()

    def interrupt(self) -> None:
        """Take a spot instance away; the job boots again elsewhere."""
        self._interrupt.set()

    async def close(self) -> None:
        """End everything, for the end of a test."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])
        await self._kill()

    def log(self) -> str:
        """Return what the container wrote."""
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # -- the life ---------------------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            again = await self._one_boot()
            if not again:
                return
            self.enter("Interrupted", "Spot capacity was reclaimed")
            await self._pause(self.timing.steps)
            self.enter("Restarting", "Restarting the training job")
            await self._pause(self.timing.steps)

    async def _one_boot(self) -> bool:
        """Live from launch to end; return whether to boot again."""
        self._interrupt.clear()
        self.boots += 1
        for status, message in STARTING[1 if self.boots == 1 else 2 :]:
            if await self._pause(self.timing.steps):
                self._finish("Stopped", "Stopped", "Training job stopped")
                return False
            self.enter(status, message)
            if status == "Pending" and self.hold is not None:
                await self._first(self.hold.wait(), self._stop.wait())
        if self.fail_with is not None:
            self._finish("Failed", "Failed", "Training job failed", self.fail_with)
            return False
        if await self._pause(self.timing.steps):
            self._finish("Stopped", "Stopped", "Training job stopped")
            return False
        return await self._run()

    async def _run(self) -> bool:
        command, environment = await self.prepare(self)
        (self.directory / "output").mkdir(parents=True, exist_ok=True)
        (self.directory / "output" / "failure").unlink(missing_ok=True)
        self.enter("Training", "Training image download completed. Training in progress.")
        with (self.directory / "log").open("ab") as output:
            try:
                self.process = await asyncio.create_subprocess_exec(
                    *command,
                    env=environment,
                    cwd=self.directory,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                self._finish(
                    "Failed", "Failed", "Training job failed",
                    f"AlgorithmError: {command[0]}: {error.strerror}, exit code: 127",
                )  # fmt: skip
                return False
        self.started = self.started or time.time()
        end = asyncio.ensure_future(self.process.wait())
        timeout = asyncio.ensure_future(
            asyncio.sleep(max(0, self.started + self.max_runtime - time.time()))
        )
        stop = asyncio.ensure_future(self._stop.wait())
        interrupt = asyncio.ensure_future(self._interrupt.wait())
        waits = [end, timeout, stop, interrupt]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if end.done() and not stop.done():
                self._exited(end.result())
                return False
            if interrupt.done() and not stop.done() and not timeout.done():
                await self._terminate(self.timing.notice)
                return True
            await self._terminate(self.timing.grace)
            await asyncio.sleep(self.timing.ending)
            if timeout.done() and not stop.done():
                self._finish("Stopped", "MaxRuntimeExceeded", "Resource released: max runtime")
            else:
                self._finish("Stopped", "Stopped", "Training job stopped")
            return False
        finally:
            for wait in waits:
                wait.cancel()

    async def _terminate(self, grace: float) -> None:
        assert self.process is not None
        if self.process.returncode is None and grace > 0:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), grace)
        await self._kill()

    async def _kill(self) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # kernels too: the container goes away
        await self.process.wait()

    def _exited(self, status: int) -> None:
        self.exit_code = status if status >= 0 else 128 - status
        with contextlib.suppress(ProcessLookupError):
            assert self.process is not None
            os.killpg(self.process.pid, signal.SIGKILL)
        if status == 0:
            self._finish("Completed", "Completed", "Training job completed")
            return
        path = self.directory / "output" / "failure"
        text = path.read_text(errors="replace")[:_REASON_CHARS] if path.exists() else ""
        self._finish(
            "Failed",
            "Failed",
            "Training job failed",
            f"AlgorithmError: {text}, exit code: {self.exit_code}",
        )

    def _finish(self, status: str, secondary: str, message: str, reason: str | None = None) -> None:
        self.enter(secondary, message)
        self.status, self.reason, self.ended = status, reason, time.time()
        self.transitions[-1].ended = self.ended
        self._tell()

    async def _pause(self, seconds: float) -> bool:
        """Wait; return whether the job was asked to stop meanwhile."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        return self._stop.is_set()

    async def _first(self, *things: Awaitable[Any]) -> None:
        waits = [asyncio.ensure_future(thing) for thing in things]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()
