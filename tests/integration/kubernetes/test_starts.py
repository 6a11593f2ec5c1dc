"""Starts that go well, slowly, or wrong: what the person reads meanwhile and at the end."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from datalab_hub.spawner.kubernetes import KubernetesPlatform, claims, diagnosis, images
from datalab_hub.spawner.kubernetes.findings import REASONS
from datalab_hub.spawner.problems import StartFailed, StartRefused
from datalab_workspace import here, wire
from fakes.kubernetes import ApiError, SmallServer, lives
from fakes.kubernetes.site import CATALOG, platform_on, site_of
from traitlets.config import Config

from .conftest import Person

NO_CPU = "0/3 nodes are available: 3 Insufficient cpu."


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """What may pass by itself gets tenths of seconds here."""
    monkeypatch.setattr(images, "_SOON", 0.2)
    monkeypatch.setattr(images, "_LATER", 0.3)
    for name in ("_MOUNT_PATIENCE", "_CONFIG_PATIENCE", "_SANDBOX_PATIENCE"):
        monkeypatch.setattr(diagnosis, name, 0.2)


async def failure_of(workspace):
    with pytest.raises(StartFailed) as failed:
        await asyncio.wait_for(workspace.start(), 20)
    assert failed.value.reason in REASONS
    return failed.value


async def test_a_start_tells_each_phase_as_it_comes(ann, cluster):
    cluster.step = 0.1
    await ann.workspace().start()
    phases = [step.split(":")[0] for step in ann.steps]
    assert list(dict.fromkeys(phases)) == ["queue", "volume", "schedule", "boot", "pull"]
    assert "pull: Fetching the image: lab:1" in ann.steps


async def test_nothing_sleeps_between_the_server_listening_and_the_start_being_over(ann, cluster):
    """Plain KubeSpawner: up to 1.8 s of backoff here, and as much again in the hub."""
    cluster.step = 0.01
    listening = asyncio.get_running_loop().create_future()

    class Slow(SmallServer):
        async def start(self):
            self.delay = 0.7
            await super().start()
            listening.set_result(time.monotonic())

    cluster.container = Slow
    await ann.workspace().start()
    assert time.monotonic() - listening.result() < 0.25


class SaysWhereItIs(SmallServer):
    """Registers as the workspace's entry point does, from the address that it names or another."""

    comes_from: str | None = None
    platform: KubernetesPlatform

    async def start(self):
        await super().start()
        env = self.environment
        message = wire.Register(
            job=env[here.JOB], secret=env[here.SECRET], ip=self.ip, port=self.port
        )
        await self.platform.site.registrations.register(
            message, "secret", self.comes_from or self.ip
        )


async def reported_late(life):
    """The kubelet tells of a container long after it has started it."""
    await life.scheduled()
    await life.waiting("ContainerCreating")
    life.container = life.cluster.container(life.cluster, life._pod(), life.ip)
    await life.container.start()
    await asyncio.sleep(life.cluster.step * 100)
    await life.container.stop(0)
    await life.running()


async def test_a_pod_that_says_where_it_is_is_not_awaited_from_the_kubelet(ann, cluster, platform):
    SaysWhereItIs.platform, SaysWhereItIs.comes_from = platform, None
    cluster.container, cluster.life, cluster.step = SaysWhereItIs, reported_late, 0.1
    url = await asyncio.wait_for(ann.workspace().start(), 8)
    pod = await (await platform.cluster()).read("pod", ann.workspace().name)
    assert "podIP" not in pod["status"]
    assert url.startswith(f"http://{cluster.kubelet.pods[pod['metadata']['name']].ip}:")
    assert ann.steps[-1] == "boot: Starting the server"


async def test_an_address_from_which_nothing_comes_is_not_believed(ann, cluster, platform):
    """The proxy would lead to wherever somebody says."""
    SaysWhereItIs.platform, SaysWhereItIs.comes_from = platform, "10.9.9.9"
    cluster.container, cluster.life, cluster.step = SaysWhereItIs, reported_late, 0.02
    workspace = ann.workspace()
    await workspace.start()
    pod = await (await platform.cluster()).read("pod", workspace.name)
    assert pod["status"]["podIP"]  # it was awaited


async def test_after_a_start_nobody_can_say_that_the_workspace_is_elsewhere(ann, cluster, platform):
    workspace = ann.workspace()
    await workspace.start()
    assert platform.site.registrations.expected(workspace.name) is None


