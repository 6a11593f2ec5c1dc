"""Wait until a pod answers HTTP, or until it is certain that it will not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backend import Phase
from .announcement import Announcement
from .capacity import Capacity, look_up
from .cluster import Cluster, ClusterRefused, ClusterUnavailable, Object
from .diagnosis import address_of, diagnose
from .findings import ASK_OPERATOR, TRY_AGAIN, Finding, Trouble
from .refusals import unreachable

if TYPE_CHECKING:
    from .platform import KubernetesPlatform

_CAPACITY_EVERY = 15.0  # seconds
_LOG_LINES = 20
_LINES_SHOWN = 3
_LINE_CHARS = 160
_SHORTAGES = {"cpu", "memory", "gpu", "disk", "pods", "no_node"}


class Waiting:
    """One pod on its way up.

    Args:
        url: returns the server's address from the pod.
        tell: is told every finding.
        seconds: after which the start is given up.
        pinned: why the pod can only go to one node, as a hint for the person.
        announcement: where the pod says by itself where it is.
    """

    def __init__(
        self,
        platform: KubernetesPlatform,
        cluster: Cluster,
        name: str,
        *,
        url: Callable[[Object], str],
        tell: Callable[[Finding], None],
        seconds: float,
        pinned: str | None = None,
        announcement: Announcement | None = None,
    ) -> None:
        self._platform, self._cluster, self._name = platform, cluster, name
        self._url, self._tell, self._pinned = url, tell, pinned
        self._announcement = announcement
        self._end = time.monotonic() + seconds
        self._pod: Object | None = None
        self._capacity: Capacity | None = None
        self._capacity_at = -float("inf")
        self._trouble_since: tuple[str, float] = ("", 0.0)
        self._seen_in_mirror = False

    async def answer(self, pod: Object) -> str:
        """Return the URL once the server answers.

        Args:
            pod: as the API server had it last.

        Raises:
            StartFailed: it will not answer, or not in time; says why.
        """
        self._pod = pod
        pods, events = self._platform.pods, self._platform.events
        probe: asyncio.Task[str] | None = None
        probed = ""
        with pods.news_of(self._name) as news, events.news_of(self._name) as more:
            try:
                while True:
                    news.clear()
                    more.clear()
                    self._take(pods.items.get(self._name))
                    await self._judge()
                    address = self._address()
                    if address and address != probed:
                        if probe is not None:
                            probe.cancel()
                        probed = address
                        probe = asyncio.create_task(
                            self._platform.first_answer(self._url(_at(self._pod, address)))
                        )
                    heard = await self._sleep([news, more, *self._announced()], probe)
                    if probe is not None and probe.done():
                        return probe.result()
                    if time.monotonic() > self._end:
                        await self._give_up()
                    if not heard:
                        await self._look()
            finally:
                if probe is not None:
                    probe.cancel()

    def _address(self) -> str | None:
        """Return where the server is: what Kubernetes says, or until then what the pod says."""
        assert self._pod is not None
        if address := address_of(self._pod):
            return address
        announced = self._announcement.ip if self._announcement else None
        known = self._pod.get("status", {}).get("podIP")
        return announced if known in (None, "", announced) else None

    def _announced(self) -> list[asyncio.Event]:
        """Return what to wait for in addition, as long as nothing was announced."""
        if self._announcement is None or self._announcement.heard.is_set():
            return []
        return [self._announcement.heard]

    # -- what is known ----------------------------------------------------------------------

    def _take(self, pod: Object | None) -> None:
        """Take over what the mirror has, unless it is older than what was read directly."""
        if pod is not None and self._same_pod(pod):
            self._seen_in_mirror = True
            if _version(pod) >= _version(self._pod):
                self._pod = pod

    def _same_pod(self, pod: Object) -> bool:
        return bool(self._pod and pod["metadata"]["uid"] == self._pod["metadata"]["uid"])

    async def _look(self) -> None:
        """Nothing was heard for a while: read the pod directly, and doubt a mirror that lags."""
        try:
            pod = await self._cluster.read("pod", self._name, patience=0)
        except (ClusterUnavailable, ClusterRefused) as error:
            self._platform.log.info("Cannot look at pod %s: %s", self._name, error)
            return
        if pod is None or not self._same_pod(pod):
            raise _taken_away().failure()
        known = self._platform.pods.items.get(self._name)
        if known is None or _version(known) < _version(pod):
            self._platform.pods.doubt(f"it missed changes of pod {self._name}")
        self._pod = pod

    async def _judge(self) -> None:
        """Tell where the pod stands; fail when it cannot get on."""
        pods = self._platform.pods
        if self._seen_in_mirror and self._name not in pods.items:
            await self._look()
        finding = await self._find()
        self._tell(finding)
        trouble = finding.trouble
        if trouble is None:
            self._trouble_since = ("", 0.0)
            return
        now = time.monotonic()
        if self._trouble_since[0] != trouble.reason:
            self._trouble_since = (trouble.reason, now)
        if trouble.patience is None or now < self._trouble_since[1] + trouble.patience:
            return
        # Before a start is declared failed: the pod itself, not what a watch told of it.
        before = self._pod
        await self._look()
        if self._pod is not before and (await self._find()).trouble is None:
            return
        await self._fail(trouble)

    async def _find(self) -> Finding:
        events = self._platform.events_about(self._pod)
        finding = diagnose(self._pod, events, self._capacity)
        if finding.trouble is None and self._announcement and self._announcement.ip:
            return Finding(Phase.BOOT, "Starting the server")
        if (
            self._platform.see_nodes
            and finding.trouble is not None
            and finding.trouble.reason in _SHORTAGES
            and time.monotonic() > self._capacity_at + _CAPACITY_EVERY
        ):
            self._capacity_at = time.monotonic()
            self._capacity = await look_up(self._cluster)
            finding = diagnose(self._pod, events, self._capacity)
        return finding

    # -- the end ----------------------------------------------------------------------------

    async def _give_up(self) -> None:
        try:
            pod = await self._cluster.read("pod", self._name, patience=0)
        except ClusterUnavailable as error:
            raise unreachable(error).failure() from error
        if pod is None:
            raise _taken_away().failure()
        self._pod = pod
        finding = await self._find()
        if finding.trouble is not None:
            await self._fail(finding.trouble)
        if address_of(pod):
            text = "Your workspace runs, but its server does not answer."
            hint = f"{ASK_OPERATOR} A network policy may keep the hub from reaching it."
            await self._fail(Trouble(text, "no_answer", hint), with_log=True)
        text = f"Your workspace was not ready in time; it was still {_doing(finding)}."
        await self._fail(Trouble(text, "timeout", f"{TRY_AGAIN} {ASK_OPERATOR}"))

    async def _fail(self, trouble: Trouble, with_log: bool = False) -> None:
        if self._pinned and trouble.reason in _SHORTAGES:
            trouble = replace(trouble, hint=self._pinned)
        if with_log or trouble.reason in {"crashed", "oom"}:
            trouble = with_last_words(trouble, await self._log())
        raise trouble.failure()

    async def _log(self) -> str:
        for previous in (False, True):
            with contextlib.suppress(ClusterRefused, ClusterUnavailable):
                if log := await self._cluster.log_tail(self._name, _LOG_LINES, previous):
                    return log
        return ""

    async def _sleep(self, news: list[asyncio.Event], probe: asyncio.Task[str] | None) -> bool:
        """Wait for news, the server's answer, or the next look; return whether anything came."""
        waits: set[asyncio.Task[Any]] = {asyncio.create_task(event.wait()) for event in news}
        try:
            limit = max(0.01, min(self._platform.recheck, self._end - time.monotonic()))
            done, _ = await asyncio.wait(
                waits | ({probe} if probe else set()),
                timeout=limit,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return bool(done)
        finally:
            for wait in waits:
                wait.cancel()


def with_last_words(trouble: Trouble, log: str) -> Trouble:
    """Add the end of a log: a few lines for the person, all of them for the operator."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if not lines:
        return trouble
    shown = " / ".join(line[:_LINE_CHARS] for line in lines[-_LINES_SHOWN:])
    return replace(
        trouble,
        sentence=f"{trouble.sentence} Its last words: {shown}.",
        detail=f"{trouble.detail}\nLast lines of its log:\n{log}".strip(),
    )


def _at(pod: Object, address: str) -> Object:
    return {**pod, "status": {**pod.get("status", {}), "podIP": address}}


def _taken_away() -> Trouble:
    return Trouble(
        "The cluster took your workspace away while it was starting.", "deleted", TRY_AGAIN
    )


def _doing(finding: Finding) -> str:
    doing = finding.message[0].lower() + finding.message[1:]
    return f"{doing} ({finding.cause})" if finding.cause else doing


def _version(pod: Object | None) -> int:
    """Return a resource version as a number, which it is in every cluster that there is.

    Kubernetes calls it opaque, but promises since 1.35 that versions of one kind can be compared.
    """
    text = str((pod or {}).get("metadata", {}).get("resourceVersion", "0"))
    return int(text) if text.isdigit() else 0
