"""A real hub, real workspaces, and a Kubernetes API server that only plays pods.

The workspace image's entry point runs as a process of this machine; hub and proxy reach it at the
address of its pod.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from chart import grants_of_chart
from fakes.kubernetes import FakeKubernetes, SmallServer, lives
from fakes.kubernetes.containers import RealWorkspace
from fakes.ports import free_port
from hubproc import running_hub, until

TOKEN = "t" * 32
CATALOG = """
images:
  lab: {reference: "registry.example/lab:1", title: Lab}
profiles:
  - {name: small, title: Small, backend: kubernetes, image: lab, resources: {cpu: 1, memory: 1 GiB}}
  - {name: hasty, title: Hasty, backend: kubernetes, image: lab, start_timeout: 3s}
"""
CONFIG = """
from datalab_hub.config import configure
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["TOKEN"], "admin": True}]
c.JupyterHub.cleanup_servers = False
c.KubernetesPlatform.kubeconfig = os.environ["CLUSTER"]
c.KubeSpawner.delete_grace_period = 3
c.KubeSpawner.http_timeout = 20
configure(c, catalog="catalog.yaml", data_dir="data")
"""


class Site:
    """One installation: what a test does with it from a thread, while the cluster runs here."""

    def __init__(self, cluster: FakeKubernetes, directory: Any) -> None:
        self.cluster, self.directory = cluster, directory
        self._loop = asyncio.get_running_loop()
        (directory / "catalog.yaml").write_text(CATALOG)
        kubeconfig = str(cluster.kubeconfig(directory))
        # Workspaces know the hub by its address, which is the same after a restart.
        port = str(free_port())
        self._environment = {"TOKEN": TOKEN, "CLUSTER": kubeconfig, "HUB_PORT": port}
        self.http = httpx.Client(headers={"Authorization": f"token {TOKEN}"}, timeout=60)

    @contextmanager
    def hub(self):
        """Run a hub; it is killed without a word at the end, and leaves everything."""
        with running_hub(self.directory, CONFIG, self._environment) as (url, process):
            self.url = url
            yield process
            for child in process.children(recursive=True):
                child.kill()
            process.kill()

    def user(self, name: str) -> str:
        return f"{self.url}/hub/api/users/{name}"

    def begin(self, name: str, server: str = "", profile: str = "small") -> httpx.Response:
        self.http.post(self.user(name))
        place = f"servers/{server}" if server else "server"
        return self.http.post(f"{self.user(name)}/{place}", json={"profile": profile})

    def told(self, name: str) -> list[dict[str, Any]]:
        """Return what the progress page of a start is told, to its end."""
        with self.http.stream("GET", f"{self.user(name)}/server/progress") as events:
            return [json.loads(line[6:]) for line in events.iter_lines() if line[:5] == "data:"]

    def ready(self, name: str, server: str = "") -> bool:
        servers = self.http.get(self.user(name)).json()["servers"]
        return bool(servers.get(server, {}).get("ready"))

    def log(self) -> str:
        return (self.directory / "hub.log").read_text()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the cluster's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def on_cluster(self, work: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return work()

        return self.do(run())


@pytest.fixture
async def site(tmp_path):
    async with FakeKubernetes(step=0.02) as cluster:
        cluster.container = RealWorkspace
        cluster.grants = grants_of_chart()
        yield Site(cluster, tmp_path)


async def story(function: Callable[[Site], None], site: Site) -> None:
    """Run a test's blocking part beside the cluster."""
    await asyncio.to_thread(function, site)


