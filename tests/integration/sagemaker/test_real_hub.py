"""JupyterHub, its proxy, and JupyterLab in a job: the whole way from the click to a cell."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import pytest
from fakes.sagemaker import Timing
from fakes.sagemaker.threaded import threaded_aws
from hubproc import free_port, running_hub, until
from probes import execute
from sagemaker_site import FILE_SYSTEM, REAL, SETTINGS, TESTS, secrets_of

TOKEN = "t" * 32
CATALOG = """
version: 1
images:
  lab: {reference: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lab@sha256:1", title: Lab}
profiles:
  - name: gpu
    title: GPU
    backend: sagemaker
    image: lab
    sagemaker: {instance_type: ml.g5.xlarge}
"""
CONFIG = """
import json
from datalab_hub.config import configure
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.cleanup_servers = False
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["TOKEN"], "admin": True}]
for name, value in json.loads(os.environ["PLATFORM"]).items():
    c.SageMakerPlatform[name] = value
configure(c, catalog="datalab.yaml", data_dir="data")
"""


class Site:
    """A hub's directory; :meth:`running` is one process of it."""

    def __init__(self, directory: Path, aws: Any, moto: str) -> None:
        self.directory, self.aws, self.moto = directory, aws, moto
        (directory / "datalab.yaml").write_text(CATALOG)
        homes = aws.directory / FILE_SYSTEM / "homes"
        homes.mkdir(parents=True)
        settings = SETTINGS | {"homes_mount": str(homes), "entrypoint": REAL, "attempts": 4}
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = aws.environment() | {
            "TOKEN": TOKEN,
            "PLATFORM": json.dumps(settings),
            "SITE": self.url,
            "HUB_PORT": str(free_port()),
            "PROXY_API_PORT": str(free_port()),
        }
        self.api = httpx.Client(
            base_url=f"{self.url}/hub/api/",
            headers={"Authorization": f"token {TOKEN}"},
            timeout=60,
        )

    @contextmanager
    def running(self):
        with running_hub(self.directory, CONFIG, self.environment) as (_, process):
            yield process

    def server(self) -> dict[str, Any]:
        return self.api.get("users/ann").json()["servers"].get("", {})

    def start(self) -> None:
        self.api.post("users/ann")
        reply = self.api.post("users/ann/server", json={"profile": "gpu"})
        assert reply.status_code in (201, 202), reply.text
        until(lambda: self.server().get("ready") or not self.server().get("pending"), 60)
        assert self.server().get("ready"), self.log()

    def stop(self) -> None:
        self.api.delete("users/ann/server")
        until(lambda: not self.server(), 60)

    def jobs(self) -> list[Any]:
        return [job for job in self.aws.all_jobs() if job.status == "InProgress"]

    def log(self) -> str:
        return (self.directory / "hub.log").read_text() + "".join(
            job.log() for job in self.aws.all_jobs()
        )

    def audit(self) -> list[dict[str, Any]]:
        path = self.directory / "data" / "logs" / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def workspace(self) -> Any:
        """Return what :func:`probes.execute` speaks to, through the proxy."""
        headers = {"Authorization": f"token {TOKEN}"}
        url = f"{self.url}/user/ann/"

        async def ask(path: str, method: str = "GET", **options: Any) -> Any:
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.request(method, url + path, **options) as reply,
            ):
                return await reply.json()

        return SimpleNamespace(url=url, headers=headers, json=ask)


@pytest.fixture
def site(tmp_path, moto):
    timing = Timing(steps=0.1, grace=20, ending=0.05)
    with threaded_aws(tmp_path / "aws", moto, timing) as aws:
        aws.instance_environment["PYTHONPATH"] = str(TESTS)
        (tmp_path / "hub").mkdir()
        yield Site(tmp_path / "hub", aws, moto)
        assert aws.broken == []


