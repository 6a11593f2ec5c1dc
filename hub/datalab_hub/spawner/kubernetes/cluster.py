"""The API server as the rest of this package sees it: plain dictionaries, three kinds of failure.

``kubernetes_asyncio`` does the talking. Its models are not used for what comes back: they refuse
objects from newer clusters, and cost more than all the rest.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from kubernetes_asyncio import client

from ...errors import DatalabError

Object = dict[str, Any]

# What ``kubernetes_asyncio`` returns with ``_preload_content=False`` is aiohttp's response.
Ask = Callable[[], Awaitable[Any]]

_FIRST_DELAY = 0.1  # seconds before a call is tried again
_LONGEST_DELAY = 2.0
_RENEW_PAUSE = 5.0
_ASK_AGAIN = {429, 500, 502, 503, 504}
_METHODS = {
    "pod": "pod",
    "service": "service",
    "secret": "secret",
    "claim": "persistent_volume_claim",
}


class ClusterUnavailable(OSError):
    """Nobody answered, or only "not now": nothing is known about what was asked."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ClusterRefused(DatalabError):
    """The API server answered, and the answer is no.

    Attributes:
        status: HTTP status.
        reason: its CamelCase word, ``Forbidden``.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"Kubernetes answers {status} {reason}: {message}")
        self.status, self.reason, self.message = status, reason, message


class Cluster:
    """One namespace of one cluster.

    Args:
        timeout: seconds for one request.
        patience: seconds for which a request that got no answer is repeated.
        renew: returns fresh settings, for tokens that expire (those of a cloud's kubeconfig live
            for a quarter of an hour; ``kubernetes_asyncio`` renews only a pod's own).
    """

    def __init__(
        self,
        settings: client.Configuration,
        namespace: str,
        timeout: float,
        patience: float,
        renew: Callable[[], Awaitable[client.Configuration]] | None = None,
    ) -> None:
        self.namespace = namespace
        self.timeout = timeout
        self.patience = patience
        self._renew, self._renewed = renew, -float("inf")
        self.connection = client.ApiClient(settings)
        self.core = client.CoreV1Api(self.connection)

    async def close(self) -> None:
        """Give the connections back."""
        await self.connection.close()

    @property
    def credentials(self) -> dict[str, str]:
        """What requests present at the moment."""
        found: dict[str, str] = self.connection.configuration.api_key
        return found

    async def renew_credentials(self, used: dict[str, str]) -> bool:
        """Read the credentials anew after a 401.

        Args:
            used: what the refused request had presented.

        Returns:
            whether there are other credentials to try now.
        """
        if self.credentials is not used:
            return True  # another request has renewed them meanwhile
        if self._renew is None or time.monotonic() < self._renewed + _RENEW_PAUSE:
            return False
        self._renewed = time.monotonic()
        try:
            self.connection.configuration.api_key = (await self._renew()).api_key
        except DatalabError as error:
            raise ClusterUnavailable(str(error)) from error
        return True

    def plain(self, model: Any) -> Object:
        """Return a model of ``kubernetes_asyncio`` as the dictionary that is sent."""
        plain: Object = self.connection.sanitize_for_serialization(model)
        return plain

    async def create(self, kind: str, body: Object) -> Object | None:
        """Create an object; ``None`` when the name is taken.

        A request that got no answer may have worked nevertheless, and is repeated; so a taken
        name may be the caller's own.
        """
        method = getattr(self.core, f"create_namespaced_{_METHODS[kind]}")
        try:
            return await self._json(lambda: method(self.namespace, body, **self._options()))
        except ClusterRefused as refusal:
            if refusal.status == 409:
                return None
            raise

    async def read(self, kind: str, name: str, *, patience: float | None = None) -> Object | None:
        """Return an object as the API server has it now; ``None`` is proof that it is not there."""
        method = getattr(self.core, f"read_namespaced_{_METHODS[kind]}")
        try:
            return await self._json(
                lambda: method(name, self.namespace, **self._options()), patience
            )
        except ClusterRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    async def delete(
        self, kind: str, name: str, *, grace: int | None = None, uid: str | None = None
    ) -> None:
        """Ask for an object's deletion; it is no error when it is gone, or another one by now."""
        method = getattr(self.core, f"delete_namespaced_{_METHODS[kind]}")
        body: Object = {} if grace is None else {"gracePeriodSeconds": grace}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        try:
            await self._json(
                lambda: method(name, self.namespace, body=body or None, **self._options())
            )
        except ClusterRefused as refusal:
            if refusal.status not in (404, 409):
                raise

    async def list_all(self, kind: str, labels: str = "") -> list[Object]:
        """Return all objects of a kind in the namespace that carry these labels."""
        method = getattr(self.core, f"list_namespaced_{_METHODS[kind]}")
        answer = await self._json(
            lambda: method(self.namespace, label_selector=labels, **self._options())
        )
        found: list[Object] = answer["items"]
        return found

    async def list_everywhere(self, what: str, **selectors: str) -> list[Object]:
        """Return objects beyond the namespace (``node``, ``pod_for_all_namespaces``).

        Needs the optional ClusterRole.
        """
        method = getattr(self.core, f"list_{what}")
        answer = await self._json(lambda: method(**selectors, **self._options()), patience=0)
        found: list[Object] = answer["items"]
        return found

    async def ask(self, method: Callable[..., Awaitable[Any]], *arguments: Any) -> Object:
        """Call any method of ``kubernetes_asyncio`` and return its answer."""
        return await self._json(lambda: method(*arguments, **self._options()), patience=0)

    async def version(self) -> tuple[dict[str, str], str | None]:
        """Return the API server's version, and its clock as an HTTP date."""
        dates: list[str | None] = []

        async def get() -> Any:
            response: Any = await client.VersionApi(self.connection).get_code(**self._options())
            dates.append(response.headers.get("Date"))
            return response

        return await self._json(get), dates[-1]

    async def log_tail(self, pod: str, lines: int, previous: bool = False) -> str:
        """Return the last lines that the main container printed."""
        response = await self._answer(
            lambda: self.core.read_namespaced_pod_log(
                pod,
                self.namespace,
                tail_lines=lines,
                previous=previous,
                container="notebook",
                **self._options(),
            )
        )
        return response.decode(errors="replace")

    async def _json(self, ask: Ask, patience: float | None = None) -> Object:
        answer: Object = json.loads(await self._answer(ask, patience))
        return answer

    async def _answer(self, ask: Ask, patience: float | None = None) -> bytes:
        """Return the body of a good answer; ask again while there is none.

        Raises:
            ClusterUnavailable: after ``patience`` seconds without an answer.
            ClusterRefused: 4xx.
        """
        patience = self.patience if patience is None else patience
        end, delay = time.monotonic() + patience, _FIRST_DELAY
        while True:
            used = self.credentials
            try:
                return await self._ask_once(ask)
            except ClusterRefused as refusal:
                if refusal.status != 401 or not await self.renew_credentials(used):
                    raise
                continue
            except ClusterUnavailable as error:
                pause = max(delay * random.uniform(0.5, 1.0), error.retry_after)
                if time.monotonic() + pause > end:
                    raise
            await asyncio.sleep(pause)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _ask_once(self, ask: Ask) -> bytes:
        try:
            response = await ask()
            async with response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            text = str(error) or type(error).__name__
            raise ClusterUnavailable(
                f"the Kubernetes API server does not answer: {text}"
            ) from error
        if response.status < 300:
            return body
        raise failure(response.status, body, response.headers.get("Retry-After"))

    def _options(self) -> dict[str, Any]:
        return {"_preload_content": False, "_request_timeout": self.timeout}


def failure(
    status: int, body: bytes, retry_after: str | None = None
) -> ClusterUnavailable | ClusterRefused:
    """Return the exception for an answer that is not 2xx."""
    try:
        told = json.loads(body)
        reason, message = str(told.get("reason") or ""), str(told.get("message") or "")
    except (ValueError, AttributeError):
        reason, message = "", body[:200].decode(errors="replace")
    if status in _ASK_AGAIN:
        text = f"the Kubernetes API server answers {status}: {message or reason}"
        return ClusterUnavailable(text, _seconds(retry_after))
    return ClusterRefused(status, reason, message)


def _seconds(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0  # a date; HTTP allows it, Kubernetes never sends one
