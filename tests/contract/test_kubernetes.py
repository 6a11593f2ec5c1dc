"""The Kubernetes backend against the contract: a real client, a fake cluster over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import random

import pytest
from chart import grants_of_chart
from fakes.kubernetes import FakeKubernetes, lives
from fakes.kubernetes.site import catalog_of, platform_on

from .suite import TOKEN, BackendContract, Harness, answers

_OF_A_WORKSPACE = ("pods", "secrets", "services")  # a home belongs to the person


class KubernetesHarness(Harness):
    slowest_start = 0.4

    def __init__(self, cluster, platform):
        super().__init__()
        self.cluster, self.platform = cluster, platform
        self.profile = catalog_of().profiles[0]

    def make(self, context):
        image = self.platform.site.catalog.images["lab"]
        return self.platform.backend(type(context)(**{**vars(context), "image": image}))

    async def resources(self):
        return [f"{kind} {name}" for kind in _OF_A_WORKSPACE for name in self.cluster.names(kind)]

    async def crash(self):
        await self.cluster.end_pod(self.key)

    def break_start(self):
        self.cluster.life = lives.crashes("no module named datalab_workspace")

    def set_reachable(self, reachable):
        self.cluster.set_reachable(reachable)


@pytest.fixture
async def cluster():
    async with FakeKubernetes() as cluster:
        # Under the chart's Role and optional ClusterRole: what they do not grant fails here.
        cluster.grants = grants_of_chart()
        yield cluster
        assert cluster.denied == []


@pytest.fixture
async def harness(cluster, tmp_path):
    async with platform_on(cluster, tmp_path) as platform:
        await platform.open()
        yield KubernetesHarness(cluster, platform)


class TestKubernetes(BackendContract):
    rounds = 12

    async def test_the_token_is_in_the_secret_and_nowhere_else(self, harness, cluster):
        await harness.new_hub().start()
        (secret,) = cluster.store.list("secrets", None, lambda _: True)
        stored = base64.b64decode(secret["data"]["JUPYTERHUB_API_TOKEN"]).decode()
        assert stored == TOKEN
        others = [
            obj
            for kind in ("pods", "persistentvolumeclaims", "events", "services")
            for obj in cluster.store.list(kind, None, lambda _: True)
        ]
        assert TOKEN not in json.dumps(others)
        assert cluster.kubelet.pods[harness.key].container.environment["JUPYTERHUB_API_TOKEN"]

    async def test_nothing_exists_in_the_cluster_that_was_not_saved_before(self, harness):
        for _ in range(self.rounds):
            harness.saved = None
            start = asyncio.create_task(harness.new_hub().start())
            await asyncio.sleep(random.uniform(0, harness.slowest_start))
            if await harness.resources():
                assert harness.saved is not None
                next_hub = harness.new_hub()
                if await next_hub.poll() is None:
                    assert await answers(await next_hub.resume())
            start.cancel()
            await asyncio.wait([start])
            await harness.new_hub().stop()
            assert await harness.resources() == []

    async def test_cancelling_leaves_nothing_though_the_answer_is_late(self, harness, cluster):
        """The request was carried out, its answer is on the way: the worst instant to be gone."""
        cluster.faults.answer_delay = 0.1
        await self.test_cancelling_a_start_at_any_instant_leaves_nothing(harness)

    async def test_a_deleted_pod_is_noticed_as_a_crash_is(self, harness, cluster):
        backend = harness.new_hub()
        await backend.start()
        gone = asyncio.create_task(backend.gone())
        await cluster.end_pod(harness.key, delete=True)
        await asyncio.wait_for(gone, 5)
        assert await backend.poll() == 0
        assert await harness.resources() == []

    @pytest.mark.parametrize(("status", "reason"), [(500, "InternalError"), (403, "Forbidden")])
    async def test_an_error_is_not_gone(self, harness, cluster, status, reason):
        await harness.new_hub().start()
        cluster.faults.fail("*", "pods", status, reason, times=1000)
        assert await harness.new_hub().poll() is None

    async def test_throttling_only_slows_a_start_down(self, harness, cluster):
        harness.platform.patience = harness.platform._cluster.patience = 5
        cluster.faults.throttle(times=3)
        assert await answers(await harness.new_hub().start())

    async def test_a_pod_on_a_dead_node_does_not_block_a_stop(self, harness, cluster, monkeypatch):
        from datalab_hub.spawner.kubernetes import backend as module

        monkeypatch.setattr(module, "_FORCE_AFTER", 0.2)
        started = harness.new_hub()
        await started.start()
        cluster.node_is_dead = True
        harness.platform.config.KubeSpawner.delete_grace_period = 1
        await asyncio.wait_for(started.stop(), 5)
        assert await harness.resources() == []

    async def test_an_evicted_pod_does_not_block_a_stop(self, harness, cluster):
        backend = harness.new_hub()
        await backend.start()
        await cluster.end_pod(harness.key, reason="Evicted", message="low on resource: memory")
        await asyncio.wait_for(backend.stop(), 5)
        assert await harness.resources() == []

    async def test_the_end_of_an_evicted_pod_has_its_reason(self, harness, cluster):
        backend = harness.new_hub()
        await backend.start()
        await cluster.end_pod(harness.key, reason="Evicted", message="low on resource: memory")
        await asyncio.wait_for(backend.gone(), 5)
        assert await backend.poll() is not None
        assert backend.ending().reason == "evicted"
        assert "ran short of memory" in backend.ending().message
        assert await harness.resources() == []
