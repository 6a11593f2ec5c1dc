"""Workspaces on a real cluster: plain JupyterHub with KubeSpawner against Datalab.

Both hubs run on this machine, outside the cluster, with the same proxy, image and node; starts of
the two alternate. The cluster has to reach this machine at ``--address``, and this machine the
pods. The image has to be on the node already. Prints a table and where the time goes.

``python tests/bench/kubernetes.py --kubeconfig FILE --image IMAGE --address IP``
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from kubernetes_asyncio import client, config, watch

sys.path.insert(0, str(Path(__file__).parents[1]))
from hubproc import running_hub, until

TOKEN = "bench-" + os.urandom(16).hex()
BASE = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "bench", "api_token": os.environ["BENCH_TOKEN"], "admin": True}]
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_url = f"http://{os.environ['ADDRESS']}:{os.environ['HUB_PORT']}"
"""
PLAIN = f"""{BASE}
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.namespace = os.environ["NAMESPACE"]
c.KubeSpawner.image = os.environ["IMAGE"]
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]
if os.environ["CLAIMS"]:
    c.KubeSpawner.storage_pvc_ensure = True
    c.KubeSpawner.storage_capacity = "1Gi"
    claim = {{"claimName": "{{pvc_name}}"}}
    c.KubeSpawner.volumes = [{{"name": "home", "persistentVolumeClaim": claim}}]
    c.KubeSpawner.volume_mounts = [{{"name": "home", "mountPath": "/home/jovyan"}}]
"""
OURS = f"""{BASE}
from datalab_hub.config import configure
c.KubernetesPlatform.namespace = os.environ["NAMESPACE"]
c.KubernetesPlatform.kubeconfig = os.environ["KUBECONFIG"]
c.KubernetesPlatform.home = "claim" if os.environ["CLAIMS"] else "none"
c.KubeSpawner.storage_capacity = "1Gi"
configure(c, data_dir="data", catalog="datalab.yaml")
"""
CATALOG = """
images: {bench: {reference: IMAGE, title: Bench}}
profiles: [{name: small, title: Small, backend: kubernetes, image: bench}]
"""

HOMES = {
    "none": "Without a volume",
    "existing": "With a home whose claim exists",
    "new": "With a new claim for the home",
}


@dataclass
class Life:
    """When this machine was told of each step of a pod (``time.time()``)."""

    steps: dict[str, float] = field(default_factory=dict)

    def note(self, pod: Any) -> None:
        now = time.time()
        self.steps.setdefault("the pod is made", now)
        if pod.spec.node_name:
            self.steps.setdefault("it has a node", now)
        if any(s.state.running for s in pod.status.container_statuses or []):
            self.steps.setdefault("the kubelet says that it runs", now)


class Pods(threading.Thread):
    """Watches the namespace, and remembers the life of each pod."""

    def __init__(self, namespace: str) -> None:
        super().__init__(daemon=True)
        self.namespace = namespace
        self.lives: dict[str, Life] = {}

    def run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        # Named: the library has read the environment before the arguments were.
        await config.load_kube_config(os.environ["KUBECONFIG"])
        async with client.ApiClient() as api:
            listing = client.CoreV1Api(api).list_namespaced_pod
            async for event in watch.Watch().stream(listing, self.namespace):
                pod = event["object"]
                self.lives.setdefault(pod.metadata.uid, Life()).note(pod)

    def last(self) -> Life:
        return max(self.lives.values(), key=lambda life: life.steps["the pod is made"])


class Site:
    """A running hub, measured from outside."""

    def __init__(self, url: str, options: dict[str, str]) -> None:
        self.url, self.options = url, options
        headers = {"Authorization": f"token {TOKEN}"}
        self.http = httpx.Client(base_url=f"{url}/hub/api", headers=headers, timeout=120)

    def start(self, name: str, pods: Pods) -> dict[str, float]:
        """Return the seconds from the request to each step, the last of them the first answer."""
        self.http.post(f"/users/{name}")
        began = time.time()
        answer = self.http.post(f"/users/{name}/server", json=self.options)
        assert answer.status_code in (201, 202), answer.text
        while True:
            answer = httpx.get(f"{self.url}/user/{name}/api", follow_redirects=False)
            if answer.status_code == 200:
                break
            assert time.time() - began < 120, answer
            time.sleep(0.01)
        answered = time.time() - began
        steps = {step: at - began for step, at in pods.last().steps.items()}
        return steps | {"it answers through the proxy": answered}

    def stop(self, name: str) -> None:
        self.http.delete(f"/users/{name}/server")
        until(lambda: not self.http.get(f"/users/{name}").json()["servers"], 60)


@contextmanager
def running(
    configuration: str, options: dict[str, str], image: str, environment: dict[str, str]
) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        (directory / "datalab.yaml").write_text(CATALOG.replace("IMAGE", image))
        with running_hub(directory, configuration, environment) as (url, _):
            try:
                yield Site(url, options)
            except BaseException:
                print((directory / "hub.log").read_text()[-6000:], file=sys.stderr)
                raise


def measure(arguments: argparse.Namespace, home: str) -> list[list[dict[str, float]]]:
    """Return, for plain and ours, the steps of each round.

    Args:
        home: one of :data:`HOMES`.
    """
    environment = {
        "BENCH_TOKEN": TOKEN,
        "KUBECONFIG": arguments.kubeconfig,
        "NAMESPACE": arguments.namespace,
        "IMAGE": arguments.image,
        "ADDRESS": arguments.address,
        "CLAIMS": "" if home == "none" else "1",
    }
    pods = Pods(arguments.namespace)
    pods.start()
    found: list[list[dict[str, float]]] = [[], []]
    with ExitStack() as stack:
        sites = [
            stack.enter_context(running(text, options, arguments.image, environment))
            for text, options in ((PLAIN, {}), (OURS, {"profile": "small"}))
        ]
        time.sleep(8)  # the culler starts
        regular = f"bench-{os.urandom(3).hex()}"
        for number in range(arguments.rounds + 1):
            for site, rounds in zip(sites, found, strict=True):
                new = f"bench{number}-{os.urandom(3).hex()}"  # so each claim is a new one
                name = regular if home == "existing" else new
                rounds.append(site.start(name, pods))
                site.stop(name)
                time.sleep(arguments.pause)
    return [rounds[1:] for rounds in found]  # the first one fills caches, and makes the claim


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", default=os.environ.get("KUBECONFIG", ""))
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--image", required=True)
    parser.add_argument("--address", required=True, help="of this machine, seen from a pod")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--pause", type=float, default=2, help="seconds between two starts")
    parser.add_argument("--home", choices=[*HOMES, "all"], default="all")
    arguments = parser.parse_args()
    os.environ["KUBECONFIG"] = arguments.kubeconfig
    for home in HOMES if arguments.home == "all" else [arguments.home]:
        plain, ours = measure(arguments, home)
        print(f"{HOMES[home]}:")
        print(
            "| seconds after the request, median (worst) | KubeSpawner | Datalab |\n|---|---|---|"
        )
        for step in ours[0]:
            cells = [[one[step] for one in rounds if step in one] for rounds in (plain, ours)]
            text = " | ".join(f"{statistics.median(s):.2f} ({max(s):.2f})" for s in cells)
            print(f"| {step} | {text} |", flush=True)


if __name__ == "__main__":
    main()
