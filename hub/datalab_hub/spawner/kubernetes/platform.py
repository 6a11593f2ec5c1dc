"""What one hub shares between all its workspaces on Kubernetes: client, watches, settings."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from kubernetes_asyncio.client import Configuration
from traitlets import Bool, Enum, Float, Unicode
from traitlets.config import Config

from ... import compat
from ...catalog import Catalog
from ...errors import DatalabError
from ..backend import Platform, Resource, WorkspaceContext
from .backend import KubernetesBackend
from .cluster import Cluster, Object
from .configuration import load_configuration
from .homes import Home, HomeKind, home_of
from .labels import PERSON, WORKSPACE, instance_selector
from .maker import PodMaker
from .mirror import Mirror
from .traits import hand_on

if TYPE_CHECKING:
    from ...site import Site

_PROBE_EVERY = 0.05  # seconds; a refused connection inside a cluster costs a tenth of a millisecond
_PROBE_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=2)
_RENEW_EVENTS = 60.0  # seconds; a mirror's silence has to be longer
_EVENT_KINDS = {"Pod", "PersistentVolumeClaim"}
_KINDS = {"pod": "pod", "service": "service", "secret": "secret", "claim": "home volume"}


class KubernetesPlatform(Platform):
    """A namespace of a Kubernetes cluster.

    Attributes:
        pods: a copy of all pods of this installation, kept up to date.
        events: a copy of the events about them and about homes.
        owners: who began the last start of a workspace, by its key.

    What pods look like is set in ``c.KubeSpawner``; see
    :mod:`datalab_hub.spawner.kubernetes.traits` for what is supported.
    """

    backend_class = KubernetesBackend

    # Reading the pod and its log once more, then its deletion.
    epilogue = 30.0

    kubeconfig = Unicode(
        None,
        allow_none=True,
        help="Path of a kubeconfig, for a hub outside the cluster. Inside a pod its service "
        "account is used when this is not set.",
    ).tag(config=True)
    context = Unicode(
        None, allow_none=True, help="Context of the kubeconfig; its current one when not set."
    ).tag(config=True)
    namespace = Unicode(
        help="Namespace of the workspaces; the hub's own, or the kubeconfig's, when not set."
    ).tag(config=True)
    home = Enum(
        [kind.value for kind in HomeKind],
        HomeKind.CLAIM.value,
        help="Where homes are. 'claim': a PersistentVolumeClaim per person (class, size and access "
        "modes in c.KubeSpawner.storage_…). 'shared': a subdirectory per person of the claim "
        "shared_claim. 'kubespawner': what c.KubeSpawner.volumes says. 'none': nothing is kept.",
    ).tag(config=True)
    home_path = Unicode("/home/jovyan", help="Where the home is mounted.").tag(config=True)
    shared_claim = Unicode(help="Name of the ReadWriteMany claim with all homes.").tag(config=True)
    shared_directory = Unicode("homes", help="Directory of the shared volume with the homes.").tag(
        config=True
    )
    gpu_resource = Unicode("nvidia.com/gpu", help="What a GPU is called in the cluster.").tag(
        config=True
    )
    see_nodes = Bool(
        False,
        help="Tell people how much is free on the best node. Needs the optional ClusterRole: nodes "
        "and pods of the whole cluster can be listed.",
    ).tag(config=True)
    request_timeout = Float(5.0, help="Seconds for one request to the API server.").tag(config=True)
    patience = Float(10.0, help="Seconds for which a request without an answer is repeated.").tag(
        config=True
    )
    recheck = Float(
        5.0, help="Seconds without news of a starting pod after which it is read directly."
    ).tag(config=True)

    def __init__(self, site: Site, **kwargs: Any) -> None:
        super().__init__(site, **kwargs)
        self.owners: dict[str, KubernetesBackend] = {}
        self._cluster: Cluster | None = None
        self._connecting = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.pods = Mirror("namespaced_pod", instance_selector(site.instance), log=self.log)
        # The API server keeps no watch cache of events, and so sends no bookmarks: on a quiet
        # cluster silence says nothing. The watch is begun anew instead, before it is doubted.
        self.events = Mirror(
            "namespaced_event", keep=_is_about_us, renew=_RENEW_EVENTS, log=self.log
        )
        if self.home == HomeKind.SHARED and not self.shared_claim:
            raise DatalabError(
                "c.KubernetesPlatform.home is 'shared', but shared_claim is empty: name the "
                "ReadWriteMany claim that holds the homes."
            )

    @classmethod
    def configure(cls, config: Config, catalog: Catalog) -> None:
        """Refuse what is not supported, by name, before the hub starts; hand on what it reads."""
        compat.check_version("jupyterhub-kubespawner")
        hand_on(config, catalog)

    async def open(self) -> None:
        """Connect and begin to watch."""
        await self.cluster()

    async def close(self) -> None:
        """End the watches and give the connections back. Pods stay."""
        for task in list(self._background):
            task.cancel()
        await self.pods.close()
        await self.events.close()
        if self._session is not None:
            await self._session.close()
        if self._cluster is not None:
            await self._cluster.close()
        self._session = self._cluster = None

    # -- for the backends -----------------------------------------------------------------------

    async def cluster(self) -> Cluster:
        """Return the connection, made at the first call.

        Raises:
            DatalabError: no way to reach a cluster is configured.
        """
        async with self._connecting:
            if self._cluster is None:
                settings, namespace = await load_configuration(self.kubeconfig, self.context)
                configured = self.config.KubeSpawner.get("namespace")  # what z2jh's chart sets
                self.namespace = self.namespace or configured or namespace or "default"
                self._cluster = Cluster(
                    settings,
                    self.namespace,
                    self.request_timeout,
                    self.patience,
                    self._fresh_settings,
                )
                self.pods.open(self._cluster)
                self.events.open(self._cluster)
            return self._cluster

    async def _fresh_settings(self) -> Configuration:
        settings, _ = await load_configuration(self.kubeconfig, self.context)
        return settings

    def events_about(self, pod: Object | None) -> list[Object]:
        """Return the events about a pod and about its home, oldest first."""
        if pod is None:
            return []
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        claims = {
            volume["persistentVolumeClaim"]["claimName"]
            for volume in pod["spec"].get("volumes") or []
            if "persistentVolumeClaim" in volume
        }
        about = []
        for event in list(self.events.items.values()):
            involved = event["involvedObject"]
            mine = involved["name"] == name and involved.get("uid") in (uid, "", None)
            if mine or (involved["kind"] != "Pod" and involved["name"] in claims):
                about.append(event)
        return sorted(about, key=_time_of)

    def maker(self, context: WorkspaceContext) -> PodMaker:
        """Return the maker of a workspace's manifests."""
        return PodMaker(
            self.config,
            context,
            instance=self.site.instance,
            namespace=self.namespace,
            home=self.home_of(context.user),
            home_path=self.home_path,
            gpu_resource=self.gpu_resource,
        )

    def home_of(self, user: str) -> Home:
        """Return a person's home."""
        kind = HomeKind(self.home)
        return home_of(kind, user, self.home_path, self.shared_claim, self.shared_directory)

    async def first_answer(self, url: str) -> str:
        """Return the URL when the server behind it has answered an HTTP request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_PROBE_TIMEOUT)
        while True:
            try:
                async with self._session.get(url, allow_redirects=False) as response:
                    if response.status < 500:  # a mesh's side car answers 503 for a server to come
                        return url
            except (aiohttp.ClientError, TimeoutError) as error:
                self.log.debug("No answer yet from %s: %r", url, error)
            await asyncio.sleep(_PROBE_EVERY)

    def in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that has to be brought to its end, whoever waits for it."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    # -- for the reconciler ---------------------------------------------------------------------

    async def resources(self) -> list[Resource]:
        """List everything in the namespace that carries this installation's label."""
        cluster = await self.cluster()
        found = []
        for kind in _KINDS:
            for obj in await cluster.list_all(kind, instance_selector(self.site.instance)):
                metadata = obj["metadata"]
                labels = metadata.get("labels") or {}
                key = labels.get(WORKSPACE) or labels.get(PERSON) or metadata["name"]
                found.append(
                    Resource(
                        key,
                        _KINDS[kind],
                        metadata["name"],
                        holds_data=kind == "claim",
                        since=_moment(metadata.get("creationTimestamp")),
                    )
                )
        return found

    async def remove(self, resource: Resource) -> None:
        """Delete one object that belongs to nobody."""
        cluster = await self.cluster()
        kind = next(kind for kind, said in _KINDS.items() if said == resource.kind)
        await cluster.delete(kind, resource.name, grace=0 if kind == "pod" else None)


def _is_about_us(event: Object) -> bool:
    involved = event.get("involvedObject") or {}
    return involved.get("kind") in _EVENT_KINDS


def _time_of(event: Object) -> str:
    series = event.get("series") or {}  # how the scheduler counts what happens again
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(time) for time in times if time), "")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
