"""The fake Kubernetes itself: what clients of the real one rely on."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientError
from fakes.kubernetes import FakeKubernetes, lives
from fakes.kubernetes.selectors import BadSelector, field_matcher, label_matcher
from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.client import ApiException

POD = {
    "metadata": {"name": "one", "labels": {"app": "lab", "who": "ann"}},
    "spec": {
        "containers": [{"name": "notebook", "image": "lab:1", "ports": [{"containerPort": 8888}]}]
    },
}


@pytest.fixture
async def cluster():
    async with FakeKubernetes() as cluster:
        yield cluster


@pytest.fixture
async def api(cluster, tmp_path):
    settings = client.Configuration()
    path = cluster.kubeconfig(tmp_path)
    await config.load_kube_config(str(path), client_configuration=settings)
    async with client.ApiClient(settings) as connection:
        yield client.CoreV1Api(connection)


async def phase_becomes(api, name, phase):
    async with asyncio.timeout(5):
        while (pod := await api.read_namespaced_pod(name, "datalab")).status.phase != phase:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return pod


async def connected(ip, port):
    """A pod runs a little before its server listens, as in life."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await asyncio.open_connection(ip, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)


async def test_a_pod_becomes_running_and_answers_on_its_own_address(api):
    await api.create_namespaced_pod("datalab", POD)
    pod = await phase_becomes(api, "one", "Running")
    reader, writer = await connected(pod.status.pod_ip, 8888)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    await api.delete_namespaced_pod("one", "datalab", grace_period_seconds=0)
    with pytest.raises(ApiException) as gone:
        await api.read_namespaced_pod("one", "datalab")
    assert gone.value.status == 404


async def test_a_watch_goes_on_where_a_list_ended(api):
    listed = await api.list_namespaced_pod("datalab", label_selector="app=lab")
    await api.create_namespaced_pod("datalab", POD)
    seen = []
    async with watch.Watch().stream(
        api.list_namespaced_pod,
        "datalab",
        label_selector="app=lab",
        resource_version=listed.metadata.resource_version,
        timeout_seconds=5,
    ) as stream:
        async for event in stream:
            seen.append(event["type"])
            if event["raw_object"]["status"]["phase"] == "Running":
                break
    assert seen[0] == "ADDED"
    assert set(seen[1:]) == {"MODIFIED"}


async def test_a_watch_from_a_compacted_version_gets_410(api, cluster):
    listed = await api.list_namespaced_pod("datalab")
    await api.create_namespaced_pod("datalab", POD)
    cluster.store.compact()
    stream = watch.Watch().stream(
        api.list_namespaced_pod,
        "datalab",
        resource_version=listed.metadata.resource_version,
        timeout_seconds=5,
    )
    with pytest.raises(ApiException) as gone:
        await anext(stream)
    assert gone.value.status == 410


async def test_leaving_a_selector_is_seen_as_deleted(api, cluster):
    cluster.life = lives.for_ever_pending
    await api.create_namespaced_pod("datalab", POD)
    listed = await api.list_namespaced_pod("datalab")
    await api.patch_namespaced_pod("one", "datalab", {"metadata": {"labels": {"app": "else"}}})
    stream = watch.Watch().stream(
        api.list_namespaced_pod,
        "datalab",
        label_selector="app=lab",
        resource_version=listed.metadata.resource_version,
        timeout_seconds=5,
    )
    assert (await anext(stream))["type"] == "DELETED"
    await stream.close()


async def test_bookmarks_come_where_nothing_happens(api, cluster):
    cluster.faults.bookmarks_every = 0.05
    listed = await api.list_namespaced_pod("datalab")
    stream = watch.Watch().stream(
        api.list_namespaced_pod,
        "datalab",
        resource_version=listed.metadata.resource_version,
        allow_watch_bookmarks=True,
        timeout_seconds=5,
    )
    assert (await anext(stream))["type"] == "BOOKMARK"
    await stream.close()


async def test_a_name_is_taken_once_and_bad_names_are_refused(api, cluster):
    cluster.life = lives.for_ever_pending
    await api.create_namespaced_pod("datalab", POD)
    with pytest.raises(ApiException) as taken:
        await api.create_namespaced_pod("datalab", POD)
    assert taken.value.status == 409
    with pytest.raises(ApiException) as bad:
        await api.create_namespaced_pod("datalab", {**POD, "metadata": {"name": "Ann_1"}})
    assert bad.value.status == 422


async def test_what_a_deleted_pod_owned_goes_with_it(api, cluster):
    pod = await api.create_namespaced_pod("datalab", POD)
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "one", "uid": pod.metadata.uid}
    await api.create_namespaced_secret(
        "datalab", {"metadata": {"name": "s", "ownerReferences": [owner]}, "stringData": {"a": "b"}}
    )
    await api.delete_namespaced_pod("one", "datalab", grace_period_seconds=0)
    assert cluster.names("secrets") == []


async def test_a_dead_node_keeps_a_deleted_pod_until_it_is_forced(api, cluster):
    cluster.node_is_dead = True
    await api.create_namespaced_pod("datalab", POD)
    await phase_becomes(api, "one", "Running")
    await api.delete_namespaced_pod("one", "datalab", grace_period_seconds=1)
    await asyncio.sleep(0.1)
    pod = await api.read_namespaced_pod("one", "datalab")
    assert pod.metadata.deletion_timestamp
    await api.delete_namespaced_pod("one", "datalab", grace_period_seconds=0)
    assert cluster.names("pods") == []


async def test_faults_reach_the_client_as_they_do_in_life(api, cluster):
    cluster.faults.throttle()
    with pytest.raises(ApiException) as throttled:
        await api.list_namespaced_pod("datalab")
    assert throttled.value.status == 429
    cluster.set_reachable(False)
    with pytest.raises(ClientError):
        await api.list_namespaced_pod("datalab")
    cluster.set_reachable(True)
    await api.list_namespaced_pod("datalab")


async def test_every_call_is_recorded_as_rbac_sees_it(api, cluster):
    await api.create_namespaced_pod("datalab", POD)
    await phase_becomes(api, "one", "Running")
    await api.read_namespaced_pod_log("one", "datalab")
    await api.list_node()
    calls = {(call.verb, call.resource, call.namespace) for call in cluster.calls}
    assert {
        ("create", "pods", "datalab"),
        ("get", "pods", "datalab"),
        ("get", "pods/log", "datalab"),
        ("list", "nodes", None),
    } <= calls


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=lab", True),
        ("app==lab,who=ann", True),
        ("app!=lab", False),
        ("app in (lab, x),who", True),
        ("app notin (lab)", False),
        ("!app", False),
        ("!other", True),
    ],
)
def test_label_selectors(selector, matches):
    assert label_matcher(selector)(POD) is matches


def test_field_selectors():
    assert field_matcher("pods", "metadata.name=one")(POD)
    assert not field_matcher("pods", "metadata.name!=one")(POD)
    assert field_matcher("events", "involvedObject.kind=Pod")({"involvedObject": {"kind": "Pod"}})
    with pytest.raises(BadSelector):
        field_matcher("pods", "spec.image=x")
