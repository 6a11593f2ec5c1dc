"""The suite itself, against a slow, resumable, fault-injecting platform."""

from __future__ import annotations

import asyncio
import random

import pytest
from fakes.cloud import FakeCloud, FakeCloudBackend

from .suite import BackendContract, Harness, answers


class CloudHarness(Harness):
    slowest_start = 0.1

    def __init__(self, cloud: FakeCloud) -> None:
        super().__init__()
        self.cloud = cloud

    def make(self, context):
        return FakeCloudBackend(self.cloud, context)

    async def resources(self):
        return [*self.cloud.machines, *self.cloud.secrets]

    async def crash(self):
        await self.cloud.crash(self.key)

    def break_start(self):
        self.cloud.broken_image = True

    def set_reachable(self, reachable):
        self.cloud.reachable = reachable


@pytest.fixture
async def harness():
    cloud = FakeCloud()
    yield CloudHarness(cloud)
    await cloud.close()


class TestFakeCloud(BackendContract):
    rounds = 20

    async def test_nothing_exists_on_the_platform_that_was_not_saved_before(self, harness):
        """A hub that dies at any instant finds what it began: it was written down first."""
        for _ in range(self.rounds):
            harness.saved = None
            start = asyncio.create_task(harness.new_hub().start())
            await asyncio.sleep(random.uniform(0, harness.slowest_start))
            if harness.cloud.calls and await harness.resources():
                assert harness.saved is not None
                next_hub = harness.new_hub()
                if await next_hub.poll() is None:
                    assert await answers(await next_hub.resume())
            start.cancel()
            await asyncio.wait([start])
            await harness.new_hub().stop()
            assert await harness.resources() == []
