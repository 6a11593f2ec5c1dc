"""Why somebody gets no credential: a sentence for the person, a word for audit and metrics."""

from __future__ import annotations

from ..errors import DatalabError


class CredentialProblem(DatalabError):
    """No credential was handed out.

    Args:
        message: for the person: what is wrong and what to do next. Never holds a secret.
        reason: one word out of a closed set, for audit and metrics.
        detail: more for the broker's log; never a secret either.
    """

    status = 500
    outcome = "failed"
    audited = False
    """Whether it stands in the audit already."""

    def __init__(self, message: str, *, reason: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.detail = detail


class Refused(CredentialProblem):
    """Policy says no: not this person, not this workspace, not this source."""

    status = 403
    outcome = "refused"


class Unknown(Refused):
    """There is no such source."""

    status = 404


class BadRequest(Refused):
    """Not what the protocol says."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="request")


class NotAWorkspace(Refused):
    """The token belongs to no running workspace."""

    status = 401


class TooMany(Refused):
    """Asked too often.

    Args:
        retry_after: seconds after which it is worth to ask again.
    """

    status = 429

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, reason="rate")
        self.retry_after = retry_after


class MintFailed(CredentialProblem):
    """Allowed, but the source or what guards it did not give a credential."""

    status = 502


class HubAway(CredentialProblem):
    """The hub does not answer, so nobody can say whose token this is."""

    status = 503