async def test_the_pod_is_made_when_its_new_volume_is_there(ann, cluster, platform):
    """A pod whose claim is not bound is put aside by the scheduler for at least a second."""
    phases = []

    async def look(life):
        claims = cluster.store.list("persistentvolumeclaims", life.namespace, lambda _: True)
        phases.extend(claim["status"]["phase"] for claim in claims)
        await lives.healthy(life)

    cluster.life, cluster.step = look, 0.1
    await ann.workspace().start()
    assert phases == ["Bound"]


async def test_storage_that_waits_for_the_pod_gets_one(ann, cluster, monkeypatch):
    monkeypatch.setattr(claims, "_BINDING", 60)
    cluster.storage_waits_for_pods = True
    await asyncio.wait_for(ann.workspace().start(), 30)


CASES = {
    "image_missing": (
        lives.image_fails('rpc error: code = NotFound desc = "lab:1": not found'),
        "does not exist in the registry",
        "catalog",
    ),
    "image_denied": (lives.image_fails("401 Unauthorized"), "does not let", "pull secret"),
    "image_registry": (
        lives.image_fails("dial tcp 10.1.2.3:443: i/o timeout"),
        "does not answer",
        "few minutes",
    ),
    "image_name": (
        lives.image_fails("couldn't parse image", "InvalidImageName", backs_off=False),
        "not valid",
        "Tell",
    ),
    "crashed": (
        lives.crashes("Traceback\nModuleNotFoundError: No module named 'datalab_workspace'"),
        "Its last words: Traceback / ModuleNotFoundError",
        "Try again",
    ),
    "oom": (lives.crashes("", 137, "OOMKilled"), "ran out of memory", "more memory"),
    "config": (
        lives.waits_with("CreateContainerConfigError", 'secret "db" not found'),
        'secret "db" not found',
        "profile",
    ),
    "evicted": (
        lives.refused_by_node("Evicted", "The node was low on resource: memory."),
        "short of memory",
        "kept",
    ),
    "node": (
        lives.refused_by_node("OutOfcpu", "Node didn't have enough resource: cpu"),
        "turned your workspace away",
        "Try again",
    ),
}


@pytest.mark.parametrize("reason", CASES)
async def test_a_pod_that_will_not_do_is_explained_and_removed(ann, cluster, reason):
    cluster.life, sentence, hint = CASES[reason]
    failed = await failure_of(ann.workspace())
    assert failed.reason == reason
    assert sentence in failed.message
    assert hint in failed.hint
    assert cluster.names("pods") == []
    assert cluster.names("secrets") == []


async def test_while_no_node_is_free_the_page_says_what_is_short(ann, cluster):
    cluster.life = lives.unschedulable(NO_CPU, then=lives.healthy)
    await ann.workspace().start()
    assert "schedule: Waiting for a free place: no node has 1 CPU free" in ann.steps


async def test_a_new_node_is_waited_for(ann, cluster):
    async def scales(life):
        await life.condition("PodScheduled", "False", "Unschedulable", NO_CPU)
        await life.event("TriggeredScaleUp", "pod triggered scale-up: [{pool 1->2}]")
        await life.pause(5)
        await lives.healthy(life)

    cluster.life = scales
    await ann.workspace().start()
    assert any("A new node is being started" in step for step in ann.steps)


async def test_a_start_that_runs_out_of_time_says_what_it_waited_for(ann, cluster):
    cluster.life = lives.unschedulable(NO_CPU)
    failed = await failure_of(ann.workspace(seconds=1))
    assert failed.reason == "cpu"
    assert "No node has 1 CPU free." in failed.message


async def test_free_capacity_is_told_where_the_hub_may_see_nodes(cluster, tmp_path):
    status = {"allocatable": {"cpu": "500m", "memory": "8Gi", "pods": "110"}}
    await cluster.store.create("nodes", "", {"metadata": {"name": "n"}, "status": status})
    cluster.life = lives.unschedulable(NO_CPU)
    async with platform_on(cluster, tmp_path, see_nodes=True) as platform:
        failed = await failure_of(Person(platform).workspace(seconds=1))
    assert "the best one has 0.5 CPU" in failed.message


async def test_without_the_cluster_role_the_schedulers_words_are_enough(cluster, tmp_path):
    cluster.faults.fail("list", "nodes", 403, "Forbidden", times=99)
    cluster.life = lives.unschedulable(NO_CPU)
    async with platform_on(cluster, tmp_path, see_nodes=True) as platform:
        failed = await failure_of(Person(platform).workspace(seconds=1))
    assert failed.message.startswith("No node has 1 CPU free.")


