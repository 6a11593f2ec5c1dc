"""The SageMaker backend against the contract: real jobs on the fake AWS."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import pytest
from datalab_hub.gateway.hub import NotExpected
from datalab_hub.gateway.service import Gateway
from datalab_hub.spawner.registration import RegistrationRefused
from datalab_workspace import wire
from fakes.sagemaker.moto_process import moto_server
from sagemaker_site import (
    IMAGE,
    Hub,
    fake_aws,
    make_platform,
    make_site,
    on_sagemaker,
    profile,
    secrets_of,
)

from .suite import TOKEN, BackendContract, Harness


class SageMakerHarness(Harness):
    slowest_start = 1.5
    profile = profile()

    def __init__(self, platform, aws, hub, moto) -> None:
        super().__init__()
        self.platform, self.aws, self.hub, self.moto = platform, aws, hub, moto

    def make(self, context):
        return self.platform.backend(on_sagemaker(context, lambda token: token == TOKEN))

    def environment(self):
        return self.hub.environment(TOKEN)

    async def resources(self):
        jobs = [job.name for job in self.aws.all_jobs() if job.status == "InProgress"]
        return jobs + await asyncio.to_thread(secrets_of, self.moto)

    async def crash(self):
        for job in self.aws.all_jobs():
            if not job.over:
                assert job.process is not None
                os.kill(job.process.pid, signal.SIGKILL)

    def break_start(self):
        self.aws.missing_images.add(IMAGE.reference)

    def set_reachable(self, reachable):
        self.aws.reachable = reachable


@pytest.fixture(scope="module")
def moto():
    with moto_server() as url:
        yield url


class AsksSite:
    """The gateway's way to the hub, where both are in one process."""

    def __init__(self, site) -> None:
        self.site = site

    async def grant(self, job, secret_hash, taken=0):
        try:
            return self.site.registrations.grant(wire.TunnelRequest(job, secret_hash, taken))
        except RegistrationRefused as refusal:
            raise NotExpected(str(refusal)) from refusal


@pytest.fixture
async def gateway(tmp_path):
    """A gateway that is given the site which it asks by who uses it."""
    hub = AsksSite(None)
    gateway = Gateway(hub, "127.0.0.1", logging.getLogger("gateway-test"), look_every=0.5)
    await gateway.open("127.0.0.1", 0)
    yield gateway
    await gateway.close()


@pytest.fixture(params=["direct", "tunnel"])
async def harness(tmp_path, moto, monkeypatch, gateway, request):
    site = make_site(tmp_path)
    gateway._hub.site = site
    url = f"ws://127.0.0.1:{gateway.port}/"
    async with fake_aws(tmp_path / "aws", moto, monkeypatch) as aws, Hub(site).listening() as hub:
        platform = make_platform(site, aws, transport=request.param, gateway_url=url)
        await platform.open()
        yield SageMakerHarness(platform, aws, hub, moto)
        for resource in await platform.resources():
            await platform.remove(resource)
        await platform.close()


class TestSageMaker(BackendContract):
    rounds = 3
