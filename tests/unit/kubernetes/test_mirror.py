"""The watch that is never trusted for long."""

from __future__ import annotations

import asyncio
import logging

import pytest
from datalab_hub.spawner.kubernetes.cluster import Cluster
from datalab_hub.spawner.kubernetes.configuration import load_configuration
from datalab_hub.spawner.kubernetes.mirror import Mirror
from fakes.kubernetes import FakeKubernetes, lives
from fakes.kubernetes.site import platform_on

LABELS = {"datalab/instance": "x"}


@pytest.fixture
async def kubernetes():
    async with FakeKubernetes(step=0.01) as cluster:
        cluster.life = lives.for_ever_pending
        yield cluster


@pytest.fixture
async def cluster(kubernetes, tmp_path):
    settings, namespace = await load_configuration(str(kubernetes.kubeconfig(tmp_path)), None)
    cluster = Cluster(settings, namespace, timeout=2, patience=0)
    yield cluster
    await cluster.close()


@pytest.fixture
async def mirror(cluster):
    mirror = Mirror(
        "namespaced_pod", "datalab/instance=x", silence=0.5, log=logging.getLogger("mirror")
    )
    mirror.open(cluster)
    yield mirror
    await mirror.close()


async def make(kubernetes, name, labels=LABELS):
    body = {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "notebook", "image": "i"}]},
        "status": {"phase": "Pending"},
    }
    return await kubernetes.store.create("pods", "datalab", body)


async def sees(mirror, *names, seconds=5):
    async with asyncio.timeout(seconds):
        while set(mirror.items) != set(names):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_it_has_what_was_there_and_what_comes_and_forgets_what_goes(kubernetes, mirror):
    await make(kubernetes, "a")
    await make(kubernetes, "of-somebody-else", {"datalab/instance": "y"})
    await sees(mirror, "a")
    await make(kubernetes, "b")
    await sees(mirror, "a", "b")
    await kubernetes.store.remove("pods", "datalab", "a")
    await sees(mirror, "b")


async def test_news_wake_those_who_wait_for_this_name_only(kubernetes, mirror):
    await asyncio.wait_for(mirror.synced.wait(), 5)
    with mirror.news_of("a") as news, mirror.news_of("b") as others:
        await make(kubernetes, "a")
        await asyncio.wait_for(news.wait(), 5)
        assert not others.is_set()


async def test_it_outlives_an_api_server_that_is_away_for_long(kubernetes, mirror):
    """KubeSpawner's reflector gives up after half a minute and stays empty."""
    await make(kubernetes, "a")
    await sees(mirror, "a")
    kubernetes.set_reachable(False)
    await make(kubernetes, "b")
    await asyncio.sleep(1)
    assert set(mirror.items) == {"a"}
    kubernetes.set_reachable(True)
    await sees(mirror, "a", "b", seconds=15)


async def test_a_watch_that_says_nothing_is_taken_for_dead(kubernetes, mirror):
    await asyncio.wait_for(mirror.synced.wait(), 5)
    kubernetes.faults.mute_watches = True
    await make(kubernetes, "a")
    await sees(mirror, "a")  # by listing anew


async def test_bookmarks_keep_a_quiet_watch_alive(kubernetes, mirror):
    kubernetes.faults.bookmarks_every = 0.1
    await asyncio.wait_for(mirror.synced.wait(), 5)
    await asyncio.sleep(1.2)
    assert [call.verb for call in kubernetes.calls] == ["list", "watch"]
    assert mirror.heard_within(0.4)


async def test_410_gone_is_answered_by_listing_anew(kubernetes, mirror):
    await asyncio.wait_for(mirror.synced.wait(), 5)
    kubernetes.faults.refuse_watches = True
    kubernetes.drop_connections()
    await make(kubernetes, "a")
    kubernetes.store.compact()
    await make(kubernetes, "b")
    kubernetes.faults.refuse_watches = False
    await sees(mirror, "a", "b")


async def test_doubt_replaces_the_watch_at_once(kubernetes, mirror):
    await asyncio.wait_for(mirror.synced.wait(), 5)
    mirror._silence = 60
    mirror.doubt("said so")
    kubernetes.faults.mute_watches = True
    await make(kubernetes, "a")
    mirror.doubt("it missed a")
    await sees(mirror, "a")


async def test_without_permission_it_says_so_once_and_stays_empty(kubernetes, mirror, caplog):
    await asyncio.wait_for(mirror.synced.wait(), 5)
    kubernetes.faults.fail("*", "pods", 403, "Forbidden", "may not", times=1000)
    mirror.doubt("to begin anew")
    async with asyncio.timeout(5):
        while not mirror.forbidden:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert "may not" in caplog.text


async def test_a_quiet_cluster_is_no_broken_watch_on_events(kubernetes, cluster, caplog):
    """The API server has no watch cache for events, so it sends no bookmarks for them."""
    kubernetes.faults.bookmarks_every = 0.05
    events = Mirror(
        "namespaced_event", renew=1, silence=1.5, log=logging.getLogger("mirror-of-events")
    )
    events.open(cluster)
    await asyncio.sleep(2.5)
    await events.close()
    assert "broke" not in caplog.text


async def test_the_platforms_watch_on_events_is_renewed_before_it_is_doubted(tmp_path, kubernetes):
    async with platform_on(kubernetes, tmp_path) as platform:
        assert platform.events._renew < platform.events._silence
