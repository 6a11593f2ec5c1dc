"""What becomes of a pod after it was created: scheduler and kubelet, played.

A *life* is an async function of a :class:`PodLife`; ``FakeKubernetes.life`` names the one for new
pods. Reasons and messages are those that Kubernetes 1.31 writes.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .containers import Container
from .store import now

if TYPE_CHECKING:
    from .server import FakeKubernetes

Life = Callable[["PodLife"], Awaitable[None]]

# From anywhere: several test processes of one machine play clusters at the same time.
_addresses = itertools.count(secrets.randbelow(100 * 62500))
NODE = "node-1"


def _next_address() -> str:
    """Return an address of loopback's own network, so that every pod has one of its own."""
    number = next(_addresses)
    return f"127.{100 + number // 62500 % 100}.{number // 250 % 250}.{1 + number % 250}"


class PodLife:
    """The hands of scheduler and kubelet on one pod."""

    def __init__(self, cluster: FakeKubernetes, pod: dict[str, Any]) -> None:
        self.cluster = cluster
        self.name: str = pod["metadata"]["name"]
        self.namespace: str = pod["metadata"]["namespace"]
        self.uid: str = pod["metadata"]["uid"]
        self.spec: dict[str, Any] = pod["spec"]
        self.ip = _next_address()
        self.container: Container | None = None
        self.log = ""
        self.restarts = 0

    async def pause(self, share: float = 1.0) -> None:
        """Let some time pass."""
        await asyncio.sleep(self.cluster.step * share)

    @property
    def image(self) -> str:
        """The main container's image."""
        return str(self.spec["containers"][0].get("image"))

    @property
    def restarts_containers(self) -> bool:
        """Whether a container that failed is begun anew in the same pod."""
        pod = self._pod()
        return pod is not None and pod["spec"].get("restartPolicy", "Always") != "Never"

    async def scheduled(self, node: str = NODE) -> None:
        """Bind the pod to a node."""
        await self._change(spec={"nodeName": node})
        await self.condition("PodScheduled", "True")
        message = f"Successfully assigned {self.namespace}/{self.name} to {node}"
        await self.event("Scheduled", message)

    async def condition(
        self, kind: str, status: str, reason: str | None = None, message: str | None = None
    ) -> None:
        """Set one of ``status.conditions``."""
        pod = self._pod()
        if pod is None:
            return
        conditions = [c for c in pod["status"].get("conditions", []) if c["type"] != kind]
        entry = {"type": kind, "status": status, "lastTransitionTime": now()}
        entry |= {"reason": reason} if reason else {}
        entry |= {"message": message} if message else {}
        await self._change(status={"conditions": [*conditions, entry]})

    async def waiting(self, reason: str, message: str | None = None) -> None:
        """The container waits, for this reason."""
        state = {"reason": reason} | ({"message": message} if message else {})
        await self._container_state({"waiting": state}, ready=False)

    async def running(self) -> None:
        """The container runs; what it is comes from ``FakeKubernetes.container``."""
        pod = self._pod()
        if pod is None:
            return
        self.container = self.cluster.container(self.cluster, pod, self.ip)
        serving = asyncio.create_task(self.container.start())
        await self._change(
            status={"phase": "Running", "podIP": self.ip, "podIPs": [{"ip": self.ip}]}
        )
        await self._container_state({"running": {"startedAt": now()}}, ready=True)
        await self.condition("Ready", "True")
        await self.event("Started", "Started container notebook")
        await serving

    async def terminated(self, exit_code: int, reason: str = "Error", log: str = "") -> None:
        """The container has ended; the pod is restarted in place or stays, as the life says."""
        self.log = log or self.log
        await self.end_container(grace=0)
        state = {"terminated": {"exitCode": exit_code, "reason": reason, "finishedAt": now()}}
        await self._container_state(state, ready=False)

    async def restarted(self, exit_code: int, reason: str = "Error", log: str = "") -> None:
        """The container ended and waits for its restart."""
        self.log = log or self.log
        self.restarts += 1
        await self._container_state(
            {
                "waiting": {
                    "reason": "CrashLoopBackOff",
                    "message": f"back-off 10s restarting failed container=notebook pod={self.name}",
                }
            },
            ready=False,
            last={"terminated": {"exitCode": exit_code, "reason": reason}},
        )

    async def failed(self, reason: str | None = None, message: str | None = None) -> None:
        """The pod has reached phase Failed."""
        await self.end_container(grace=0)
        status: dict[str, Any] = {"phase": "Failed"}
        status |= {"reason": reason} if reason else {}
        status |= {"message": message} if message else {}
        await self._change(status=status)

    async def event(
        self,
        reason: str,
        message: str,
        kind: str = "Normal",
        *,
        involved: tuple[str, str] | None = None,
        component: str = "kubelet",
    ) -> None:
        """Write an Event about the pod, or about (kind, name)."""
        about, name = involved or ("Pod", self.name)
        body = {
            "metadata": {"generateName": f"{name}."},
            "involvedObject": {
                "kind": about,
                "name": name,
                "namespace": self.namespace,
                "uid": self.uid if about == "Pod" else "",
            },
            "reason": reason,
            "message": message,
            "type": kind,
            "source": {"component": component},
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "eventTime": None,
            "count": 1,
        }
        await self.cluster.store.create("events", self.namespace, body)

    async def end_container(self, grace: float) -> None:
        """Stop what runs in the pod."""
        if self.container is not None:
            container, self.container = self.container, None
            await container.stop(grace)

    async def _container_state(
        self, state: dict[str, Any], ready: bool, last: dict[str, Any] | None = None
    ) -> None:
        entry = {
            "name": "notebook",
            "state": state,
            "lastState": last or {},
            "ready": ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": "",
        }
        await self._change(status={"containerStatuses": [entry]})

    def exists(self) -> bool:
        """Return whether this very pod is still there."""
        return self._pod() is not None

    def _pod(self) -> dict[str, Any] | None:
        pod = self.cluster.store.find("pods", self.namespace, self.name)
        return pod if pod is not None and pod["metadata"]["uid"] == self.uid else None

    async def _change(self, **parts: dict[str, Any]) -> None:
        pod = self._pod()
        if pod is None:
            return
        for part, values in parts.items():
            pod[part] = {**pod.get(part, {}), **values}
        await self.cluster.store.update("pods", pod)