async def test_a_person_works_through_a_hub_that_dies_and_comes_back(site):
    def life(site: Site) -> None:
        with site.hub():
            assert site.begin("ann").status_code in (201, 202)
            until(lambda: site.ready("ann"))
            status = site.http.get(f"{site.url}/user/ann/api/status")
            assert status.status_code == 200, "the real Jupyter server, through the proxy"
            (pod,) = site.on_cluster(lambda: site.cluster.names("pods"))
            database = (site.directory / "jupyterhub.sqlite").read_bytes()
            secret = site.cluster.kubelet.pods[pod].container.environment["JUPYTERHUB_API_TOKEN"]
            assert secret.encode() not in database
            assert secret not in site.log()
        with site.hub():
            until(lambda: site.ready("ann"))
            assert site.on_cluster(lambda: site.cluster.names("pods")) == [pod]
            assert site.http.get(f"{site.url}/user/ann/api/status").status_code == 200
            site.http.delete(f"{site.user('ann')}/server")
            until(lambda: not site.http.get(site.user("ann")).json()["servers"])
            assert site.cluster.names("pods") == site.cluster.names("secrets") == []
            assert len(site.cluster.names("persistentvolumeclaims")) == 1

    await story(life, site)


@pytest.mark.slow
async def test_a_start_that_the_hub_did_not_survive_is_brought_to_its_end(site):
    def life(site: Site) -> None:
        go_on = site.on_cluster(asyncio.Event)

        async def slow(pod: lives.PodLife) -> None:
            await pod.scheduled()
            await go_on.wait()
            await pod.running()

        site.cluster.life = slow
        with site.hub():
            site.begin("ann")
            until(lambda: site.cluster.names("pods"))
        with site.hub():
            until(lambda: "Reconnecting" in site.log() or site.cluster.names("pods"))
            site.on_cluster(go_on.set)
            until(lambda: site.ready("ann"))
            # The workspace asks the hub who comes, and this hub has only just begun to answer.
            until(lambda: site.http.get(f"{site.url}/user/ann/api/status").status_code == 200)

    await story(life, site)


@pytest.mark.slow
async def test_a_hub_that_starts_without_the_api_server_loses_nobody(site):
    def life(site: Site) -> None:
        with site.hub():
            site.begin("ann")
            until(lambda: site.ready("ann"))
        site.on_cluster(lambda: site.cluster.set_reachable(False))
        with site.hub():
            until(lambda: site.ready("ann"))
            # The proxy is new as well: its routes come when every workspace has been looked at.
            until(lambda: site.http.get(f"{site.url}/user/ann/api/status").status_code == 200)
            site.on_cluster(lambda: site.cluster.set_reachable(True))
            assert len(site.cluster.names("pods")) == 1

    await story(life, site)


@pytest.mark.slow
async def test_the_page_and_the_metrics_get_the_reason_of_a_failure(site):
    def life(site: Site) -> None:
        site.cluster.life = lives.crashes(
            "ModuleNotFoundError: No module named 'datalab_workspace'"
        )
        with site.hub():
            site.begin("ann")
            told = site.told("ann")
            assert told[-1]["failed"]
            assert "exit status 1" in told[-1]["message"]
            assert "ModuleNotFoundError" in told[-1]["message"]
            metrics = site.http.get(f"{site.url}/hub/metrics").text
            assert (
                'backend="kubernetes",outcome="failed",profile="small",reason="crashed"' in metrics
            )
            with sqlite3.connect(site.directory / "data" / "hub" / "usage.sqlite") as ledger:
                rows = ledger.execute("SELECT outcome, reason FROM datalab_runs").fetchall()
            assert rows == [("failed", "crashed")]
            assert site.cluster.names("pods") == []

    await story(life, site)


async def test_a_start_that_takes_too_long_is_explained_before_the_hub_ends_it(site):
    """The hub's own words for it are none; reading the log and cleaning up takes seconds."""

    class Deaf(SmallServer):
        async def start(self):
            self.cluster = None  # never listens

        async def stop(self, grace):
            await asyncio.sleep(1)  # as pods do

    def life(site: Site) -> None:
        site.cluster.container = Deaf
        with site.hub():
            site.begin("ann", profile="hasty")
            assert "its server does not answer" in site.told("ann")[-1]["message"]

    await story(life, site)


