"""What is added to the cluster's own time: plain KubeSpawner under JupyterHub, against Datalab.

``python tests/bench/kubernetes_waiting.py`` plays the same life of a pod for both, over HTTP, and
measures from the moment its server listens until the hub knows. It says nothing about how long a
cluster takes to run a pod: that is played. ``kubernetes.py`` measures on a real one.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
DIRECTORY = Path(tempfile.mkdtemp())
# KubeSpawner's client reads it when it is imported.
os.environ["KUBECONFIG"] = str(DIRECTORY / "kubeconfig")
ROUNDS = 12


async def main() -> None:
    from fakes.kubernetes import FakeKubernetes, SmallServer
    from fakes.kubernetes.site import platform_on

    listening: list[float] = []

    class Timed(SmallServer):
        async def start(self) -> None:
            await super().start()
            listening.append(time.perf_counter())

    async with FakeKubernetes(step=0.4) as cluster:
        cluster.container = lambda *args: Timed(*args, delay=0.9)
        cluster.kubeconfig(DIRECTORY)
        plain = [await _plain(listening) for _ in range(ROUNDS)]
        async with platform_on(cluster, DIRECTORY) as platform:
            await platform.open()
            ours = [await _ours(platform, listening) for _ in range(ROUNDS)]
    print("Seconds between the server listening and the hub knowing:")
    for name, seconds in {"KubeSpawner 7.1": plain, "Datalab": ours}.items():
        print(f"  {name:16} median {statistics.median(seconds):.2f}, worst {max(seconds):.2f}")


async def _plain(listening: list[float]) -> float:
    from jupyterhub.utils import wait_for_http_server
    from kubespawner import KubeSpawner

    spawner = KubeSpawner(_mock=True, image="i:1", namespace="datalab", storage_pvc_ensure=False)
    spawner.get_env = dict  # type: ignore[method-assign]
    url = await spawner.start()
    await wait_for_http_server(url)  # what JupyterHub does next
    done = time.perf_counter()
    await spawner.stop(now=True)
    return done - listening[-1]


async def _ours(platform, listening: list[float]) -> float:  # type: ignore[no-untyped-def]
    from integration.kubernetes.conftest import Person

    workspace = Person(platform).workspace()
    await workspace.start()
    done = time.perf_counter()
    await workspace.stop(now=True)
    return done - listening[-1]


if __name__ == "__main__":
    asyncio.run(main())
