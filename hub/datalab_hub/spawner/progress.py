"""What a start tells the person who waits for it, and what it leaves behind for the metrics."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from .backend import Phase

_TICK = 1.0  # seconds between signs of life while nothing changes
_LAST_PERCENT = 95  # the rest belongs to the hub: route added, page redirected

# Where a start without history stands when a phase begins, in percent.
_FIRST_PERCENT = {
    Phase.QUEUE: 5,
    Phase.SCHEDULE: 15,
    Phase.PULL: 25,
    Phase.VOLUME: 55,
    Phase.BOOT: 65,
    Phase.REGISTER: 80,
    Phase.ROUTE: 90,
}


@dataclass(frozen=True)
class Step:
    """One report of a backend: since ``at`` (seconds after the click) the start is in ``phase``."""

    at: float
    phase: Phase
    message: str
    cause: str | None = None


class ProgressLog:
    """Collects a start's reports and plays them to any number of listeners.

    Args:
        estimate: seconds that starts of this profile usually take, ``None`` without history.
        clock: monotonic seconds.
    """

    def __init__(
        self, estimate: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.estimate = estimate
        self.steps: list[Step] = []
        self._clock = clock
        self._began = clock()
        self._changed = asyncio.Event()
        self._ended: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the click, or the whole duration once finished."""
        return (self._ended if self._ended is not None else self._clock()) - self._began

    def report(self, phase: Phase, message: str, *, cause: str | None = None) -> None:
        """Note that the start has reached ``phase``; repeated reports are told once."""
        last = self.steps[-1] if self.steps else None
        if last and (last.phase, last.message, last.cause) == (phase, message, cause):
            return
        self.steps.append(Step(self.elapsed, phase, message, cause))
        self._changed.set()

    def finish(self) -> None:
        """The start is over, one way or the other: freeze the clock."""
        if self._ended is None:
            self._ended = self._clock()
        self._changed.set()

    def phase_seconds(self) -> dict[Phase, float]:
        """Return how long each phase took so far; a phase entered twice counts in sum."""
        totals: dict[Phase, float] = {}
        ends = [step.at for step in self.steps[1:]] + [self.elapsed]
        for step, end in zip(self.steps, ends, strict=True):
            totals[step.phase] = totals.get(step.phase, 0.0) + end - step.at
        return totals

    def event(self) -> dict[str, Any]:
        """Return JupyterHub's progress event for this moment."""
        step = self.steps[-1] if self.steps else Step(0, Phase.QUEUE, "Your workspace is requested")
        message = f"{step.message}: {step.cause}" if step.cause else step.message
        return {
            "progress": self._percent(step),
            "message": message,
            "html_message": escape(message),
            "datalab": {
                "phase": step.phase.value,
                "text": step.message,
                "cause": step.cause,
                "elapsed": round(self.elapsed, 1),
                "estimate": self.estimate,
            },
        }

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Yield an event now, at every report, and once a second in between, until the end."""
        while True:
            self._changed.clear()
            yield self.event()
            if self._ended is not None:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), _TICK)
            except TimeoutError:
                continue

    def _percent(self, step: Step) -> int:
        if self.estimate:
            # Two thirds at the usual duration, ever slower after it, never done before it is.
            return round(_LAST_PERCENT * (1 - math.exp(-1.1 * self.elapsed / self.estimate)))
        return _FIRST_PERCENT[step.phase]