async def test_a_server_that_never_answers_is_told_from_one_that_never_ran(ann, cluster):
    class Deaf(SmallServer):
        async def start(self):
            self.cluster = None  # never listens

    cluster.container = Deaf
    failed = await failure_of(ann.workspace(seconds=1.5))
    assert failed.reason == "no_answer"
    assert "network policy" in failed.hint


async def test_a_quota_that_is_used_up_is_explained(ann, cluster):
    def quota(plural, body):
        if plural == "pods":
            text = (
                'pods "x" is forbidden: exceeded quota: team, requested: requests.cpu=1, '
                "used: requests.cpu=10, limited: requests.cpu=10"
            )
            raise ApiError(403, "Forbidden", text)

    cluster.admission.append(quota)
    failed = await failure_of(ann.workspace())
    assert failed.reason == "quota"
    assert "CPU (10 of 10 in use, 1 wanted)" in failed.message
    assert cluster.names("secrets") == []


async def test_a_volume_that_stays_pending_is_explained(ann, cluster):
    async def unbound(life):
        text = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
        await life.condition("PodScheduled", "False", "Unschedulable", text)
        claim = life.spec["volumes"][0]["persistentVolumeClaim"]["claimName"]
        await life.event(
            "ProvisioningFailed",
            'storageclass.storage.k8s.io "fast" not found',
            "Warning",
            involved=("PersistentVolumeClaim", claim),
        )

    cluster.life = unbound
    failed = await failure_of(ann.workspace(seconds=2))
    assert failed.reason == "volume"
    assert "could not be made" in failed.message
    assert len(cluster.names("persistentvolumeclaims")) == 1, "a home is the person's, and stays"


async def test_an_api_server_that_is_away_is_explained(ann, cluster):
    cluster.set_reachable(False)
    start = asyncio.create_task(ann.workspace().start())
    await asyncio.sleep(0.5)
    cluster.set_reachable(True)
    with pytest.raises(StartFailed) as failed:
        await start
    assert failed.value.reason == "unreachable"


