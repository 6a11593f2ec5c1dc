"""What is said about a pod: where it stands, and why it does not get on."""

from __future__ import annotations

from dataclasses import dataclass

from ..backend import Phase
from ..problems import StartFailed

ASK_OPERATOR = "Tell the person who runs Datalab."
TRY_AGAIN = "Try again."


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not get on, in words for the person and one for the metrics.

    Attributes:
        sentence: what happened.
        reason: out of :data:`REASONS`.
        hint: what to do next.
        detail: for the operator's log.
        patience: seconds for which it may pass by itself; 0 when it never does, ``None`` when only
            the start's own time limit ends the waiting.
    """

    sentence: str
    reason: str
    hint: str
    detail: str = ""
    patience: float | None = None

    def failure(self) -> StartFailed:
        """Return the error that ends the start."""
        return StartFailed(self.sentence, reason=self.reason, hint=self.hint, detail=self.detail)


@dataclass(frozen=True)
class Finding:
    """Where a pod stands, in words for the person who waits.

    Attributes:
        message: what it is doing.
        cause: what it waits for, or more precisely.
        trouble: what is in its way.
    """

    phase: Phase
    message: str
    cause: str | None = None
    trouble: Trouble | None = None


REASONS = frozenset(
    {
        "admission",
        "attach",
        "config",
        "cpu",
        "crashed",
        "deleted",
        "disk",
        "evicted",
        "forbidden",
        "gpu",
        "image_architecture",
        "image_denied",
        "image_missing",
        "image_name",
        "image_registry",
        "manifest",
        "max_runtime",
        "memory",
        "network",
        "no_answer",
        "no_node",
        "node",
        "oom",
        "pod_security",
        "pods",
        "preempted",
        "quota",
        "rwo",
        "timeout",
        "unreachable",
        "volume",
    }
)
"""Every reason for which a start fails here: a closed set, since metrics keep labels for ever."""
