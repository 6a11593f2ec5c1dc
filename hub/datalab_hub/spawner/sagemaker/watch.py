"""One listing for all: notices when a running job's status changes, without a call per job."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable

from .aws import Refused, Unknown

Listing = Callable[[str | None], Awaitable[dict[str, str]]]
"""Returns name → fingerprint of the installation's jobs in progress in a region."""


class JobWatch:
    """Follows jobs for as long as somebody asks.

    Args:
        listing: lists the jobs in progress of a region.
        interval: seconds between listings.
    """

    def __init__(
        self, listing: Listing, interval: Callable[[], float], log: logging.Logger
    ) -> None:
        self._listing = listing
        self._interval = interval
        self._log = log
        self._followers: dict[str | None, int] = {}
        self._seen: dict[str | None, dict[str, str]] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def follow(self, job: str, region: str | None) -> AsyncGenerator[str | None, None]:
        """Yield a job's fingerprint after each listing; ``None``: not in progress."""
        self._followers[region] = self._followers.get(region, 0) + 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            while True:
                await self._news.wait()
                if region in self._seen:
                    yield self._seen[region].get(job)
        finally:
            self._followers[region] -= 1

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _look(self) -> None:
        while any(self._followers.values()):
            await asyncio.sleep(self._interval() * random.uniform(0.8, 1.2))
            for region, followers in list(self._followers.items()):
                self._seen.pop(region, None)
                if not followers:
                    continue
                try:
                    self._seen[region] = await self._listing(region)
                except (Unknown, Refused) as error:
                    self._log.warning("Cannot list the jobs on SageMaker: %s", error)
            news, self._news = self._news, asyncio.Event()
            news.set()
