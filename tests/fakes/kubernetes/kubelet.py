"""Scheduler and kubelet: play the lives of pods, and end pods that are deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from .lives import Life, PodLife
from .store import Object, now

if TYPE_CHECKING:
    from .server import FakeKubernetes


class Kubelet:
    """All nodes of one fake cluster.

    Attributes:
        pods: the lives by pod name, also of pods that are gone.
    """

    def __init__(self, cluster: FakeKubernetes) -> None:
        self.cluster = cluster
        self.pods: dict[str, PodLife] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, pod: Object) -> None:
        """Start to play the life of a pod that was just created."""
        life = self.pods[pod["metadata"]["name"]] = PodLife(self.cluster, pod)
        self._run(_until_deleted(self.cluster.life, life))

    def provision(self, claim: Object) -> None:
        """Make the volume of a claim that was just created, or say that it waits for a pod."""
        self._run(self._provision(claim))

    async def _provision(self, claim: Object) -> None:
        await asyncio.sleep(self.cluster.step)
        if not self.cluster.storage_waits_for_pods:
            await self.cluster.store.update(
                "persistentvolumeclaims", claim | {"status": {"phase": "Bound"}}
            )
            return
        name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
        body = {
            "metadata": {"generateName": f"{name}."},
            "involvedObject": {"kind": "PersistentVolumeClaim", "name": name, "uid": ""},
            "reason": "WaitForFirstConsumer",
            "message": "waiting for first consumer to be created before binding",
            "type": "Normal",
            "lastTimestamp": now(),
        }
        await self.cluster.store.create("events", namespace, body)

    async def delete(self, pod: Object, grace: float) -> None:
        """Delete a pod: at once, or after its container had time to end."""
        metadata, store = pod["metadata"], self.cluster.store
        life = self.pods[metadata["name"]]
        unbound = not pod["spec"].get("nodeName")
        finished = pod["status"].get("phase") in {"Failed", "Succeeded"}
        if grace == 0 or unbound or finished:
            await store.remove("pods", metadata["namespace"], metadata["name"])
            await life.end_container(grace=0)
            return
        metadata |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": int(grace)}
        await store.update("pods", pod)
        if not self.cluster.node_is_dead:
            self._run(self._terminate(life, grace))

    async def close(self) -> None:
        """End everything."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for life in self.pods.values():
            await life.end_container(grace=0)

    async def _terminate(self, life: PodLife, grace: float) -> None:
        await life.pause()
        await life.end_container(grace)
        if life.exists():
            await self.cluster.store.remove("pods", life.namespace, life.name)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _until_deleted(script: Life, life: PodLife) -> None:
    """Play a life, and end what it started if the pod was deleted meanwhile."""
    try:
        await script(life)
    finally:
        if not life.exists():
            await life.end_container(grace=0)
