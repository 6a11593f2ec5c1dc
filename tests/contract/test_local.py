"""The local backend against the contract: real processes, real servers."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from datalab_hub.catalog import load_catalog
from datalab_hub.site import Site
from datalab_hub.spawner import local
from datalab_hub.spawner.local import LocalPlatform
from datalab_hub.spawner.processes import marked
from datalab_hub.spawner.standby import send_claim
from datalab_workspace.grace import STOP_GRACE
from traitlets.config import Config

from .suite import TOKEN, BackendContract, Harness

PREFIX = "/user/ann/"


@dataclass
class NoAudit:
    """Nothing under test here writes audit events."""


class LocalHarness(Harness):
    can_be_cut_off = False
    slowest_start = 0.4

    def __init__(self, platform: LocalPlatform) -> None:
        super().__init__()
        self.platform = platform
        self.python = platform.python

    def make(self, context):
        return self.platform.backend(context)

    def environment(self):
        ip, port = self.address
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "JUPYTERHUB_API_TOKEN": TOKEN,
            "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",  # nobody listens there
            "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:9/hub/api/users/ann/activity",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ann",
            "JUPYTERHUB_USER": "ann",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_URL": f"http://{ip}:{port}{PREFIX}",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]",
            "JUPYTERHUB_DEFAULT_URL": "/lab",
        }

    async def resources(self):
        found = [resource.name for resource in await self.platform.resources()]
        return found + [str(process.pid) for process in marked(self.platform.site.instance)]

    async def crash(self):
        record = self.platform.records.read(self.key)
        psutil.Process(record.pid).kill()

    def break_start(self):
        # A file where the home should be.
        self.platform.homes.mkdir(parents=True, exist_ok=True)
        self.platform.home("ann").write_text("in the way")


@pytest.fixture(params=["standby", "cold"])
async def harness(request, tmp_path):
    site = Site(
        instance="contract-test",
        data_dir=tmp_path,
        catalog=load_catalog(),
        ledger=None,
        audit=NoAudit(),
        config=Config(),
        log=logging.getLogger("contract"),
    )
    (tmp_path / "logs").mkdir()
    platform = LocalPlatform(site=site, standby_patience=30, stop_timeout=10)
    platform.use_standby = request.param == "standby"
    await platform.open()
    harness = LocalHarness(platform)
    if request.param == "cold":
        harness.slowest_start = 2.5
    yield harness
    for resource in await platform.resources():
        await platform.remove(resource)
    await platform.close()
    await asyncio.sleep(0)


class TestLocal(BackendContract):
    rounds = 4

    async def test_the_token_is_in_no_command_line_and_no_world_readable_file(self, harness):
        await harness.new_hub().start()
        record = harness.platform.records.read(harness.key)
        process = psutil.Process(record.pid)
        assert TOKEN not in " ".join(process.cmdline())
        for path in harness.platform.site.data_dir.rglob("*"):
            if path.is_file() and path.stat().st_mode & 0o077:
                assert TOKEN.encode() not in path.read_bytes(), path

    async def test_the_server_knows_how_long_it_has_when_it_is_stopped(self, harness, monkeypatch):
        claims = []

        async def sent(connection, claim, descriptors):
            claims.append(claim)
            await send_claim(connection, claim, descriptors)

        monkeypatch.setattr(local, "send_claim", sent)
        await harness.new_hub().start()
        (claim,) = claims
        assert float(claim.env[STOP_GRACE]) == harness.platform.stop_timeout

    async def test_a_process_that_is_not_claimed_ends_by_itself(self, harness):
        if not harness.platform.use_standby:
            pytest.skip("only the standby forks before it is told for whom")
        connection = await harness.platform.standby(harness.platform.python)
        from datalab_hub.spawner.standby import read_hello

        child = await read_hello(connection)
        connection.close()
        await asyncio.wait_for(child.wait(), 10)
        assert child.process() is None