async def test_a_start_that_failed_is_explained_while_the_api_server_is_still_away(
    ann, cluster, monkeypatch
):
    monkeypatch.setattr("datalab_hub.spawner.kubernetes.backend._CLEAN_UP_WAIT", 0.2)
    cluster.life = lives.unschedulable("0/1 nodes are available: 1 Insufficient cpu.")
    workspace = ann.workspace()
    start = asyncio.create_task(workspace.start())
    while not cluster.names("pods"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    cluster.set_reachable(False)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    await asyncio.wait_for(workspace.stop(), 5)  # the hub waits for it before it says why
    assert cluster.names("pods")
    cluster.set_reachable(True)
    while cluster.names("pods"):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def test_an_api_server_that_goes_away_during_a_start_is_outlived(ann, cluster):
    cluster.step = 0.1
    start = asyncio.create_task(ann.workspace().start())
    while not cluster.names("pods"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    cluster.set_reachable(False)
    await asyncio.sleep(0.6)
    cluster.set_reachable(True)
    await asyncio.wait_for(start, 10)


async def test_a_watch_that_went_stale_is_noticed_and_replaced(ann, cluster, platform, caplog):
    """It is open and says nothing: the pod is read directly, and the watch begun anew."""
    cluster.faults.mute_watches = True
    await asyncio.wait_for(ann.workspace().start(), 10)
    assert "is replaced" in caplog.text


async def test_a_start_is_not_declared_failed_on_the_word_of_a_stale_watch(ann, cluster, platform):
    """The watch stopped at 'no such image'; meanwhile somebody pushed it."""

    async def in_vain_then_well(life):
        await lives.image_fails("not found")(life)
        cluster.faults.mute_watches = True
        await life.running()

    cluster.life = in_vain_then_well
    await asyncio.wait_for(ann.workspace().start(), 10)


async def test_a_lost_answer_to_the_creation_is_no_second_pod(ann, cluster, platform):
    """The API server made the pod and its answer was lost: it is known by its attempt."""
    platform._cluster.timeout, platform._cluster.patience = 0.2, 5
    cluster.faults.answer_delay = 0.4

    async def mend():
        while not cluster.names("pods"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        cluster.faults.answer_delay = 0

    await asyncio.gather(ann.workspace().start(), mend())
    made = [call for call in cluster.calls if (call.verb, call.resource) == ("create", "pods")]
    ended = [call for call in cluster.calls if (call.verb, call.resource) == ("delete", "pods")]
    assert len(made) >= 2
    assert ended == []


async def test_named_workspaces_of_one_person_share_the_home_and_its_node(ann, cluster):
    first, second = ann.workspace(), ann.workspace("gpu")
    await first.start()
    await second.start()
    assert len(cluster.names("persistentvolumeclaims")) == 1
    pod = cluster.store.find("pods", "datalab", second.name)
    (term,) = pod["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert term["matchFields"] == [
        {"key": "metadata.name", "operator": "In", "values": [lives.NODE]}
    ]


async def test_where_the_home_holds_the_second_workspace_back_the_message_says_so(ann, cluster):
    await ann.workspace().start()
    cluster.life = lives.unschedulable(NO_CPU)
    failed = await failure_of(ann.workspace("gpu", seconds=1))
    assert "beside your other workspace" in failed.hint


async def test_a_home_for_one_pod_only_refuses_the_second_workspace(cluster, tmp_path):
    config = Config({"KubeSpawner": {"storage_access_modes": ["ReadWriteOncePod"]}})
    async with platform_on(cluster, tmp_path, site=site_of(tmp_path, config)) as platform:
        ann = Person(platform)
        await ann.workspace("first").start()
        with pytest.raises(StartRefused, match="Stop your workspace 'first' first"):
            await ann.workspace("second").start()


async def test_hooks_get_an_object_that_they_know_from_kubespawner(cluster, tmp_path):
    seen = []

    def before(spawner):
        spawner.extra_labels["team"] = "blue"
        seen.append("before")

    def modify(spawner, pod):
        pod.metadata.annotations["image"] = spawner.image
        return pod

    async def after(spawner, pod):
        seen.append(pod["metadata"]["uid"])

    hooks = {"pre_spawn_hook": before, "modify_pod_hook": modify, "after_pod_created_hook": after}
    site = site_of(tmp_path, Config({"KubeSpawner": hooks}))
    async with platform_on(cluster, tmp_path, site=site) as platform:
        await Person(platform).workspace().start()
    (pod,) = cluster.store.list("pods", None, lambda _: True)
    assert pod["metadata"]["labels"]["team"] == "blue"
    assert pod["metadata"]["annotations"]["image"] == "registry.example/lab:1"
    assert seen == ["before", pod["metadata"]["uid"]]


async def test_a_service_in_front_of_the_pod_goes_with_it(cluster, tmp_path):
    config = Config(
        {
            "KubeSpawner": {
                "services_enabled": True,
                # names of services mean nothing outside the cluster
                "get_pod_url": lambda spawner, pod: f"http://{pod['status']['podIP']}:8888",
            }
        }
    )
    async with platform_on(cluster, tmp_path, site=site_of(tmp_path, config)) as platform:
        workspace = Person(platform).workspace()
        await workspace.start()
        assert cluster.names("services") == [workspace.name]
        await workspace.stop()
    assert cluster.names("services") == []


async def test_the_catalogs_words_and_the_installations_instance_keep_apart(cluster, tmp_path):
    """Two installations in one namespace: neither sees the other's pods."""
    other = site_of(tmp_path, catalog=CATALOG)
    other.instance = "other"
    async with (
        platform_on(cluster, tmp_path) as ours,
        platform_on(cluster, tmp_path, site=other) as theirs,
    ):
        await Person(ours).workspace().start()
        await theirs.open()
        await asyncio.wait_for(theirs.pods.synced.wait(), 5)
        assert theirs.pods.items == {}
        assert await theirs.resources() == []
        assert {resource.kind for resource in await ours.resources()} == {
            "pod",
            "secret",
            "home volume",
        }


async def test_the_answer_is_reachable_at_the_url_that_start_returns(ann):
    url = await ann.workspace().start()
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.text() == "ok"


async def test_credentials_that_expire_are_read_anew(ann, cluster, platform, tmp_path):
    """Those of a cloud's kubeconfig live for a quarter of an hour."""
    await asyncio.wait_for(platform.pods.synced.wait(), 5)
    cluster.token = "the-next-one"
    cluster.kubeconfig(tmp_path)
    cluster.drop_connections()
    workspace = ann.workspace()
    await asyncio.wait_for(workspace.start(), 10)
    assert await workspace.poll() is None


async def test_credentials_that_stay_wrong_are_not_gone(ann, cluster, platform):
    workspace = ann.workspace()
    await workspace.start()
    cluster.token = "nobody was told"
    cluster.drop_connections()
    platform.pods.items.clear()
    assert await workspace.poll() is None
    cluster.token = "the-service-account-token"
