"""KubeSpawner as the maker of manifests: its settings, its templates, none of its waiting.

The only module that touches names which KubeSpawner does not promise to keep; read in 7.1.
"""

from __future__ import annotations

import copy
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from datalab_workspace.grace import STOP_GRACE
from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future
from kubespawner import KubeSpawner
from kubespawner.objects import make_owner_reference
from traitlets import default
from traitlets.config import Config

from ..backend import WorkspaceContext
from .homes import Home
from .labels import annotations_of, labels_of

if TYPE_CHECKING:
    from kubernetes_asyncio.client import V1PersistentVolumeClaim, V1Pod, V1Service

_PORT = 8888
_UID = 1000
_GRACE = 30  # seconds that open pages get to save, and the server to end its kernels

# What the "restricted" level of Pod Security asks for.
_POD_SECURITY = {
    "runAsNonRoot": True,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER_SECURITY = {"capabilities": {"drop": ["ALL"]}}


class PodMaker(KubeSpawner):
    """Makes the manifests of one workspace out of ``c.KubeSpawner`` and the profile.

    Hooks (``pre_spawn_hook``, ``modify_pod_hook``, ``after_pod_created_hook``) get this object,
    which has every attribute they know from KubeSpawner except the reflectors.

    Args:
        config: the hub's configuration.
        context: the workspace.
        instance: identifies the installation in labels.
        namespace: where the pod will be.
        home: the person's home.
        home_path: where it is mounted.
        gpu_resource: what a GPU is called in this cluster.
    """

    # traitlets of KubeSpawner, which has no types
    port: Any
    working_dir: Any
    node_selector: Any
    tolerations: Any
    extra_resource_limits: Any
    extra_resource_guarantees: Any
    volumes: Any
    volume_mounts: Any

    def __init__(
        self,
        config: Config,
        context: WorkspaceContext,
        *,
        instance: str,
        namespace: str,
        home: Home,
        home_path: str,
        gpu_resource: str,
    ) -> None:
        self.context = context
        self._instance, self.home, self._home_path = instance, home, home_path
        outer = context.spawner
        known = {
            name: getattr(outer, name)
            for name in ("user", "hub", "orm_spawner", "authenticator", "handler", "api_token")
            if outer is not None
        }
        known.setdefault("user", SimpleNamespace(name=context.user, id=0, url="/"))
        # Not KubeSpawner.__init__: it loads a cluster configuration for the whole process.
        Spawner.__init__(self, config=config, **known)
        self.namespace = namespace
        self.pod_name = context.key
        self.secret_name = context.key
        self.pvc_name = home.claim or context.key
        self.dns_name = self.dns_name_template.format(namespace=namespace, name=self.pod_name)
        self.user_options = dict(outer.user_options) if outer is not None else {}
        self.port = self.port or _PORT
        self._apply_profile(gpu_resource)
        self.working_dir = self.working_dir or home_path

    @property
    def name(self) -> str:
        """Return the name of the workspace."""
        return self.context.server

    # -- defaults that differ from KubeSpawner's ---------------------------------------------

    @default("cmd")
    def _default_cmd(self) -> list[str]:
        return ["datalab-workspace"]

    @default("uid")
    def _default_uid(self) -> int:
        return _UID

    @default("gid")
    def _default_gid(self) -> int:
        return _UID

    @default("fs_gid")
    def _default_fs_gid(self) -> int:
        return _UID

    @default("pod_security_context")
    def _default_pod_security_context(self) -> dict[str, Any]:
        return copy.deepcopy(_POD_SECURITY)

    @default("container_security_context")
    def _default_container_security_context(self) -> dict[str, Any]:
        return copy.deepcopy(_CONTAINER_SECURITY)

    @default("image_pull_policy")
    def _default_image_pull_policy(self) -> str:
        return "IfNotPresent"

    @default("delete_grace_period")
    def _default_delete_grace_period(self) -> int:
        return _GRACE

    # -- what the child gets from the workspace ----------------------------------------------

    def get_args(self) -> list[str]:
        """Return the arguments that the hub's own spawner has."""
        return list(self.context.arguments())

    def get_env(self) -> dict[str, Any]:
        """Return the hub's environment for the workspace, then ``c.KubeSpawner.environment``."""
        env: dict[str, Any] = dict(self.context.environment())
        outer = self.context.spawner
        if outer is not None:
            # The hub's own PATH and the like mean nothing inside an image.
            for name in set(outer.env_keep) - set(self.env_keep):
                if name in os.environ and env.get(name) == os.environ[name]:
                    del env[name]
        env |= {
            "HOME": self._home_path,
            "JUPYTER_IMAGE": self.image,
            STOP_GRACE: str(self.delete_grace_period),
        }
        # c.Spawner.environment is the child's too; the hub's spawner has called its functions, with
        # itself as they expect.
        done = outer.environment if outer is not None else {}
        own = {key: value for key, value in self.environment.items() if done.get(key) is not value}
        env |= {key: value(self) for key, value in own.items() if callable(value)}
        return env | self._expand_env(self.environment)

    # -- manifests ----------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Run ``c.KubeSpawner.pre_spawn_hook``; ``c.Spawner``'s was run by the hub."""
        if "pre_spawn_hook" in self.config.KubeSpawner:
            await maybe_future(self.pre_spawn_hook(self))

    async def pod(self) -> V1Pod:
        """Return the pod."""
        pod = await self.get_pod_manifest()
        if pod.spec.enable_service_links is None:
            # A variable for each service of the namespace: nobody asked, and it slows starts down.
            pod.spec.enable_service_links = False
        if not {"restartPolicy", "restart_policy"} & self.extra_pod_config.keys():
            # KubeSpawner's OnFailure begins a server anew that ran out of memory: kernels are gone
            # without a word. A pod that is over says why, and the person starts again.
            pod.spec.restart_policy = "Never"
        if pod.spec.termination_grace_period_seconds is None:
            # A drained node gives as much as a stop: the workspace is told one number.
            pod.spec.termination_grace_period_seconds = self.delete_grace_period
        pod.metadata.labels |= labels_of(self._instance, self.context.user, self.context.key)
        pod.metadata.annotations |= annotations_of(self.context.user, self.context.server)
        if self.modify_pod_hook:
            pod = await maybe_future(self.modify_pod_hook(self, pod))
        return pod

    def claim(self) -> V1PersistentVolumeClaim:
        """Return the claim of the person's home."""
        claim = self.get_pvc_manifest()
        claim.metadata.labels |= labels_of(self._instance, self.context.user)
        # The claim belongs to the person, whichever of their workspaces is the first.
        claim.metadata.annotations.pop("hub.jupyter.org/servername", None)
        claim.metadata.annotations |= annotations_of(self.context.user)
        return claim

    def service(self, pod: dict[str, Any]) -> V1Service | None:
        """Return the service in front of a pod, where ``services_enabled`` asks for one."""
        if not self.services_enabled:
            return None
        metadata = pod["metadata"]
        owner = make_owner_reference(metadata["name"], metadata["uid"])
        service = self.get_service_manifest(owner, self._get_pod_port(pod))
        labels = labels_of(self._instance, self.context.user, self.context.key)
        service.metadata.labels |= labels
        service.spec.selector = labels
        return service

    def url(self, pod: dict[str, Any]) -> str:
        """Return where the server in a pod answers."""
        url: str = self._get_pod_url(pod)
        return url

    # -- internal -----------------------------------------------------------------------------

    def _apply_profile(self, gpu_resource: str) -> None:
        profile, image = self.context.profile, self.context.image
        options, resources = profile.kubernetes, profile.resources
        if image is not None:
            self.image = image.reference
        if resources.cpu is not None:
            self.cpu_limit = self.cpu_guarantee = resources.cpu
        if resources.memory is not None:
            self.mem_limit = self.mem_guarantee = resources.memory
        if options is not None:
            if options.cpu_guarantee is not None:
                self.cpu_guarantee = options.cpu_guarantee
            if options.memory_guarantee is not None:
                self.mem_guarantee = options.memory_guarantee
            gpu_resource = options.gpu_resource or gpu_resource
            self.node_selector = {**self.node_selector, **options.node_selector}
            self.tolerations = [*self._list(self.tolerations), *options.tolerations]
        if resources.gpu is not None:
            count = {gpu_resource: str(resources.gpu.count)}
            self.extra_resource_limits = {**self.extra_resource_limits, **count}
            self.extra_resource_guarantees = {**self.extra_resource_guarantees, **count}
        volumes = self.home.volumes + (options.volumes if options else [])
        mounts = self.home.mounts + (options.volume_mounts if options else [])
        self.volumes = [*self._list(self.volumes), *volumes]
        self.volume_mounts = [*self._list(self.volume_mounts), *mounts]
        if options is not None:
            self._apply_overrides(copy.deepcopy(options.kubespawner))

    def _list(self, value: Any) -> list[Any]:
        return list(self._sorted_dict_values(value) or [])

    async def start(self) -> Any:
        """Not how it is used: see :class:`~.backend.KubernetesBackend`."""
        raise NotImplementedError("PodMaker only makes manifests")

    stop = poll = start
