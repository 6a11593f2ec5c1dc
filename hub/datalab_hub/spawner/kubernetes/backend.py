"""One workspace as one pod, with a Secret for its environment.

The order of a start makes a crash at any instant harmless: the state is saved, then the home's
claim and the Secret are made, then the pod. Everything carries labels, so that the reconciler
finds what a hub that died has left.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from jupyterhub.utils import maybe_future

from ..backend import Backend, Ending, Phase, WorkspaceContext
from ..problems import StartFailed
from .announcement import Announcement
from .claims import make_home
from .cluster import Cluster, ClusterRefused, ClusterUnavailable, Object
from .ends import end_of, exit_status, is_over
from .findings import Finding
from .labels import ATTEMPT, annotations_of, labels_of
from .maker import PodMaker
from .pinning import pin
from .privacy import take_environment
from .refusals import name_taken, refusal, unreachable
from .waiting import Waiting

if TYPE_CHECKING:
    from .platform import KubernetesPlatform

_TRUSTED = 20.0  # seconds for which a watch that said something is believed that a pod runs
_CREATE_TRIES = 4
_CLEAN_UP_WAIT = 15.0  # seconds that a failed start waits for its clean-up before it says why
_FORCE_AFTER = 20.0  # seconds beyond the grace period: then the node is dead
_AT_ONCE = 1  # second of grace; with 0 the API server forgets a pod whose node still runs it
_RETRY = 1.0


class KubernetesBackend(Backend):
    """Runs one workspace in a pod."""

    platform: KubernetesPlatform

    def __init__(self, platform: KubernetesPlatform, context: WorkspaceContext) -> None:
        super().__init__(platform, context)
        self.name = context.key
        self._begun = False
        self._service = False
        self._answered = False
        self._ending: Ending | None = None
        self._ended: int | None = None
        self._requests: set[asyncio.Task[Any]] = set()
        self._giving_up: asyncio.Task[None] | None = None

    # -- start --------------------------------------------------------------------------------

    async def start(self) -> str:
        """Make the pod and return its URL once it answers; see the module's docstring."""
        self._begun, self._answered, self._ending, self._ended = True, False, None, None
        self._giving_up = None
        self.platform.owners[self.name] = self
        self.context.save()
        try:
            return await self._start()
        except BaseException as error:
            self._giving_up = self.platform.in_background(self._remove(_AT_ONCE))
            await asyncio.wait([self._giving_up], timeout=_CLEAN_UP_WAIT)
            if isinstance(error, ClusterUnavailable):
                raise unreachable(error).failure() from error
            if isinstance(error, ClusterRefused):
                raise refusal(error, "workspace").failure() from error
            raise

    async def _start(self) -> str:
        self.context.report(Phase.QUEUE, "Asking Kubernetes for a place")
        cluster = await self.platform.cluster()
        maker = self.platform.maker(self.context)
        self.context.bind(maker.ip, maker.port)
        await maker.prepare()
        pod = cluster.plain(await maker.pod())
        pod["metadata"]["annotations"][ATTEMPT] = secrets.token_hex(8)
        pinned = pin(pod, maker, self.platform.pods.items.values())
        environment = take_environment(pod, self.name)
        with Announcement(self.platform.site.registrations, self.context, maker.port) as said:
            environment |= said.environment(environment.get("JUPYTERHUB_API_URL", ""))
            created = await self._make_all(cluster, maker, pod, environment)
            return await self._answering(cluster, maker, created, pinned, said)

    async def _make_all(
        self, cluster: Cluster, maker: PodMaker, pod: Object, environment: dict[str, str]
    ) -> Object:
        attempt = pod["metadata"]["annotations"][ATTEMPT]
        await asyncio.gather(
            self._certainly(make_home(self.platform, self.context, cluster, maker)),
            self._make(cluster, "secret", self._secret(environment, attempt)),
        )
        created = await self._make(cluster, "pod", pod)
        if service := maker.service(created):
            self._service = True
            self.context.save()
            await self._certainly(cluster.create("service", cluster.plain(service)))
        if maker.after_pod_created_hook:
            await maybe_future(maker.after_pod_created_hook(maker, created))
        return created

    async def resume(self) -> str:
        """Wait for a pod that an earlier hub made to answer.

        With the API server away a half-started one is waited for, up to its time limit. One that
        had answered is not: the hub knows its address and asks it.
        """
        self.platform.owners[self.name] = self
        limit = self.context.profile.start_timeout.total_seconds()
        try:
            cluster = await self.platform.cluster()
            patience = None if self._answered else limit
            pod = await cluster.read("pod", self.name, patience=patience)
        except ClusterUnavailable as error:
            raise unreachable(error).failure() from error
        except ClusterRefused as error:
            raise refusal(error, "workspace").failure() from error
        if pod is None:
            raise StartFailed("Your workspace is gone.", reason="deleted", hint="Start it again.")
        return await self._answering(cluster, self.platform.maker(self.context), pod, None)

    async def _answering(
        self,
        cluster: Cluster,
        maker: PodMaker,
        pod: Object,
        pinned: str | None,
        announcement: Announcement | None = None,
    ) -> str:
        waiting = Waiting(
            self.platform,
            cluster,
            self.name,
            url=maker.url,
            tell=self._tell,
            seconds=self.context.profile.start_timeout.total_seconds(),
            pinned=pinned,
            announcement=announcement,
        )
        url = await waiting.answer(pod)
        self._answered = True
        self.context.save()
        return url

    def _tell(self, finding: Finding) -> None:
        self.context.report(finding.phase, finding.message, cause=finding.cause)

    def _secret(self, environment: dict[str, str], attempt: str) -> Object:
        labels = labels_of(self.platform.site.instance, self.context.user, self.context.key)
        annotations = annotations_of(self.context.user, self.context.server) | {ATTEMPT: attempt}
        metadata = {"name": self.name, "labels": labels, "annotations": annotations}
        return {"metadata": metadata, "type": "Opaque", "stringData": environment}

    async def _make(self, cluster: Cluster, kind: str, body: Object) -> Object:
        """Make an object, in place of what an earlier start may have left under its name."""
        attempt = body["metadata"]["annotations"][ATTEMPT]
        for _ in range(_CREATE_TRIES):
            created: Object | None = await self._certainly(cluster.create(kind, body))
            if created is not None:
                return created
            existing = await cluster.read(kind, self.name)
            if existing is None:
                continue
            if (existing["metadata"].get("annotations") or {}).get(ATTEMPT) == attempt:
                return existing  # made by a request whose answer was lost
            if kind == "pod":
                await self._end_pod(cluster, _AT_ONCE)
            else:
                await cluster.delete(kind, self.name)
        raise name_taken(kind, self.name).failure()

    async def _certainly(self, request: Coroutine[Any, Any, Any]) -> Any:
        """Make a request whose outcome has to be known, even when the start is cancelled."""
        task = asyncio.create_task(request)
        self._requests.add(task)
        return await asyncio.shield(task)

    # -- how it is ----------------------------------------------------------------------------

    async def poll(self) -> int | None:
        """Return ``None`` unless the API server itself says that the pod is gone or over."""
        if not self._begun or self._ended is not None:
            return self._ended or 0
        known = self.platform.pods.items.get(self.name)
        if known is not None and not is_over(known) and self.platform.pods.heard_within(_TRUSTED):
            return None
        try:
            cluster = await self.platform.cluster()
            pod = await cluster.read("pod", self.name, patience=0)
        except (ClusterUnavailable, ClusterRefused):
            return None  # not knowing is not "gone"
        if pod is not None and not is_over(pod):
            return None
        self._ended = 0
        if pod is not None:
            events = self.platform.events_about(pod)
            trouble, self._ended = end_of(pod, events), exit_status(pod)
            self._ending = Ending(trouble.reason, f"{trouble.sentence} {trouble.hint}")
            self.context.log.warning("%s: %s %s", self.name, trouble.sentence, trouble.detail)
        # The hub does not call stop() for what has ended by itself.
        await self._clean_up()
        return self._ended

    def ending(self) -> Ending | None:
        """Return what Kubernetes said about the end of the pod."""
        return self._ending

    async def gone(self) -> None:
        """Return when the watch tells of the pod's end and the API server confirms it."""
        pods = self.platform.pods
        with pods.news_of(self.name) as news:
            while True:
                news.clear()
                pod = pods.items.get(self.name)
                over = pod is None or is_over(pod)
                if over and pods.synced.is_set() and await self.poll() is not None:
                    return
                try:
                    await asyncio.wait_for(news.wait(), self.platform.recheck if over else None)
                except TimeoutError:
                    continue

    # -- stop ---------------------------------------------------------------------------------

    async def stop(self, now: bool = False) -> None:
        """Delete the pod and what belongs to it; forces a pod whose node is dead.

        After a start that failed the hub calls this before it says why. What could not be removed
        by then, because the API server is away, is removed in the background when it is back.
        """
        if self._giving_up is not None and not self._giving_up.done():
            return
        self.platform.owners[self.name] = self
        grace = _AT_ONCE if now else int(self.platform.maker(self.context).delete_grace_period)
        await asyncio.shield(self._remove(grace))

    async def _clean_up(self) -> None:
        """Remove everything; where that takes long, go on with it in the background."""
        removal = self.platform.in_background(self._remove(_AT_ONCE))
        await asyncio.wait([removal], timeout=_CLEAN_UP_WAIT)

    async def _remove(self, grace: int) -> None:
        """Remove everything, however long the API server is away.

        Gives up when another start of this workspace has begun meanwhile: that one replaces what
        it finds.
        """
        owners = self.platform.owners
        while owners.setdefault(self.name, self) is self:
            if self._requests:
                await asyncio.wait(self._requests)
            self._requests.clear()
            try:
                cluster = await self.platform.cluster()
                parts = [self._end_pod(cluster, grace), cluster.delete("secret", self.name)]
                if self._service:
                    parts.append(cluster.delete("service", self.name))
                await asyncio.gather(*parts)
                owners.pop(self.name, None)
                return
            except ClusterUnavailable as error:
                self.context.log.warning("Cannot remove %s yet: %s", self.name, error)
                await asyncio.sleep(_RETRY)
            except ClusterRefused as error:
                self.context.log.error("Cannot remove %s: %s", self.name, error)
                return

    async def _end_pod(self, cluster: Cluster, grace: int) -> None:
        """Delete the pod and wait until it is gone."""
        loop = asyncio.get_running_loop()
        await cluster.delete("pod", self.name, grace=grace)
        force_at = loop.time() + grace + _FORCE_AFTER
        with self.platform.pods.news_of(self.name) as news:
            while True:
                news.clear()
                pod = await cluster.read("pod", self.name)
                if pod is None:
                    return
                if loop.time() > force_at:
                    # A node that does not answer never confirms; KubeSpawner waits for ever.
                    await cluster.delete("pod", self.name, grace=0, uid=pod["metadata"]["uid"])
                    force_at = loop.time() + _FORCE_AFTER
                try:
                    await asyncio.wait_for(news.wait(), self.platform.recheck)
                except TimeoutError:
                    continue

    # -- state --------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return what a later hub needs; names are recomputed."""
        return {"begun": self._begun, "service": self._service, "answered": self._answered}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the pod of an earlier hub."""
        self._begun = bool(state.get("begun"))
        self._service = bool(state.get("service"))
        self._answered = bool(state.get("answered"))