async def test_a_start_that_the_api_cancels_is_no_timeout(site):
    def life(site: Site) -> None:
        site.cluster.life = lives.unschedulable("0/1 nodes are available: 1 Insufficient cpu.")
        with site.hub():
            site.begin("ann")
            until(lambda: site.on_cluster(lambda: site.cluster.names("pods")))
            site.http.delete(f"{site.user('ann')}/server")
            until(lambda: not site.on_cluster(lambda: site.cluster.names("pods")))
            metrics = site.http.get(f"{site.url}/hub/metrics").text
            assert 'outcome="cancelled",profile="small",reason="cancelled"' in metrics

    await story(life, site)


@pytest.mark.slow
async def test_named_workspaces_run_beside_each_other(site):
    def life(site: Site) -> None:
        with site.hub():
            site.begin("ann")
            site.begin("ann", "second")
            until(lambda: site.ready("ann") and site.ready("ann", "second"))
            for path in ("ann", "ann/second"):
                assert site.http.get(f"{site.url}/user/{path}/api/status").status_code == 200
            assert len(site.cluster.names("pods")) == 2
            assert len(site.cluster.names("persistentvolumeclaims")) == 1

    await story(life, site)


@pytest.mark.slow
async def test_an_operator_sees_and_removes_what_belongs_to_nobody(site):
    def life(site: Site) -> None:
        with site.hub():
            site.begin("ann")
            until(lambda: site.ready("ann"))
            instance = (site.directory / "data" / "hub" / "instance").read_text().strip()
            labels = {"datalab/instance": instance, "datalab/workspace": "dl-lost"}
            lost = {"metadata": {"name": "dl-lost", "labels": labels}, "data": {}}
            site.do(site.cluster.store.create("secrets", "datalab", lost))
            environment = {**os.environ, "DATALAB_TOKEN": TOKEN}
            command = [sys.executable, "-m", "datalab_hub.cli", "orphans", f"--url={site.url}/hub"]

            def orphans(*more: str) -> subprocess.CompletedProcess[str]:
                return subprocess.run(
                    [*command, *more], env=environment, capture_output=True, text=True
                )

            dry = orphans()
            assert "secret dl-lost" in dry.stdout, dry.stderr
            assert "would remove" in dry.stdout
            assert "Nothing has been changed" in dry.stdout
            assert "dl-lost" in site.cluster.names("secrets")
            assert "removed" in orphans("--apply").stdout
            assert "dl-lost" not in site.cluster.names("secrets")
            assert site.ready("ann")
            assert len(site.cluster.names("pods")) == 1
            assert orphans().stdout == "Everything has an owner.\n"
            environment["DATALAB_TOKEN"] = "nobody's"
            assert "refuses" in orphans().stderr
            environment["DATALAB_TOKEN"] = TOKEN
            assert "older_than" in orphans("--older-than=soon").stderr

    await story(life, site)


@pytest.mark.slow
async def test_somebody_whose_workspace_was_put_out_reads_why(site):
    def life(site: Site) -> None:
        with site.hub(), httpx.Client(base_url=site.url, follow_redirects=True) as ann:
            page = ann.get("/hub/login")
            fields = {"username": "ann", "password": "x", "_xsrf": ann.cookies["_xsrf"]}
            assert ann.post("/hub/login", data=fields).status_code == 200, page.text
            site.begin("ann")
            until(lambda: site.ready("ann"))
            (pod,) = site.cluster.names("pods")
            text = "The node was low on resource: memory."
            site.do(site.cluster.end_pod(pod, reason="Evicted", message=text))
            until(lambda: not site.ready("ann"))
            shown = ann.get("/hub/user/ann/").text
            assert "The node ran short of memory and put your workspace out." in shown
            with sqlite3.connect(site.directory / "data" / "hub" / "usage.sqlite") as ledger:
                rows = ledger.execute("SELECT outcome, reason FROM datalab_runs").fetchall()
            assert rows == [("lost", "evicted")]
            metrics = site.http.get(f"{site.url}/hub/metrics").text
            ends = 'datalab_ends_total{backend="kubernetes",profile="small",reason="evicted"} 1.0'
            assert ends in metrics

    await story(life, site)
