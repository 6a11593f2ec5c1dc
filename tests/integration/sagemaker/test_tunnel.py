"""Workspaces that dial out: gateway, JupyterHub, its proxy; to a cell, a terminal, big files."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import subprocess
import sys
from contextlib import contextmanager

import aiohttp
import httpx
import pytest
from fakes.ports import free_port
from hubproc import until
from probes import execute
from sagemaker_hub import a_site
from sagemaker_site import FILE_SYSTEM

BIG = 64 << 20
GATEWAY_TOKEN = "g" * 32
OWN_PROCESS = f"""
c.JupyterHub.services.append({{"name": "datalab-gateway", "api_token": "{GATEWAY_TOKEN}"}})
"""


def through(port: int) -> dict[str, object]:
    return {
        "transport": "tunnel",
        "gateway_url": f"ws://127.0.0.1:{port}/",
        "gateway_listen": f"127.0.0.1:{port}",
    }


class Gateway:
    """``datalab gateway`` in a process of its own, which may die and come back."""

    def __init__(self, port: int, hub_port: str, directory) -> None:
        self.port, self.hub_port, self.directory = port, hub_port, directory
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.directory / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "datalab_hub.cli", "gateway",
                 "--listen", f"127.0.0.1:{self.port}"],
                env={**os.environ, "JUPYTERHUB_API_TOKEN": GATEWAY_TOKEN,
                     "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.hub_port}/hub/api"},
                stdout=log, stderr=log,
            )  # fmt: skip
        until(self.health)

    def health(self):
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health").json()
        except httpx.TransportError:
            return None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return (self.directory / "gateway.log").read_text()


@contextmanager
def own_gateway(site, port):
    gateway = Gateway(port, site.environment["HUB_PORT"], site.directory)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.kill()


@pytest.fixture
def site(tmp_path, moto):
    """A hub that runs the gateway itself."""
    with a_site(tmp_path, moto, settings=through(free_port())) as site:
        yield site


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def site_and_gateway(tmp_path, moto, port):
    """A hub beside whose process the gateway has one of its own."""
    with a_site(tmp_path, moto, settings=through(port), config=OWN_PROCESS) as site:
        yield site


async def in_a_terminal(workspace, command: str, seen: str) -> None:
    """Type a command into a terminal and wait for its output."""
    terminal = await workspace.json("api/terminals", "POST", json={})
    address = f"{workspace.url}terminals/websocket/{terminal['name']}"
    async with (
        asyncio.timeout(60),
        aiohttp.ClientSession(headers=workspace.headers) as session,
        session.ws_connect(address) as channel,
    ):
        await channel.send_json(["stdin", command + "\r"])
        text = ""
        async for raw in channel:
            kind, *content = raw.json()
            text += content[0] if kind == "stdout" else ""
            if seen in text:
                return
    raise AssertionError(text)


async def up_and_down(workspace) -> None:
    """Send a big file and fetch it again."""
    import base64

    data = os.urandom(BIG)
    async with aiohttp.ClientSession(headers=workspace.headers) as session:
        for at in range(0, BIG, BIG // 8):  # as Lab does: in chunks, numbered from one
            part = at // (BIG // 8) + 1
            body = {
                "type": "file", "format": "base64", "chunk": part if part < 8 else -1,
                "content": base64.b64encode(data[at : at + BIG // 8]).decode(),
            }  # fmt: skip
            async with session.put(f"{workspace.url}api/contents/big.bin", json=body) as reply:
                assert reply.status in (200, 201), await reply.text()
        digest = hashlib.sha256()
        async with session.get(f"{workspace.url}files/big.bin") as reply:
            async for part in reply.content.iter_chunked(1 << 20):
                digest.update(part)
    assert digest.hexdigest() == hashlib.sha256(data).hexdigest()


def test_everything_that_goes_to_a_workspace_goes_through_its_tunnel(site):
    with site.running():
        site.start()
        (job,) = site.jobs()
        workspace = site.workspace()
        assert asyncio.run(execute(workspace, "print(6 * 7)")) == "42\n"
        asyncio.run(in_a_terminal(workspace, "echo $((6*7))seen", "42seen"))
        asyncio.run(up_and_down(workspace))
        # Nobody can connect to the workspace itself, and the proxy does not try.
        request = job.request
        assert "tunnel" not in str(request)
        site.stop()
        assert job.status == "Stopped"
        assert site.jobs() == []
        assert "Traceback" not in site.log()


AS_IN_A_CLUSTER = (
    OWN_PROCESS
    + """
