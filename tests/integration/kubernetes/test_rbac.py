"""The chart's Role: all that the backend calls, and nothing else."""

from __future__ import annotations

import pytest
from chart import grants_of_chart, manifests
from datalab_hub.spawner.problems import StartFailed
from datalab_hub.spawner.reconcile import reconcile
from fakes.kubernetes import FakeKubernetes, Grants, lives
from fakes.kubernetes.site import platform_on, site_of
from traitlets.config import Config

from .conftest import Person


async def everything(cluster, directory):
    """Do all that the backend can do."""
    settings = {
        "services_enabled": True,
        "get_pod_url": lambda spawner, pod: f"http://{pod['status']['podIP']}:8888",
    }
    site = site_of(directory, Config({"KubeSpawner": settings}))
    async with platform_on(cluster, directory, site=site, see_nodes=True) as platform:
        await platform.open()
        ann = Person(platform)
        await ann.workspace().start()
        await ann.workspace().start()  # with its state lost: replaces what it finds
        for life in (lives.crashes("log"), lives.unschedulable("3 Insufficient cpu.")):
            cluster.life = life
            with pytest.raises(StartFailed):
                await ann.workspace("fails", seconds=1).start()
        await reconcile(site, lambda backend: set(), remove_data=True)


async def test_the_role_grants_what_is_called_and_nothing_else(tmp_path):
    async with FakeKubernetes() as cluster:
        cluster.grants = grants_of_chart()
        await everything(cluster, tmp_path)
        assert cluster.denied == []
        inside = {(call.verb, call.resource) for call in cluster.calls if call.namespace}
        beyond = {(call.verb, call.resource) for call in cluster.calls if not call.namespace}
    assert grants_of_chart().everywhere == beyond
    assert grants_of_chart().inside == inside


async def test_a_call_that_is_not_granted_is_seen(tmp_path):
    """The test above can fail."""
    less = [manifest for manifest in manifests() if manifest["kind"] != "Role"]
    async with FakeKubernetes() as cluster:
        cluster.grants = Grants.of("datalab", less)
        async with platform_on(cluster, tmp_path) as platform:
            with pytest.raises(StartFailed) as failed:
                await Person(platform).workspace().start()
        assert failed.value.reason == "forbidden"
        assert cluster.denied


def test_without_see_nodes_nothing_reaches_beyond_the_namespace():
    assert Grants.of("datalab", manifests()).everywhere == frozenset()
    assert not any(manifest["kind"].startswith("Cluster") for manifest in manifests())
