"""What ``DescribeTrainingJob`` means: where a start stands, how a job ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..backend import Phase

TERMINAL = frozenset({"Completed", "Failed", "Stopped", "Deleting"})
_INTERRUPTIONS = frozenset({"Interrupted", "Restarting"})

# Secondary status (and the beginning of its message, where that tells more) → phase, text.
_PHASES: tuple[tuple[str, str, Phase, str], ...] = (
    ("Starting", "Launching", Phase.SCHEDULE, "Getting a machine"),
    ("Starting", "Preparing", Phase.SCHEDULE, "Preparing the machine"),
    ("Starting", "", Phase.QUEUE, "AWS has taken the request"),
    ("LaunchingMLInstances", "", Phase.SCHEDULE, "Getting a machine"),
    ("PreparingTrainingStack", "", Phase.SCHEDULE, "Preparing the machine"),
    ("Pending", "", Phase.SCHEDULE, "Waiting for a free machine"),
    ("DownloadingTrainingImage", "", Phase.PULL, "Fetching the image"),
    ("Downloading", "", Phase.PULL, "Fetching the image"),
    ("Training", "", Phase.BOOT, "Starting the server"),
    ("Interrupted", "", Phase.SCHEDULE, "The machine was taken back; getting another"),
    ("Restarting", "", Phase.SCHEDULE, "The machine was taken back; getting another"),
)


@dataclass(frozen=True)
class Described:
    """One look at a job.

    Attributes:
        status: ``TrainingJobStatus``; ``None``: there is no such job.
        secondary: ``SecondaryStatus``.
        message: what SageMaker says about it.
        interruptions: how often a spot machine was taken away.
        machine: the instance type that was chosen, as far as known.
    """

    status: str | None
    secondary: str = ""
    message: str = ""
    reason: str = ""
    interruptions: int = 0
    machine: str = ""

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Described:
        """Read an answer of ``DescribeTrainingJob``."""
        steps = answer.get("SecondaryStatusTransitions", [])
        names = [step["Status"] for step in steps]
        # "Interrupted" and "Restarting" follow each other: one interruption.
        began = [
            name in _INTERRUPTIONS and (at == 0 or names[at - 1] not in _INTERRUPTIONS)
            for at, name in enumerate(names)
        ]
        resources = answer.get("ResourceConfig", {})
        return cls(
            status=answer["TrainingJobStatus"],
            secondary=answer.get("SecondaryStatus", ""),
            message=steps[-1].get("StatusMessage", "") if steps else "",
            reason=answer.get("FailureReason", ""),
            interruptions=sum(began),
            machine=resources.get("SelectedInstanceType") or resources.get("InstanceType", ""),
        )

    @property
    def over(self) -> bool:
        """Whether it is certain that the job does not run and never will again."""
        return self.status is None or self.status in TERMINAL

    @property
    def exit_status(self) -> int:
        """Return a process's exit status for how the job ended; 0 when unknown."""
        return 1 if self.status == "Failed" else 0

    def phase(self) -> tuple[Phase, str, str | None]:
        """Return where the start stands: phase, text, cause."""
        for secondary, message, phase, text in _PHASES:
            if self.secondary == secondary and self.message.startswith(message):
                told = self.machine if phase is Phase.SCHEDULE else ""
                cause = " – ".join(part for part in (told, self.message) if part)
                return phase, text, cause or None
        return Phase.QUEUE, "Waiting for AWS", self.secondary or None


ABSENT = Described(status=None)