from datalab_hub.helm import sagemaker
from datalab_hub.helm.values import SageMaker
settings = {"transport": "tunnel", "hub_url": os.environ["SITE"] + "/hub"}
sagemaker.configure(c, SageMaker(**settings))
# Instead of the names that a cluster knows:
c.SageMakerPlatform.gateway_host = "127.0.0.1"
c.JupyterHub.services[-1]["url"] = "http://127.0.0.1:PORT"
"""
)


def test_jobs_of_a_hub_in_a_cluster_come_through_the_door_that_browsers_use(tmp_path, moto, port):
    """As the chart configures it: hub and gateway have no address that a job could reach."""
    config = AS_IN_A_CLUSTER.replace("PORT", str(port))
    with (
        a_site(tmp_path, moto, config=config) as site,
        own_gateway(site, port) as gateway,
        site.running(),
    ):
        site.start()
        until(lambda: gateway.health()["tunnels"] == 1)
        code = "import os; print(os.environ['JUPYTERHUB_API_URL'])"
        assert asyncio.run(execute(site.workspace(), code)) == f"{site.url}/hub/api\n"
        asyncio.run(in_a_terminal(site.workspace(), "echo $((6*7))x", "42x"))
        activity = f"{site.url}/hub/api/users/ann/activity"
        code = "print(os.environ['JUPYTERHUB_ACTIVITY_URL'])"
        assert asyncio.run(execute(site.workspace(), f"import os; {code}")) == f"{activity}\n"
        # Nobody else gets anything there.
        address = f"{site.url}/services/datalab-gateway/"
        assert httpx.get(address).status_code == 401
        site.stop()


def test_the_hub_restarts_and_an_open_kernel_does_not_notice(site_and_gateway, port):
    site = site_and_gateway

    async def over_the_restart(process, workspace):
        kernel = await workspace.json("api/kernels", "POST", json={})
        address = f"{workspace.url}api/kernels/{kernel['id']}/channels"
        async with (
            aiohttp.ClientSession(headers=workspace.headers) as session,
            session.ws_connect(address) as channel,
        ):
            process.kill()
            process.wait()
            await asyncio.sleep(1)
            assert gateway.health()["tunnels"] == 1
            assert not channel.closed

    with own_gateway(site, port) as gateway:
        with site.running() as process:
            site.start()
            before = gateway.health()
            assert before["tunnels"] == 1
            asyncio.run(over_the_restart(process, site.workspace()))
        with site.running():
            until(lambda: site.server().get("ready"), 60)
            assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
            assert gateway.log().count("is reached through port") == 1
            site.stop()


def test_the_gateway_restarts_and_workspaces_dial_in_again(site_and_gateway, port):
    site = site_and_gateway
    with own_gateway(site, port) as gateway, site.running():
        site.start()
        gateway.kill()
        gateway.start()
        until(lambda: gateway.health()["tunnels"] == 1)
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
        assert len(site.jobs()) == 1
        site.stop()
        until(lambda: gateway.health()["tunnels"] == 0)


def test_each_person_reaches_their_own_workspace_only(site_and_gateway, port):
    site = site_and_gateway
    with own_gateway(site, port) as gateway, site.running():
        for name in ("ann", "ben"):
            site.start(name)
        for name in ("ann", "ben"):
            printed = asyncio.run(execute(site.workspace(name), "import os; print(os.getcwd())"))
            assert printed.strip().endswith(f"{FILE_SYSTEM}/homes/{name}")
        # A proxy with an old table: ann's request arrives at ben's port.
        (bens,) = (j for j in site.jobs() if j.tags["datalab:user"] == "ben")
        line = next(x for x in gateway.log().splitlines() if f"{bens.name} is reached" in x)
        address = f"http://127.0.0.1:{line.rpartition(' ')[2]}"
        assert httpx.get(f"{address}/user/ben/api").status_code == 200
        for path in ("/user/ann/api", "/user/benjamin/api", "/"):
            reply = httpx.get(f"{address}{path}")
            assert (reply.status_code, "another workspace" in reply.text) == (421, True), path
        for name in ("ann", "ben"):
            site.stop(name)


def test_nobody_dials_in_without_the_secret_of_a_job(site_and_gateway, port):
    site = site_and_gateway
    with own_gateway(site, port) as gateway, site.running():
        site.start()
        (job,) = site.jobs()

        async def dial(headers):
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{port}/"
                try:
                    await session.ws_connect(url, headers=headers)
                except aiohttp.WSServerHandshakeError as refused:
                    return refused.status
            return 101

        wrong = {"Authorization": f"Bearer {secrets.token_urlsafe()}"}
        assert asyncio.run(dial({})) == 401
        assert asyncio.run(dial(wrong)) == 401
        assert asyncio.run(dial({**wrong, "Datalab-Job": job.name})) == 403
        assert asyncio.run(dial({**wrong, "Datalab-Job": "dl-nobody"})) == 403
        reasons = [e["reason"] for e in site.audit() if e["kind"] == "refusal"]
        assert reasons == ["tunnel-wrong-secret", "tunnel-unknown-job"]
        # Nor may a person ask the hub what only the gateway may.
        body = {"version": 1, "type": "tunnelrequest", "job": job.name, "secret_hash": "0" * 64}
        assert site.api.post("../datalab/tunnel", json=body).status_code == 401
        # ann's own tunnel has not noticed.
        assert gateway.health()["tunnels"] == 1
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
        site.stop()


def test_a_machine_that_is_taken_back_dials_in_again_from_the_next_one(tmp_path, moto, port):
    """With a fresh secret: the old machine's is worth nothing any more."""
    settings = through(port)
    with (
        a_site(tmp_path, moto, settings=settings, config=OWN_PROCESS, spot=True) as site,
        own_gateway(site, port) as gateway,
        site.running(),
    ):
        site.start()
        (job,) = site.jobs()
        job._life.get_loop().call_soon_threadsafe(job.interrupt)
        until(lambda: job.boots == 2, 60)
        until(lambda: job.log().count("the tunnel is up") == 2, 90)
        until(lambda: gateway.health()["tunnels"] == 1, 60)
        until(lambda: site.server().get("ready"), 60)
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
        site.stop()
