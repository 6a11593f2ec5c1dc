"""From profile and settings to manifests."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import kubernetes_validate
import pytest
from datalab_hub.errors import DatalabError
from datalab_hub.spawner.backend import WorkspaceContext
from datalab_hub.spawner.kubernetes import KubernetesPlatform
from datalab_hub.spawner.kubernetes.homes import HomeKind, home_of
from datalab_hub.spawner.kubernetes.labels import labels_of
from datalab_hub.spawner.kubernetes.pinning import pin
from datalab_hub.spawner.kubernetes.privacy import take_environment
from datalab_hub.spawner.names import person_key, workspace_key
from fakes.kubernetes.objects import validate
from fakes.kubernetes.site import site_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes_asyncio.client import ApiClient
from traitlets.config import Config

KUBERNETES = "1.31"

CATALOG = """
images:
  lab: {reference: "registry.example/lab@sha256:abc", title: Lab}
profiles:
  - name: small
    title: Small
    backend: kubernetes
    image: lab
    resources: {cpu: 2, memory: 4 GiB}
  - name: gpu
    title: GPU
    backend: kubernetes
    image: lab
    resources: {cpu: 8, memory: 32 GiB, gpu: {count: 2, type: A10G}}
    kubernetes:
      cpu_guarantee: 4
      memory_guarantee: 16 GiB
      node_selector: {pool: gpu}
      tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
      volumes: [{name: shm, emptyDir: {medium: Memory}}]
      volume_mounts: [{name: shm, mountPath: /dev/shm}]
      kubespawner:
        extra_labels: {team: blue}
        extra_pod_config: {priorityClassName: batch}
  - name: amd
    title: AMD
    backend: kubernetes
    image: lab
    resources: {gpu: {count: 1}}
    kubernetes: {gpu_resource: amd.com/gpu}
