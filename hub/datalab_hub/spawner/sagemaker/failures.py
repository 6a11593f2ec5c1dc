"""What AWS says, in sentences for the person who waits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..problems import StartFailed
from .aws import Refused, Unknown

_QUOTED_CHARS = 300
_TRY_AGAIN = "Try again; if it happens twice, tell the person who runs Datalab."
_OPERATOR = "Tell the person who runs Datalab: this is not something you can change."


def refusal(error: Refused, instance_types: Sequence[str], others: Sequence[str]) -> StartFailed:
    """Return the failure of a start whose call AWS refused.

    Args:
        others: titles of further profiles that the person may try.
    """
    machine = " or ".join(instance_types)
    if error.code == "ResourceLimitExceeded":
        limit = re.search(r"is (\d+) Instances", error.said)
        allowed = f" (limit: {limit[1]})" if limit else ""
        return StartFailed(
            f"This AWS account may not start another {machine} for training jobs{allowed}.",
            reason="quota",
            hint=_alternatives(others)
            + "Your operator can ask AWS for more under Service Quotas, SageMaker.",
            detail=error.said,
        )
    if error.code in {"AccessDeniedException", "AccessDenied", "UnrecognizedClientException"}:
        return StartFailed(
            f"Datalab is not allowed to do this on AWS ({error.operation}).",
            reason="access",
            hint=_OPERATOR,
            detail=error.said,
        )
    return StartFailed(
        f"AWS did not accept the start ({error.code}).",
        reason="refused",
        hint=_OPERATOR,
        detail=error.said,
    )


def not_set_up(obstacle: str) -> StartFailed:
    """Return the failure of a start on a platform that cannot run anything."""
    return StartFailed(
        "Workspaces on SageMaker are not set up here.",
        reason="setup",
        hint=_OPERATOR,
        detail=obstacle,
    )


def no_home(error: OSError) -> StartFailed:
    """Return the failure of a start for whose person no home could be created."""
    return StartFailed(
        "Your home directory could not be created.",
        reason="home",
        hint=_OPERATOR,
        detail=f"{error} (c.SageMakerPlatform.homes_mount)",
    )


def unreachable(error: Unknown) -> StartFailed:
    """Return the failure of a start during which AWS did not answer."""
    return StartFailed(
        "AWS does not answer at the moment.",
        reason="unreachable",
        hint="Try again in a few minutes, or start a workspace that runs elsewhere.",
        detail=str(error),
    )


def ended(
    status: str, reason: str, instance_types: Sequence[str], others: Sequence[str]
) -> StartFailed:
    """Return the failure of a start whose job ended before it answered.

    Args:
        status: the job's status.
        reason: its ``FailureReason``, or nothing.
    """
    machine = " or ".join(instance_types)
    if reason.startswith("CapacityError") or "InsufficientInstanceCapacity" in reason:
        return StartFailed(
            f"AWS has no {machine} free at the moment.",
            reason="capacity",
            hint=_alternatives(others) + "Or try again later: capacity comes and goes.",
            detail=reason,
        )
    if "image" in reason.lower() and reason.startswith("ClientError"):
        return StartFailed(
            "The image of this workspace could not be fetched.",
            reason="image",
            hint=_OPERATOR,
            detail=reason,
        )
    if "mount" in reason.lower() and reason.startswith("ClientError"):
        return StartFailed(
            "Your home directory could not be mounted.",
            reason="home",
            hint=_OPERATOR,
            detail=reason,
        )
    if status == "Stopped":
        return StartFailed(
            "The workspace was stopped from outside Datalab while it was starting.",
            reason="stopped",
            hint="Try again; somebody may have stopped the job in the AWS console.",
            detail=reason,
        )
    said = spoken(reason)
    return StartFailed(
        f"The workspace ended while it was starting{f': {said}' if said else '.'}",
        reason="crashed",
        hint=_TRY_AGAIN,
        detail=reason,
    )


def spoken(reason: str) -> str:
    """Return the part of a ``FailureReason`` that our own entry point wrote, shortened."""
    text = re.sub(r"^AlgorithmError:\s*", "", reason)
    text = re.sub(r",?\s*exit code:\s*\d+\s*$", "", text).strip()
    return text if len(text) <= _QUOTED_CHARS else text[: _QUOTED_CHARS - 1] + "…"


def _alternatives(others: Sequence[str]) -> str:
    return f"Try {' or '.join(others)}. " if others else ""