async def healthy(life: PodLife) -> None:
    """Scheduled, pulled, running, answering."""
    await life.pause()
    await life.scheduled()
    await life.waiting("ContainerCreating")
    await life.event("Pulling", f'Pulling image "{life.image}"')
    await life.pause()
    await life.event("Pulled", f'Successfully pulled image "{life.image}" in 1.2s')
    await life.pause()
    await life.running()


async def for_ever_pending(life: PodLife) -> None:
    """Nobody looks at it."""


def unschedulable(message: str, then: Life | None = None) -> Life:
    """Return a life that finds no node, at first or for ever."""

    async def life_(life: PodLife) -> None:
        await life.pause()
        await life.condition("PodScheduled", "False", "Unschedulable", message)
        await life.event("FailedScheduling", message, "Warning", component="default-scheduler")
        if then is not None:
            await life.pause(3)
            await then(life)

    return life_


def image_fails(message: str, reason: str = "ErrImagePull", backs_off: bool = True) -> Life:
    """Return a life whose image cannot be had."""

    async def life_(life: PodLife) -> None:
        await life.pause()
        await life.scheduled()
        await life.event("Pulling", f'Pulling image "{life.image}"')
        await life.event("Failed", f'Failed to pull image "{life.image}": {message}', "Warning")
        await life.waiting(reason, message)
        if backs_off:
            await life.pause()
            text = f'Back-off pulling image "{life.image}": {reason}: {message}'
            await life.waiting("ImagePullBackOff", text)

    return life_


def crashes(log: str, exit_code: int = 1, reason: str = "Error") -> Life:
    """Return a life whose server ends on the way up; restarted if the pod says so."""

    async def life_(life: PodLife) -> None:
        await life.pause()
        await life.scheduled()
        await life.pause()
        await life.terminated(exit_code, reason, log)
        await life.pause()
        if life.restarts_containers:
            await life.restarted(exit_code, reason, log)
        else:
            await life.failed()

    return life_


def waits_with(reason: str, message: str) -> Life:
    """Return a life whose container cannot be made: the waiting reason says why."""

    async def life_(life: PodLife) -> None:
        await life.pause()
        await life.scheduled()
        await life.waiting(reason, message)

    return life_


def refused_by_node(reason: str, message: str) -> Life:
    """Return a life that ends in phase Failed before a container ran."""

    async def life_(life: PodLife) -> None:
        await life.pause()
        await life.scheduled()
        await life.failed(reason, message)

    return life_


def runs_to_its_end(log: str) -> Life:
    """Return a life that prints something and is done."""

    async def life_(life: PodLife) -> None:
        await life.pause()
        await life.scheduled()
        await life.pause()
        await life.terminated(0, "Completed", log)
        await life.pause(20)  # the phase follows
        pod = life.cluster.store.find("pods", life.namespace, life.name)
        if pod is not None:
            pod["status"]["phase"] = "Succeeded"
            await life.cluster.store.update("pods", pod)

    return life_