def test_from_the_click_to_a_cell_and_back(site):
    with site.running():
        site.start()
        (job,) = site.jobs()
        # A kernel's WebSocket through the proxy.
        code = "import os; print(os.getcwd(), os.environ.get('AWS_ACCESS_KEY_ID'))"
        printed = asyncio.run(execute(site.workspace(), code))
        home = site.aws.directory / FILE_SYSTEM / "homes" / "ann"
        assert Path(printed[0].split()[0]).resolve() == home.resolve()
        assert printed[0].split()[1] == "None"  # the execution role's keys are not the person's
        until(lambda: secrets_of(site.moto) == [])
        kinds = [(entry["kind"], entry["outcome"]) for entry in site.audit()]
        assert kinds == [("start", "begun"), ("registration", "ok"), ("start", "ok")]
        site.stop()
        assert job.status == "Stopped"
        assert site.jobs() == []


def test_a_hub_that_is_killed_finds_its_workspace_again_and_the_person_notices_nothing(site):
    with site.running() as process:
        site.start()
        (job,) = site.jobs()
        process.kill()
        process.wait()
    with site.running():
        until(lambda: site.server().get("ready"), 60)
        assert site.jobs() == [job]
        printed = asyncio.run(execute(site.workspace(), "print(6 * 7)"))
        assert printed == ["42\n"]
        site.stop()
        # Its token, which outlived the hub that made it, does not outlive the workspace.
        tokens = site.api.get("users/ann/tokens").json()["api_tokens"]
        assert [token for token in tokens if token["note"].startswith("Server at")] == []


def test_a_hub_that_is_killed_during_a_start_brings_it_to_its_end(site):
    site.aws.timing.steps = 1.0
    with site.running() as process:
        site.api.post("users/ann")
        site.api.post("users/ann/server", json={"profile": "gpu"})
        until(lambda: site.jobs())
        process.kill()
        process.wait()
    with site.running():
        until(lambda: site.server().get("ready"), 90)
        assert len(site.aws.all_jobs()) == 1
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == ["42\n"]
        site.stop()


@pytest.mark.slow
def test_who_is_back_first_does_not_wait_for_who_is_back_last(site):
    """The hub itself adds the routes of late workspaces when it has checked every one."""
    site.aws.timing.steps = 5.0  # longer than the hub waits for adoptions before it listens
    with site.running() as process:
        for name in ("ann", "ben"):
            site.api.post(f"users/{name}")
            site.api.post(f"users/{name}/server", json={"profile": "gpu"})
        jobs = {job.tags["datalab:user"]: job for job in until(lambda: both(site.jobs()))}
        jobs["ben"].timing = Timing(steps=600)
        process.kill()
        process.wait()
    with site.running():
        until(lambda: site.server().get("ready"), 120)
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == ["42\n"]
        assert jobs["ben"].secondary != "Training"
        jobs["ben"].timing = Timing(steps=0.1)
        site.stop()


def both(jobs: list[Any]) -> list[Any]:
    return jobs if len(jobs) == 2 else []


def test_the_endpoint_refuses_and_audits_who_is_no_workspace(site):
    with site.running():
        register = f"{site.url}/hub/datalab/register"
        body = {"version": 1, "type": "register", "job": "dl-x", "secret": "s", "ip": "10.0.0.1",
                "port": 8888}  # fmt: skip
        for headers in ({}, {"Authorization": f"token {TOKEN}"}):
            reply = httpx.post(register, json=body, headers=headers)
            assert reply.status_code == 403
            assert "No workspace is expected" in reply.json()["message"]
        assert httpx.post(register, content=b"{").status_code == 400
        assert httpx.post(register, json={**body, "type": "ready"}).status_code == 400
        assert httpx.post(register, content=b"x" * 20000).status_code == 413
        refusals = [(e["kind"], e["reason"], e["detail"]["job"]) for e in site.audit()]
        assert refusals == [("refusal", "registration-unknown-job", "dl-x")] * 2


def test_a_crash_is_noticed_and_the_start_page_may_start_again(site):
    with site.running():
        site.start()
        (job,) = site.jobs()
        os.killpg(job.process.pid, 9)
        until(lambda: not site.server(), 30)
        assert site.audit()[-1]["outcome"] == "lost"
        site.start()
        assert len(site.jobs()) == 1
        site.stop()
