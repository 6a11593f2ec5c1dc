"""JupyterHub, its proxy, and JupyterLab in a job: the whole way from the click to a cell."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.ports import free_port
from fakes.sagemaker import Timing
from hubproc import READY_SECONDS, answers, until
from probes import execute
from sagemaker_hub import TOKEN, a_site
from sagemaker_site import FILE_SYSTEM, secrets_of


@pytest.fixture
def site(tmp_path, moto):
    with a_site(tmp_path, moto) as site:
        yield site


def test_from_the_click_to_a_cell_and_back(site):
    with site.running():
        site.start()
        (job,) = site.jobs()
        # A kernel's WebSocket through the proxy.
        code = "import os; print(os.getcwd(), os.environ.get('AWS_ACCESS_KEY_ID'))"
        printed = asyncio.run(execute(site.workspace(), code))
        home = site.aws.directory / FILE_SYSTEM / "homes" / "ann"
        assert Path(printed.split()[0]).resolve() == home.resolve()
        assert printed.split()[1] == "None"  # the execution role's keys are not the person's
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
        assert printed == "42\n"
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
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
        site.stop()


@pytest.mark.timeout(400)  # two hubs, on a machine that does much else
def test_with_a_new_proxy_people_are_led_to_their_workspaces_before_all_services_run(site):
    """The hub adds all routes when its last service answers; here that is when we say so."""
    with site.running():
        site.start()
    port, go = free_port(), site.directory / "go"
    serve = (
        "import http.server, pathlib, sys, time\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.05)\n"
        "handler = http.server.SimpleHTTPRequestHandler\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), handler).serve_forever()\n"
    )
    service = {
        "name": "late",
        "url": f"http://127.0.0.1:{port}",
        "command": [sys.executable, "-c", serve, str(port), str(go)],
    }
    site.config = site.config.replace(
        "True}]",
        f"True}}, {service!r}]\n"
        "c.JupyterHub.init_spawners_timeout = 60",  # it is found again before the hub listens
    )
    headers = {"Authorization": f"token {TOKEN}"}

    def led() -> bool:
        try:
            reply = httpx.get(f"{site.url}/user/ann/api/status", headers=headers)
        except httpx.TransportError:  # the proxy does not run yet
            return False
        return reply.status_code == 200 and not answers(f"{site.url}/hub/api")

    def look() -> bool:
        try:
            return bool(until(led, READY_SECONDS))
        finally:
            go.touch()

    with ThreadPoolExecutor() as pool:
        looking = pool.submit(look)
        with site.running():
            assert looking.result()
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
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
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