"""


def platform_of(tmp_path, kubespawner=None, **own):
    site = site_of(tmp_path, Config({"KubeSpawner": kubespawner or {}}), CATALOG)
    return KubernetesPlatform(site=site, config=site.config, namespace="datalab", **own)


def context_of(platform, profile="small", user="ann", server="", environment=None):
    catalog = platform.site.catalog
    found = catalog.profile(profile)
    return WorkspaceContext(
        user=user,
        server=server,
        key=workspace_key(user, server),
        profile=found,
        image=catalog.images[found.image],
        log=platform.log,
        bind=lambda ip, port: None,
        environment=lambda: dict(environment or {"JUPYTERHUB_API_TOKEN": "t"}),
        arguments=lambda: ["--debug"],
        save=lambda: None,
        report=lambda *args, **kwargs: None,
    )


async def plain(model):
    async with ApiClient() as client:
        return client.sanitize_for_serialization(model)


async def pod_of(platform, **which):
    pod = await plain(await platform.maker(context_of(platform, **which)).pod())
    kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    return pod


def main(pod):
    return pod["spec"]["containers"][0]


async def test_a_profile_becomes_image_resources_and_labels(tmp_path):
    pod = await pod_of(platform_of(tmp_path))
    assert main(pod)["image"] == "registry.example/lab@sha256:abc"
    assert main(pod)["imagePullPolicy"] == "IfNotPresent"
    assert main(pod)["args"] == ["datalab-workspace", "--debug"]
    memory = str(4 * 2**30)
    assert main(pod)["resources"]["limits"] == {"cpu": 2.0, "memory": int(memory)}
    assert main(pod)["resources"]["requests"] == {"cpu": 2.0, "memory": int(memory)}
    key = workspace_key("ann", "")
    assert pod["metadata"]["name"] == key
    assert pod["metadata"]["labels"].items() >= labels_of("test-instance", "ann", key).items()
    assert pod["metadata"]["annotations"]["datalab/user"] == "ann"


async def test_a_gpu_profile_with_everything(tmp_path):
    pod = await pod_of(platform_of(tmp_path), profile="gpu")
    resources = main(pod)["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == "2"
    assert resources["requests"]["nvidia.com/gpu"] == "2"
    assert (resources["limits"]["cpu"], resources["requests"]["cpu"]) == (8.0, 4.0)
    assert (resources["limits"]["memory"], resources["requests"]["memory"]) == (2**35, 2**34)
    assert pod["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert pod["spec"]["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert {"name": "shm", "emptyDir": {"medium": "Memory"}} in pod["spec"]["volumes"]
    assert {"name": "shm", "mountPath": "/dev/shm"} in main(pod)["volumeMounts"]
    assert pod["metadata"]["labels"]["team"] == "blue"
    assert pod["spec"]["priorityClassName"] == "batch"


async def test_a_profile_may_name_its_own_gpu_resource(tmp_path):
    pod = await pod_of(platform_of(tmp_path), profile="amd")
    assert main(pod)["resources"]["limits"] == {"amd.com/gpu": "1"}


async def test_ordinary_kubespawner_settings_work_and_profiles_add_to_them(tmp_path):
    platform = platform_of(
        tmp_path,
        {
            "node_selector": {"zone": "a"},
            "tolerations": [{"key": "users", "operator": "Exists"}],
            "volumes": {"b": {"name": "data", "emptyDir": {}}},
            "image_pull_secrets": ["registry"],
            "environment": {
                "FROM_CONFIG": "{username}",
                "FROM_CODE": lambda spawner: spawner.image,
            },
            "cmd": ["start-it"],
        },
    )
    pod = await pod_of(platform, profile="gpu")
    assert pod["spec"]["nodeSelector"] == {"zone": "a", "pool": "gpu"}
    assert [t["key"] for t in pod["spec"]["tolerations"]] == ["users", "nvidia.com/gpu"]
    assert {"name": "data", "emptyDir": {}} in pod["spec"]["volumes"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    env = {variable["name"]: variable.get("value") for variable in main(pod)["env"]}
    assert env["FROM_CONFIG"] == "ann"
    assert env["FROM_CODE"] == "registry.example/lab@sha256:abc"
    assert main(pod)["args"][0] == "start-it"


async def test_a_server_that_ends_by_itself_is_not_begun_anew_unless_the_operator_says_so(tmp_path):
    """Who runs out of memory is to read it, and not to find a new server without their kernels."""
    assert (await pod_of(platform_of(tmp_path)))["spec"]["restartPolicy"] == "Never"
    for name in ("restartPolicy", "restart_policy"):
        platform = platform_of(tmp_path, {"extra_pod_config": {name: "OnFailure"}})
        assert (await pod_of(platform))["spec"]["restartPolicy"] == "OnFailure"


async def test_functions_of_the_hubs_spawner_are_called_with_the_hubs_spawner(tmp_path):
    """The data sources' are: they ask it for the person's groups, which the child does not have."""
    platform = platform_of(tmp_path, {})
    function = lambda spawner: ",".join(spawner.groups)  # noqa: E731
    platform.config.Spawner.environment = {"GROUPS": function}
    context = context_of(platform, environment={"GROUPS": "a,b"})
    maker = platform.maker(context)
    outer = SimpleNamespace(environment={"GROUPS": function}, env_keep=[])
    maker.context = replace(context, spawner=outer)
    assert maker.get_env()["GROUPS"] == "a,b"


async def test_one_persons_overrides_do_not_leak_into_the_next_pod(tmp_path):
    platform = platform_of(tmp_path, {"extra_labels": {"all": "of-us"}})
    await pod_of(platform, profile="gpu")
    labels = (await pod_of(platform, profile="small"))["metadata"]["labels"]
    assert labels["all"] == "of-us"
    assert "team" not in labels


async def test_pods_keep_the_restricted_pod_security_standard(tmp_path):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    pod = await pod_of(platform_of(tmp_path), profile="gpu")
    security = main(pod)["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["runAsUser"] == 1000
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["spec"]["automountServiceAccountToken"] is False
    allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
    assert all(set(volume) - {"name"} <= allowed for volume in pod["spec"]["volumes"])
    assert not any(pod["spec"].get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))


async def test_the_claim_of_a_home_is_the_persons_and_valid(tmp_path):
    settings_ = {"storage_capacity": "20Gi", "storage_class": "fast"}
    maker = platform_of(tmp_path, settings_).maker(
        context_of(platform := platform_of(tmp_path, settings_), server="gpu")
    )
    claim = await plain(maker.claim())
    kubernetes_validate.validate(claim, KUBERNETES, strict=True)
    assert claim["metadata"]["name"] == person_key("ann")
    assert claim["metadata"]["labels"].items() >= labels_of("test-instance", "ann").items()
    assert "datalab/workspace" not in claim["metadata"]["labels"]
    assert "hub.jupyter.org/servername" not in claim["metadata"]["annotations"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert platform.home_of("ann").claim == person_key("ann")


async def test_a_home_on_a_shared_volume_is_a_subdirectory_per_person(tmp_path):
    platform = platform_of(tmp_path, home="shared", shared_claim="efs")
    pod = await pod_of(platform, user="Ann/../b")
    (mount,) = main(pod)["volumeMounts"]
    assert mount["mountPath"] == "/home/jovyan"
    assert mount["subPath"] == "homes/%41nn%2F..%2Fb"
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "efs"}
    assert pin(pod, platform.maker(context_of(platform)), []) is None


async def test_homes_may_be_left_to_kubespawner_or_to_nobody(tmp_path):
    assert not (await pod_of(platform_of(tmp_path, home="kubespawner")))["spec"].get("volumes")
    pod = await pod_of(platform_of(tmp_path, home="none"))
    assert pod["spec"]["volumes"] == [{"name": "home", "emptyDir": {}}]


def test_a_shared_home_without_a_claim_is_refused(tmp_path):
    with pytest.raises(DatalabError, match="shared_claim"):
        platform_of(tmp_path, home="shared")


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_people_never_share_a_home(one, other):
    for kind in (HomeKind.CLAIM, HomeKind.SHARED):
        same = home_of(kind, one, "/h", "efs") == home_of(kind, other, "/h", "efs")
        assert same == (one == other)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_persons_key_is_no_workspaces_key(user, server):
    assert person_key(user) not in {workspace_key(user, ""), workspace_key(user, server)}


names = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=300)


@given(names, st.text("abcdefghijklmnopqrstuvwxyz0123456789-", max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
async def test_whatever_the_names_are_the_manifests_are_valid(tmp_path, user, server):
    platform = platform_of(tmp_path)
    maker = platform.maker(context_of(platform, user=user, server=server))
    for kind, model in (("pods", await maker.pod()), ("persistentvolumeclaims", maker.claim())):
        validate(kind, json.loads(json.dumps(await plain(model))))


async def test_the_hubs_own_path_does_not_reach_the_image(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/hub/bin")
    platform = platform_of(tmp_path)
    context = context_of(platform, environment={"PATH": "/hub/bin", "KEPT": "yes"})
    maker = platform.maker(context)
    outer = SimpleNamespace(environment={}, env_keep=["PATH"])
    vars(context)["spawner"] = None
    maker.context = WorkspaceContext(**{**vars(context), "spawner": outer})
    env = maker.get_env()
    assert "PATH" not in env
    assert env["KEPT"] == "yes"
    assert env["HOME"] == "/home/jovyan"


@pytest.mark.parametrize(("setting", "seconds"), [({}, 30), ({"delete_grace_period": 90}, 90)])
async def test_stop_and_drain_give_what_the_workspace_is_told(tmp_path, setting, seconds):
    platform = platform_of(tmp_path, setting)
    pod = await pod_of(platform)
    assert pod["spec"]["terminationGracePeriodSeconds"] == seconds
    assert platform.maker(context_of(platform)).get_env()["DATALAB_STOP_GRACE"] == str(seconds)


async def test_a_grace_in_the_pods_own_settings_stays(tmp_path):
    own = {"extra_pod_config": {"termination_grace_period_seconds": 45}}
    pod = await pod_of(platform_of(tmp_path, own))
    assert pod["spec"]["terminationGracePeriodSeconds"] == 45


def pod_with(*variables):
    return {"spec": {"containers": [{"name": "notebook", "env": list(variables)}]}}


def test_plain_variables_go_into_the_secret_and_references_stay():
    token = {"name": "JUPYTERHUB_API_TOKEN", "value": "t"}
    reference = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    composed = {"name": "URL", "value": "http://$(NODE)/"}
    odd = {"name": "with.dot", "value": "x"}
    pod = pod_with(token, reference, composed, odd)
    assert take_environment(pod, "s") == {"JUPYTERHUB_API_TOKEN": "t"}
    assert main(pod)["env"] == [reference, composed, odd]
    assert main(pod)["envFrom"] == [{"secretRef": {"name": "s"}}]


async def test_a_pin_narrows_every_alternative_of_an_affinity(tmp_path):
    """Terms of a node affinity are or-ed: a pin beside them would be no pin."""
    platform = platform_of(tmp_path)
    context = context_of(platform, server="second")
    rule = "requiredDuringSchedulingIgnoredDuringExecution"
    terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [z]}]} for z in "ab"]
    pod = await pod_of(platform, server="second")
    pod["spec"]["affinity"] = {"nodeAffinity": {rule: {"nodeSelectorTerms": terms}}}
    other = {
        "metadata": {"name": "dl-x", "labels": labels_of("test-instance", "ann", "dl-x")},
        "spec": {"nodeName": "node-7"},
        "status": {"phase": "Running"},
    }
    assert "beside" in pin(pod, platform.maker(context), [other])
    pinned = pod["spec"]["affinity"]["nodeAffinity"][rule]["nodeSelectorTerms"]
    assert len(pinned) == 2
    assert all(term["matchFields"][0]["values"] == ["node-7"] for term in pinned)
    assert all(term["matchExpressions"] for term in pinned)
    kubernetes_validate.validate(pod, KUBERNETES, strict=True)


async def test_another_persons_pod_pins_nothing(tmp_path):
    platform = platform_of(tmp_path)
    pod = await pod_of(platform)
    other = {
        "metadata": {"name": "dl-x", "labels": labels_of("test-instance", "bob", "dl-x")},
        "spec": {"nodeName": "node-7"},
        "status": {"phase": "Running"},
    }
    assert pin(pod, platform.maker(context_of(platform)), [other]) is None
    assert "affinity" not in pod["spec"]
