"""What belongs to nobody is found by the cluster's labels, and removed; homes never by accident."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from datalab_hub.spawner.names import person_key, workspace_key
from datalab_hub.spawner.reconcile import reconcile

from .conftest import Person


async def begun(platform, name):
    workspace = Person(platform, name).workspace()
    await workspace.start()
    return workspace


def found(findings):
    return {(finding.resource.kind, finding.action) for finding in findings}


@pytest.fixture
async def orphan(platform):
    """Ann's workspace; the database has forgotten both."""
    return await begun(platform, "ann")


async def test_a_dry_run_says_what_there_is_and_changes_nothing(platform, cluster, orphan):
    findings = await reconcile(platform.site, lambda backend: set(), dry_run=True)
    assert found(findings) == {
        ("pod", "would remove"),
        ("secret", "would remove"),
        ("home volume", "kept: it holds data"),
    }
    assert cluster.names("pods") == [orphan.name]
    assert all(finding.resource.since for finding in findings)


async def test_everything_but_the_home_goes(platform, cluster, orphan):
    findings = await reconcile(platform.site, lambda backend: set())
    assert ("pod", "removed") in found(findings)
    assert cluster.names("pods") == cluster.names("secrets") == []
    assert cluster.names("persistentvolumeclaims") == [person_key("ann")]


async def test_a_home_goes_only_when_the_operator_says_so(platform, cluster, orphan):
    await reconcile(platform.site, lambda backend: set(), remove_data=True)
    assert cluster.names("persistentvolumeclaims") == []


async def test_a_home_is_owned_while_its_person_exists(platform, cluster, orphan):
    findings = await reconcile(platform.site, lambda backend: {person_key("ann")}, remove_data=True)
    assert "home volume" not in {finding.resource.kind for finding in findings}
    assert cluster.names("persistentvolumeclaims") == [person_key("ann")]


async def test_what_has_an_owner_is_not_touched(platform, cluster, orphan):
    bob = await begun(platform, "bob")
    owned = {workspace_key("bob", ""), person_key("bob"), person_key("ann")}
    await reconcile(platform.site, lambda backend: owned)
    assert cluster.names("pods") == [bob.name]


async def test_the_young_are_left_alone(platform, cluster, orphan):
    findings = await reconcile(platform.site, lambda backend: set(), min_age=timedelta(hours=1))
    assert ("pod", "kept: younger than 1h") in found(findings)
    assert cluster.names("pods") == [orphan.name]


async def test_what_others_made_is_not_seen(platform, cluster, orphan):
    for name, labels in {"postgres-0": {}, "dl-theirs": {"datalab/instance": "theirs"}}.items():
        body = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        await cluster.store.create("pods", "datalab", body)
    await reconcile(platform.site, lambda backend: set())
    assert cluster.names("pods") == ["dl-theirs", "postgres-0"]


async def test_a_cluster_that_does_not_answer_is_left_alone(platform, cluster, orphan):
    cluster.set_reachable(False)
    assert await reconcile(platform.site, lambda backend: set()) == []
    cluster.set_reachable(True)
    assert cluster.names("pods") == [orphan.name]


async def test_a_secret_whose_hub_died_before_the_pod_is_found(platform, cluster):
    cluster.faults.fail("create", "pods", 500, times=1000)
    start = asyncio.create_task(Person(platform).workspace().start())
    while not cluster.names("secrets"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    start.cancel()
    secret = cluster.store.list("secrets", None, lambda _: True)[0]
    await asyncio.wait([start])
    del secret["metadata"]["uid"]
    await cluster.store.create("secrets", "datalab", secret)
    await reconcile(platform.site, lambda backend: set())
    assert cluster.names("secrets") == []
