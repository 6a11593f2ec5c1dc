"""Last week's workspace under today's hub: the wire schemas one version apart.

The hub and its broker get a ``wire`` as the next release may have it: a higher version, and a field
more in every message. Workspaces have today's; to that hub they are the previous release.
"""

from __future__ import annotations

import json
import time

import httpx
import pytest
from datalab_workspace import wire
from fakes.kubernetes import FakeKubernetes
from fakes.kubernetes.containers import RealWorkspace
from hubproc import until

from . import test_hub
from .test_hub import CATALOG, Site, story

NEXT_RELEASE = """
import json
from datalab_workspace import wire
wire.VERSION += 1
wire.OLDEST, wire.NEWEST = wire.VERSION - 1, wire.VERSION + 1
_encode = wire.encode
def encode(message):
    body = json.loads(_encode(message))
    for part in [body, *body.get("sources", [])]:
        if isinstance(part, dict):
            part["of_the_next_release"] = {"more": [1]}
    return json.dumps(body).encode() + b"\\n"
wire.encode = encode
"""
SOURCES = """
data_sources:
  - {name: weather, title: Weather, kind: static, secret: {file: KEY}}
"""
NEXT_CONFIG = """
for service in c.JupyterHub.services:
    service.setdefault("environment", {})["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
"""


@pytest.fixture
async def site(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("a-key")
    (tmp_path / "key").chmod(0o600)
    sources = SOURCES.replace("KEY", str(tmp_path / "key"))
    monkeypatch.setattr(test_hub, "CATALOG", CATALOG + sources)
    monkeypatch.setattr(test_hub, "CONFIG", test_hub.CONFIG + NEXT_CONFIG)
    async with FakeKubernetes(step=0.02) as cluster:
        cluster.container = RealWorkspace
        yield Site(cluster, tmp_path)


def of_the_next_release(site: Site) -> None:
    """Let the next hub be of the next release."""
    directory = site.directory / "next"
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(NEXT_RELEASE)
    site._environment["PYTHONPATH"] = str(directory)


@pytest.mark.slow
async def test_a_workspace_of_the_previous_release_keeps_working(site):
    def life(site: Site) -> None:
        with site.hub():
            site.begin("ann")
            until(lambda: site.ready("ann"), 60)
        of_the_next_release(site)
        with site.hub():
            until(lambda: site.ready("ann"), 60)
            (pod,) = site.on_cluster(lambda: site.cluster.names("pods"))
            environment = site.cluster.kubelet.pods[pod].container.environment
            token = {"Authorization": f"token {environment['JUPYTERHUB_API_TOKEN']}"}
            broker = environment["DATALAB_BROKER_URL"]

            told = until(lambda: _body(f"{broker}/v1/sources", token), 60)
            assert json.loads(told)["version"] == wire.VERSION + 1, "the broker is the next one's"
            (source,) = wire.decode(told).sources
            assert source.name == "weather"
            request = wire.encode(wire.CredentialRequest("weather"))
            minted = httpx.post(f"{broker}/v1/credentials", headers=token, content=request)
            assert minted.status_code == 200, minted.text
            assert isinstance(wire.decode(minted.content), wire.Credential)
            panel = f"{site.url}/user/ann/datalab/api/sources"
            assert "weather" in site.http.get(panel).text, "through the workspace's own agent"

            before = site.http.get(site.user("ann")).json()["servers"][""]["last_activity"]
            time.sleep(1.1)
            activity = {"servers": {"": {"last_activity": _now()}}, "last_activity": _now()}
            reported = httpx.post(
                environment["JUPYTERHUB_ACTIVITY_URL"], headers=token, json=activity
            )
            assert reported.status_code == 200
            assert site.http.get(site.user("ann")).json()["servers"][""]["last_activity"] > before

            site.begin("bob")
            until(lambda: site.ready("bob"), 60)
            audit = (site.directory / "data" / "logs" / "audit.jsonl").read_text()
            assert '"registration"' in audit, "the older workspace said where it is"
            for name in ("ann", "bob"):
                site.http.delete(f"{site.user(name)}/server")
                until(lambda name=name: not site.http.get(site.user(name)).json()["servers"])
            assert site.on_cluster(lambda: site.cluster.names("pods")) == []

    await story(life, site)


def _body(url: str, headers: dict[str, str]) -> bytes:
    try:
        response = httpx.get(url, headers=headers)
    except httpx.TransportError:  # the broker of the new hub is not there yet
        return b""
    return response.content if response.status_code == 200 else b""


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
