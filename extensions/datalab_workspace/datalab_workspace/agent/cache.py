"""Credentials in memory, fetched once for all who ask, and again in time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .. import wire
from .client import BrokerClient, Problem

# botocore asks again when 15 minutes are left. Of an hour it then always gets 20 or more.
_RENEW_FRACTION = 3
_SOURCES_SECONDS = 30
# botocore waits two seconds: while a held credential is good, a slow broker is not waited for.
_PATIENCE = 1.0


@dataclass(frozen=True)
class _Held:
    credential: wire.Credential
    renew: datetime
    expires: datetime


class Credentials:
    """What the workspace may use, and the credentials that it holds.

    A refusal empties the cache at once. A broker that is away does not: a credential serves to
    its end, and a notebook does not notice that the hub was restarted.
    """

    def __init__(self, client: BrokerClient) -> None:
        self._client = client
        self._held: dict[str, _Held] = {}
        self._fetching: dict[str, asyncio.Task[wire.Credential]] = {}
        self._refused: dict[str, str] = {}
        self._sources: list[wire.SourceInfo] = []
        self._sources_until = datetime.min.replace(tzinfo=UTC)

    async def sources(self, *, fresh: bool = False) -> list[wire.SourceInfo]:
        """Return what the person may use, at most half a minute old.

        Raises:
            Problem: the broker refuses, or cannot be asked.
        """
        now = datetime.now(UTC)
        if fresh or now >= self._sources_until:
            self._sources = await self._client.sources()
            self._sources_until = now + timedelta(seconds=_SOURCES_SECONDS)
        return self._sources

    async def get(self, name: str) -> wire.Credential:
        """Return a credential with some life left in it.

        Raises:
            Problem: there is none to be had.
        """
        held, now = self._held.get(name), datetime.now(UTC)
        if held is not None and now < held.renew:
            return held.credential
        task = self._fetching.get(name)  # one fetch for all who ask
        if task is None:
            task = self._fetching[name] = asyncio.create_task(self._fetch(name))
            task.add_done_callback(lambda done: self._fetched(name, done))
        try:
            if held is None or now >= held.expires:
                return await asyncio.shield(task)
            return await asyncio.wait_for(asyncio.shield(task), _PATIENCE)
        except TimeoutError:  # it goes on, for the next who asks
            assert held is not None
            return held.credential
        except Problem as problem:
            if problem.final or held is None or now >= held.expires:
                raise
            return held.credential

    async def _fetch(self, name: str) -> wire.Credential:
        try:
            credential = await self._client.credential(name, await self._access(name))
        except Problem as problem:
            if problem.final:
                self._held.pop(name, None)
            # Of names that do not exist nothing is kept: anybody may invent them.
            if any(source.name == name for source in self._sources):
                self._refused[name] = problem.message
            raise
        self._refused.pop(name, None)
        now, expires = datetime.now(UTC), datetime.fromisoformat(credential.expires)
        renew = expires - (expires - now) / _RENEW_FRACTION
        self._held[name] = _Held(credential, renew, expires)
        return credential

    def _fetched(self, name: str, task: asyncio.Task[wire.Credential]) -> None:
        self._fetching.pop(name, None)
        if not task.cancelled():
            task.exception()  # whoever waited has it; if nobody did, it is in `refused`

    def expires(self, name: str) -> str | None:
        """Return when the held credential ends, if there is one."""
        held = self._held.get(name)
        return held.credential.expires if held and datetime.now(UTC) < held.expires else None

    def refused(self, name: str) -> str:
        """Return why the last attempt at a source that is offered failed; empty when it did not."""
        return self._refused.get(name, "")

    async def _access(self, name: str) -> str:
        """Return what the source offers; of one that is not offered, what is refused least."""
        for source in await self.sources():
            if source.name == name:
                return source.access
        return "read"
