"""The SageMaker backend against the contract: real jobs on the fake AWS."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
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


@pytest.fixture
async def harness(tmp_path, moto, monkeypatch):
    site = make_site(tmp_path)
    async with fake_aws(tmp_path / "aws", moto, monkeypatch) as aws, Hub(site).listening() as hub:
        platform = make_platform(site, aws)
        await platform.open()
        yield SageMakerHarness(platform, aws, hub, moto)
        for resource in await platform.resources():
            await platform.remove(resource)
        await platform.close()


class TestSageMaker(BackendContract):
    rounds = 3
