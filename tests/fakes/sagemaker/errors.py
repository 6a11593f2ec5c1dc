"""Errors as SageMaker answers them, and the faults that a test asks for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class ApiError(Exception):
    """An error answer.

    Args:
        code: AWS's name for it; goes into ``__type`` and ``x-amzn-errortype``.
        message: what the service says.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class LostAnswer(Exception):
    """The call was carried out, and the connection breaks before its answer is sent."""


def not_found(kind: str = "resource") -> ApiError:
    """Return what SageMaker says of something that is not there.

    The model declares ``ResourceNotFound``; the service answers most ``Describe…`` calls with a
    ``ValidationException`` of this very text, as many issue threads quote.
    """
    return ApiError("ValidationException", f"Requested {kind} not found.")


def validation(problems: list[str]) -> ApiError:
    """Return the answer to a request that does not fit the model."""
    noun = "error" if len(problems) == 1 else "errors"
    return ApiError(
        "ValidationException",
        f"{len(problems)} validation {noun} detected: {'; '.join(problems)}",
    )


def throttled() -> ApiError:
    """Return what every AWS service says to callers that ask too often."""
    return ApiError("ThrottlingException", "Rate exceeded")


def server_error() -> ApiError:
    """Return a failure of the service itself."""
    return ApiError("InternalFailure", "We encountered an internal error. Please try again.", 500)


def over_quota(instance_type: str, use: str = "training job usage") -> ApiError:
    """Return the answer to an instance type for which the account has no quota left."""
    return ApiError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance_type} for {use}' is 0 Instances, with current "
        "utilization of 0 Instances and a request delta of 1 Instances. Please use AWS Service "
        "Quotas to request an increase for this quota.",
    )


CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
    "different ML instance type or after some time."
)


@dataclass
class Fault:
    """Answers some calls with an error instead of carrying them out.

    Attributes:
        error: makes the answer; ``None``: carry it out, but lose the answer on the way.
        service: ``sagemaker``, ``secretsmanager``, …; any when ``None``.
        operation: its name; any when ``None``.
        skip: how many calls to let pass first.
        times: how many calls; all of them when ``None``.
        chance: probability for each matching call.
        delay: seconds before the answer.
        action: called when it strikes, after the call was carried out if it is (kill somebody).
    """

    error: Callable[[], ApiError] | None
    service: str | None = None
    operation: str | None = None
    skip: int = 0
    times: int | None = None
    chance: float = 1.0
    delay: float = 0.0
    action: Callable[[], object] = lambda: None

    async def strikes(self, service: str, operation: str, body: dict[str, Any]) -> bool:
        """Return whether this call is hit, and count it."""
        if self.service not in (None, service) or self.operation not in (None, operation):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0 or random.random() >= self.chance:
            return False
        if self.times is not None:
            self.times -= 1
        await asyncio.sleep(self.delay)
        return True
