"""A copy of one kind of objects, kept up to date by a watch that is never trusted for long.

KubeSpawner's reflector gives up after half a minute without the API server and stays registered,
empty (its pull request #938), and lists everything anew every ten seconds. This one never gives
up, goes on where it was, and can be told that it is doubted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp

from .cluster import Cluster, ClusterRefused, ClusterUnavailable, Object, failure

_FIRST_DELAY = 0.1  # seconds before a broken watch is begun anew
_LONGEST_DELAY = 10.0
_FORBIDDEN_DELAY = 60.0  # somebody may grant the permission meanwhile
_CONNECT = 5.0
_UNAUTHORIZED = 401
_GONE = 410


class Mirror:
    """The objects of one kind in a cluster's namespace, by name; empty until it is opened.

    Args:
        what: method suffix of ``CoreV1Api``: ``namespaced_pod``.
        labels: label selector.
        keep: which of the objects to remember.
        renew: seconds after which the API server ends a watch, and it is begun anew.
        silence: seconds without a word (API servers send bookmarks every minute) after which the
            connection is taken for dead.

    Attributes:
        items: the copy.
        synced: set once the copy was complete for the first time.
        forbidden: the API server does not let us list these.
    """

    def __init__(
        self,
        what: str,
        labels: str = "",
        *,
        keep: Callable[[Object], bool] = lambda _: True,
        renew: float = 300.0,
        silence: float = 90.0,
        log: logging.Logger | logging.LoggerAdapter[Any],
    ) -> None:
        self.items: dict[str, Object] = {}
        self.synced = asyncio.Event()
        self.forbidden = False
        self._what, self._labels = what, labels
        self._keep, self._renew, self._silence, self._log = keep, renew, silence, log
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self._heard = -float("inf")
        self._cluster: Cluster | None = None
        self._presented: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    def open(self, cluster: Cluster) -> None:
        """Begin to watch, in the background."""
        self._cluster = cluster
        if self._task is None:
            self._task = asyncio.create_task(self._keep_watching())

    async def close(self) -> None:
        """End the watch."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def doubt(self, why: str) -> None:
        """Drop the present watch and list everything anew: it missed something."""
        self._log.warning("The watch on %s is replaced: %s", self._what, why)
        if self._task is not None:
            self._task.cancel()
            self._task = asyncio.create_task(self._keep_watching())

    def heard_within(self, seconds: float) -> bool:
        """Return whether the API server has said anything on this watch lately."""
        return time.monotonic() - self._heard < seconds

    @contextlib.contextmanager
    def news_of(self, name: str) -> Iterator[asyncio.Event]:
        """Give an event that is set at each change of an object of this name.

        For Kubernetes' own Events it is the name of what they are about.
        """
        news = asyncio.Event()
        self._listeners.setdefault(name, set()).add(news)
        try:
            yield news
        finally:
            self._listeners[name].discard(news)
            if not self._listeners[name]:
                del self._listeners[name]

    async def _keep_watching(self) -> None:
        delay = _FIRST_DELAY
        while True:
            try:
                version = await self._load()
                while True:
                    delay = _FIRST_DELAY
                    version = await self._follow(version)
            except ClusterRefused as refusal:
                if refusal.status == _GONE:
                    continue  # our version is too old by now: list anew
                if refusal.status == _UNAUTHORIZED and await self._renewed():
                    continue
                if not self.forbidden:
                    self._log.error("Cannot watch %s: %s", self._what, refusal)
                self.forbidden = True
                # With a token that has just expired somebody else may have renewed it already.
                expired = refusal.status == _UNAUTHORIZED
                await asyncio.sleep(_LONGEST_DELAY if expired else _FORBIDDEN_DELAY)
            except ClusterUnavailable as error:
                self._log.warning("The watch on %s broke: %s", self._what, error)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, _LONGEST_DELAY)

    async def _renewed(self) -> bool:
        assert self._cluster is not None
        try:
            return await self._cluster.renew_credentials(self._presented)
        except ClusterUnavailable as error:
            self._log.warning("Cannot renew the credentials: %s", error)
            return False

    async def _load(self) -> str:
        """Take over the complete list, and return its version."""
        async with self._request() as response:
            answer = json.loads(await response.read())
        found = {obj["metadata"]["name"]: obj for obj in answer["items"] if self._keep(obj)}
        changed = {
            name for name in {**self.items, **found} if self.items.get(name) != found.get(name)
        }
        told = [self.items.get(name) or found[name] for name in changed]
        self.items, self.forbidden = found, False
        self._heard = time.monotonic()
        self.synced.set()
        for obj in told:
            self._tell(obj)
        return str(answer["metadata"]["resourceVersion"])

    async def _follow(self, version: str) -> str:
        """Apply changes until the API server ends the watch; return the last version seen."""
        async with self._request(
            watch=True,
            resource_version=version,
            allow_watch_bookmarks=True,
            timeout_seconds=int(self._renew),
        ) as response:
            self._heard = time.monotonic()
            rest = b""
            async for chunk in response.content.iter_any():
                self._heard = time.monotonic()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    version = self._apply(json.loads(line), version)
        return version

    def _apply(self, change: Object, version: str) -> str:
        obj = change["object"]
        if change["type"] == "ERROR":
            raise failure(obj.get("code", 500), json.dumps(obj).encode())
        version = str(obj["metadata"].get("resourceVersion", version))
        if change["type"] == "BOOKMARK":
            return version
        name = obj["metadata"]["name"]
        if change["type"] == "DELETED":
            self.items.pop(name, None)
        elif self._keep(obj):
            self.items[name] = obj
        self._tell(obj)
        return version

    def _tell(self, obj: Object) -> None:
        name = (obj.get("involvedObject") or obj["metadata"])["name"]
        for news in self._listeners.get(name, ()):
            news.set()

    @contextlib.asynccontextmanager
    async def _request(self, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """List or watch; every way to fail becomes one of the cluster's two exceptions."""
        assert self._cluster is not None, "open() first"
        self._presented = self._cluster.credentials
        method = getattr(self._cluster.core, f"list_{self._what}")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=self._silence)
        if self._labels:
            options["label_selector"] = self._labels
        try:
            async with await method(
                self._cluster.namespace,
                _preload_content=False,
                _request_timeout=timeout,
                **options,
            ) as response:
                if response.status >= 300:
                    raise failure(response.status, await response.read())
                yield response
        except ClusterUnavailable:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            text = str(error) or type(error).__name__
            raise ClusterUnavailable(text) from error
