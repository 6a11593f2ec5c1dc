"""``datalab doctor``: what it sees, and what it says to fix."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading

import pytest
from chart import grants_of_chart
from datalab_hub.spawner.kubernetes import configuration, probe
from datalab_hub.spawner.kubernetes import doctor as module
from datalab_hub.spawner.kubernetes.checks import judged
from datalab_hub.spawner.kubernetes.cluster import Cluster
from datalab_hub.spawner.kubernetes.configuration import load_configuration
from datalab_hub.spawner.kubernetes.doctor import NEEDED, Doctor
from fakes.kubernetes import FakeKubernetes, Grants, lives
from fakes.kubernetes.site import CATALOG, catalog_of

GPU = """  - name: gpu
    title: GPU
    backend: kubernetes
    image: lab
    resources: {cpu: 2, gpu: {count: 1}}
"""
FINE = {"dns": "", "metadata": "timed out", "hub": "", "uid": 1000, "barred": "timed out"}
RELEASE = {"app": "jupyterhub", "release": "lab"}
DEFAULT_CLASS = {"storageclass.kubernetes.io/is-default-class": "true"}


@pytest.fixture
async def healthy():
    """A cluster on which everything is well."""
    async with FakeKubernetes() as cluster:
        cluster.storage_classes = [{"metadata": {"name": "fast", "annotations": DEFAULT_CLASS}}]
        cluster.life = lives.runs_to_its_end(json.dumps(FINE) + "\n")
        resources = {"cpu": "4", "memory": "8Gi"}
        node = {"metadata": {"name": "n"}, "status": {"allocatable": resources}}
        await cluster.store.create("nodes", "", node)
        hub = {"metadata": {"name": "hub-1", "labels": RELEASE | {"component": "hub"}}, "spec": {}}
        await cluster.store.create("pods", "datalab", hub)
        metadata = {"name": "proxy-api", "labels": RELEASE | {"component": "proxy-api"}}
        spec = {"clusterIP": "10.96.0.7", "ports": [{"port": 8001}]}
        await cluster.store.create("services", "datalab", {"metadata": metadata, "spec": spec})
        yield cluster


async def examined(kubernetes, directory, catalog=CATALOG, **options):
    kubeconfig = str(kubernetes.kubeconfig(directory))
    settings, namespace = await load_configuration(kubeconfig, None)
    cluster = Cluster(settings, namespace, timeout=2, patience=0)
    try:
        doctor = Doctor(cluster, catalog_of(catalog), hub="http://hub/hub", **options)
        return {check.name: check async for check in doctor.examine()}
    finally:
        await cluster.close()


def test_the_needed_permissions_are_those_of_the_charts_role():
    needed = {(verb, resource) for resource, verbs in NEEDED.items() for verb in verbs}
    assert needed == grants_of_chart().inside


async def test_on_a_healthy_cluster_all_is_well_and_nothing_stays(healthy, tmp_path):
    checks = await examined(healthy, tmp_path)
    assert [str(check) for check in checks.values() if not check.well] == []
    names = {"API server", "clock", "permissions", "storage", "profile small", "DNS", "hub"}
    assert names | {"network policy", "instance metadata", "user"} <= set(checks)
    assert "image registry.example/lab:1" in checks
    assert healthy.names("pods") == ["hub-1"]


async def test_the_probe_is_a_workspace_to_the_releases_network_policies(healthy, tmp_path):
    run = healthy.life
    seen = []

    async def watched(life):
        pod = healthy.store.get("pods", life.namespace, life.name)
        seen.append((pod["metadata"]["labels"], pod["spec"]["containers"][0]["command"][-1]))
        await run(life)

    healthy.life = watched
    assert (await examined(healthy, tmp_path))["instance metadata"].well
    workspace = {"component": "singleuser-server", "hub.jupyter.org/network-access-hub": "true"}
    assert seen == [(RELEASE | workspace, "10.96.0.7:8001")], "it knocks at the proxy's API"


async def test_without_a_release_nothing_is_said_about_its_network_policies(healthy, tmp_path):
    await healthy.store.remove("pods", "datalab", "hub-1")
    healthy.life = lives.runs_to_its_end(json.dumps({"uid": 1000}) + "\n")
    check = (await examined(healthy, tmp_path))["network policy"]
    assert check.well is None
    assert "namespace" in check.fix


async def test_what_is_missing_is_named_with_what_to_do(healthy, tmp_path):
    healthy.storage_classes = []
    less = grants_of_chart().inside - {("get", "pods/log")}
    everywhere = frozenset({("list", "nodes")})
    healthy.grants = Grants("datalab", less, everywhere)
    checks = await examined(healthy, tmp_path, CATALOG + GPU)
    assert "get pods/log" in checks["permissions"].text
    assert "rbac.yaml" in checks["permissions"].fix
    assert "no default storage class" in checks["storage"].text
    assert "nvidia.com/gpu" in checks["profile gpu"].text
    assert "device plugin" in checks["profile gpu"].fix
    assert checks["profile small"].well


async def test_a_storage_class_that_does_not_exist_is_named(healthy, tmp_path):
    check = (await examined(healthy, tmp_path, storage_class="slow"))["storage"]
    assert check.well is False
    assert "fast" in check.fix


async def test_a_profile_for_nodes_that_do_not_exist_is_named(healthy, tmp_path):
    catalog = CATALOG + "    kubernetes: {node_selector: {pool: users}}\n"
    check = (await examined(healthy, tmp_path, catalog))["profile small"]
    assert check.well is False
    assert "pool=users" in check.text


async def test_a_profile_larger_than_every_node_is_named(healthy, tmp_path):
    catalog = CATALOG.replace("memory: 1 GiB", "memory: 64 GiB")
    check = (await examined(healthy, tmp_path, catalog))["profile small"]
    assert check.well is False
    assert "memory" in check.text


async def test_an_image_that_cannot_be_fetched_is_explained(healthy, tmp_path):
    healthy.life = lives.image_fails("not found")
    check = (await examined(healthy, tmp_path))["image registry.example/lab:1"]
    assert check.well is False
    assert "does not exist in the registry" in check.text
    assert healthy.names("pods") == ["hub-1"]


async def test_a_cluster_that_is_away_is_said_and_nothing_else(healthy, tmp_path):
    healthy.set_reachable(False)
    (check,) = (await examined(healthy, tmp_path)).values()
    assert check.well is False
    assert "kubeconfig" in check.fix


async def test_inside_a_pod_it_is_the_pods_own_namespace_that_is_meant(tmp_path, monkeypatch):
    for name in ("token", "ca.crt", "namespace"):
        (tmp_path / name).write_text("lab" if name == "namespace" else "x")
    monkeypatch.setattr(configuration, "_NAMESPACE", tmp_path / "namespace")
    monkeypatch.setattr(
        configuration.config, "load_incluster_config", lambda client_configuration: None
    )
    assert (await configuration.load_configuration(None, None))[1] == "lab"


@pytest.mark.parametrize(
    ("found", "bad"),
    [
        ({"dns": "no answer"}, {"DNS"}),
        ({"metadata": ""}, {"instance metadata"}),
        ({"hub": "timed out"}, {"hub"}),
        ({"barred": ""}, {"network policy"}),
        ({"uid": 0}, {"user"}),
        ({}, set()),
    ],
)
def test_what_a_probe_finds_is_judged(found, bad):
    checks = judged(FINE | found)
    assert {check.name for check in checks if not check.well} == bad
    assert all(bool(check.fix) is not check.well for check in checks)


def test_the_probe_runs_by_itself_and_tells_what_it_can_reach():
    ran = subprocess.run(
        [sys.executable, "-I", probe.__file__, "http://127.0.0.1:9/hub", "127.0.0.1:9", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = json.loads(ran.stdout)
    assert "refused" in found["hub"]
    assert "refused" in found["barred"]
    assert found["uid"] == os.getuid()
    assert set(found) == {"dns", "metadata", "open_for", "hub", "uid", "barred"}


def test_a_probe_waits_for_a_network_that_learns_of_it_late(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as metadata:
        monkeypatch.setattr(probe, "_METADATA", metadata.getsockname())
        threading.Timer(0.5, metadata.close).start()
        found = probe.probe("", patience=30)
    assert "refused" in found["metadata"]
    assert found["open_for"] >= 0.4


def test_a_probe_says_open_of_what_stays_open(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as metadata:
        monkeypatch.setattr(probe, "_METADATA", metadata.getsockname())
        assert probe.probe("", patience=0.3)["metadata"] == ""


def test_metadata_that_closes_late_is_well_and_said():
    checks = {check.name: check for check in judged(FINE | {"open_for": 4.2})}
    assert checks["instance metadata"].well
    assert "4.2 s after" in checks["instance metadata"].text


async def test_the_command_says_it_and_its_status_tells(healthy, tmp_path):
    (tmp_path / "catalog.yaml").write_text(CATALOG + GPU)
    command = [sys.executable, "-m", "datalab_hub.cli", "doctor", str(tmp_path / "catalog.yaml")]
    command += [f"--kubeconfig={healthy.kubeconfig(tmp_path)}", "--namespace=datalab"]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stderr
    assert "ok  API server: Kubernetes v1.31.4" in ran.stdout
    assert "BAD profile gpu" in ran.stdout
    assert "→ Install the vendor's device plugin" in ran.stdout


async def test_a_probe_that_does_not_come_up_is_given_up(healthy, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PROBE_SECONDS", 0.3)
    healthy.life = lives.unschedulable("0/1 nodes are available: 1 Insufficient cpu.")
    check = (await examined(healthy, tmp_path))["image registry.example/lab:1"]
    assert check.well is False
    assert healthy.names("pods") == ["hub-1"]
