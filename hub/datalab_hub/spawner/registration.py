"""Workspaces that start by themselves, somewhere else, say where they listen: the hub's side.

A backend :meth:`expects <Registrations.expect>` one registration for each boot of a job. To be
taken, it has to bring the job's registration secret and the workspace's hub token; either alone
is worth nothing. Only a hash of the secret is kept, and comparisons take the same time whatever
they compare.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from datalab_workspace import wire

from ..errors import DatalabError

_SECRET_BYTES = 32  # 256 bits


def new_secret() -> str:
    """Return a fresh registration secret."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_of(secret: str) -> str:
    """Return what is kept of a secret. It is random, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


class RegistrationRefused(DatalabError):
    """A registration that was not taken.

    Args:
        reason: for the audit log: ``unknown-job``, ``wrong-token``, ``wrong-secret``, ``replay``,
            ``wrong-address`` or ``old-image``.
        expected: the workspace that the job belongs to, if there is one.
    """

    def __init__(self, reason: str, expected: Expected | None = None) -> None:
        super().__init__(_SENTENCES[reason])
        self.reason = reason
        self.expected = expected


_SENTENCES = {
    "unknown-job": "No workspace is expected under this name. It was stopped, or never started.",
    "wrong-token": "This token does not belong to this workspace.",
    "wrong-secret": "The registration secret is not this workspace's.",
    "replay": "This workspace has registered already.",
    "wrong-address": "This address is not one that workspaces have.",
    "old-image": "The image of this workspace is too old for the way that it is reached here "
    "(a tunnel, or encrypted connections). The operator has to renew it.",
}


@dataclass
class Expected:
    """A job and what it has to bring.

    Attributes:
        recognises: whether a hub token is this workspace's.
        accept: takes the registration: writes the address down, then wakes who waits. It may be
            called again with the same message while the workspace has not answered: a hub that
            died before it could say yes is asked a second time.
        used: the (hash, ip, port) that was taken, if one was.
        open: whether that same message may still come again.
        grant: says on which port of the gateway the workspace is reached, given one that is
            taken; ``None``: this workspace has no tunnel.
        peer: from which address the registration came that is being accepted.
    """

    job: str
    user: str
    server: str
    secret_hash: str
    recognises: Callable[[str], bool]
    accept: Callable[[wire.Register], Awaitable[wire.Registered]]
    used: tuple[str, str, int] | None = None
    open: bool = True
    grant: Callable[[int], wire.TunnelGrant] | None = None
    peer: str | None = None


class Registrations:
    """The registrations that a hub expects, by job."""

    def __init__(self) -> None:
        self._expected: dict[str, Expected] = {}

    def expect(self, expected: Expected) -> None:
        """Take one registration of this job from now on, in place of what was expected before."""
        self._expected[expected.job] = expected

    def expected(self, job: str) -> Expected | None:
        """Return what is expected of a job, if anything is."""
        return self._expected.get(job)

    def close(self, job: str) -> None:
        """The workspace runs: whoever registers it again is not it."""
        if job in self._expected:
            self._expected[job].open = False

    def forget(self, job: str) -> None:
        """The job has been given up: a registration comes too late."""
        self._expected.pop(job, None)

    async def register(
        self, message: wire.Register, token: str, peer: str | None = None
    ) -> tuple[Expected, wire.Registered]:
        """Take a registration.

        Args:
            token: the hub token that came with it.
            peer: the address at the other end of its connection.

        Returns:
            whose it was, and what to answer.

        Raises:
            RegistrationRefused: it is not taken, and nothing has changed.
        """
        expected = self._expected.get(message.job)
        if expected is None:
            raise RegistrationRefused("unknown-job")
        # Both are checked before either is told, so that an answer gives away neither.
        brought = hash_of(message.secret)
        is_secret = hmac.compare_digest(brought, expected.secret_hash)
        if not expected.recognises(token):
            raise RegistrationRefused("wrong-token", expected)
        if not is_secret:
            raise RegistrationRefused("wrong-secret", expected)
        this = (brought, message.ip, message.port)
        if expected.used is not None and not (expected.open and expected.used == this):
            raise RegistrationRefused("replay", expected)
        # Before anything is awaited: of two at the same time one is the replay.
        before, expected.used = expected.used, this
        expected.peer = peer
        try:
            answer = await expected.accept(message)
        except BaseException as error:
            expected.used = before  # it was not taken
            if isinstance(error, RegistrationRefused):
                error.expected = expected
            raise
        return expected, answer

    def grant(self, request: wire.TunnelRequest) -> wire.TunnelGrant:
        """Return where the gateway has to listen for a workspace that has registered.

        Raises:
            RegistrationRefused: it has not, or not with this secret.
        """
        expected = self._expected.get(request.job)
        if expected is None or expected.grant is None or expected.used is None:
            raise RegistrationRefused("unknown-job", expected)
        if not hmac.compare_digest(request.secret_hash, expected.secret_hash):
            raise RegistrationRefused("wrong-secret", expected)
        return expected.grant(request.taken)
