"""What can be made to go wrong between a client and the API server."""

from __future__ import annotations

from dataclasses import dataclass, field

from .store import ApiError


@dataclass
class Failure:
    """An answer for the next requests of one kind."""

    verb: str
    resource: str
    error: ApiError
    times: int


@dataclass
class Faults:
    """Switches for a test.

    Attributes:
        reachable: without it every connection is cut without an answer, running watches too.
        latency: seconds before a request is looked at.
        answer_delay: seconds after a creation or deletion was carried out and before it is
            answered: a client that goes away meanwhile has changed the cluster nevertheless.
        mute_watches: watches stay open and say nothing any more, as behind a broken load balancer.
        refuse_watches: lists work, watches are answered with 500.
        bookmarks_every: seconds between bookmarks on watches that ask for them.
    """

    reachable: bool = True
    latency: float = 0.0
    answer_delay: float = 0.0
    mute_watches: bool = False
    refuse_watches: bool = False
    bookmarks_every: float = 0.5
    _failures: list[Failure] = field(default_factory=list)

    def fail(
        self,
        verb: str,
        resource: str,
        status: int,
        reason: str = "InternalError",
        message: str = "an error on the server",
        *,
        times: int = 1,
        retry_after: float | None = None,
    ) -> None:
        """Answer the next requests of a kind with an error; ``*`` is any verb or resource."""
        error = ApiError(status, reason, message, retry_after)
        self._failures.append(Failure(verb, resource, error, times))

    def throttle(self, times: int = 1, retry_after: float = 0.01) -> None:
        """Answer the next requests, whatever they are, with 429."""
        message = "Too many requests, please try again later."
        self.fail("*", "*", 429, "TooManyRequests", message, times=times, retry_after=retry_after)

    def check(self, verb: str, resource: str) -> None:
        """Raise what is to be answered instead, if anything."""
        for failure in self._failures:
            if failure.verb in ("*", verb) and failure.resource in ("*", resource):
                failure.times -= 1
                if failure.times <= 0:
                    self._failures.remove(failure)
                raise failure.error
