"""A workspace that is told to stop lets open pages save first, whoever tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import boto3
import pytest
from fakes.sagemaker import REGION
from hubproc import until
from sagemaker_hub import a_site
from sagemaker_site import FILE_SYSTEM

SCHEMA = "https://schema.datalab.example/workspace/stopping"


@pytest.fixture
def site(tmp_path, moto):
    with a_site(tmp_path, moto) as site:
        yield site


class Tab:
    """What the front end does, without a browser: listens, saves, answers."""

    def __init__(self, site: Any, *, answers: bool = True) -> None:
        self.workspace, self.answers = site.workspace(), answers
        self.seconds = 0.0

    async def until_told(self, stop: Callable[[], Awaitable[Any]]) -> None:
        """Listen, have the workspace stopped, and save when it is announced."""
        headers, url = self.workspace.headers, self.workspace.url
        async with (
            asyncio.timeout(90),
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(f"{url}api/events/subscribe") as events,
        ):
            stopping = asyncio.ensure_future(stop())
            async for raw in events:
                event = json.loads(raw.data)
                if event["schema_id"] == SCHEMA:
                    break
            self.seconds = event["seconds"]
            await self._say(session, {"state": "saving"})
            if self.answers:
                # Through hub and proxy, which have both been told that the workspace stops.
                body = {"type": "file", "format": "text", "content": "typed just now"}
                async with session.put(f"{url}api/contents/work.txt", json=body) as reply:
                    assert reply.status in (200, 201), await reply.text()
                await self._say(session, {"state": "done", "saved": 1, "failed": []})
            await stopping

    async def _say(self, session: aiohttp.ClientSession, body: dict[str, Any]) -> None:
        address = f"{self.workspace.url}datalab/api/stop"
        async with session.post(address, json={"tab": "one", **body}) as reply:
            assert reply.status == 204, await reply.text()


def saved(site: Any) -> str:
    return (site.aws.directory / FILE_SYSTEM / "homes" / "ann" / "work.txt").read_text()


def test_a_stop_through_the_hub_waits_until_open_pages_have_saved(site):
    with site.running():
        site.start()
        tab = Tab(site)
        asyncio.run(tab.until_told(lambda: asyncio.to_thread(site.stop)))
        assert saved(site) == "typed just now"
        assert tab.seconds > 60  # of SageMaker's 120
        assert "1 open pages, 1 documents saved" in site.log()
        # When all is over the way there is closed again.
        assert site.api.get(f"{site.url}/user/ann/api/status").status_code != 200


def test_a_stop_that_the_hub_does_not_know_of_waits_as_well(site):
    with site.running():
        site.start()
        (job,) = site.jobs()
        on_the_console = boto3.client(
            "sagemaker", region_name=REGION, endpoint_url=site.aws.url,
            aws_access_key_id="outside", aws_secret_access_key="outside",
        )  # fmt: skip

        def stop() -> None:
            on_the_console.stop_training_job(TrainingJobName=job.name)

        asyncio.run(Tab(site).until_told(lambda: asyncio.to_thread(stop)))
        assert saved(site) == "typed just now"
        until(lambda: not site.server(), 60)


def test_a_spot_machine_that_is_taken_back_with_notice_saves_too(tmp_path, moto):
    with a_site(tmp_path, moto, spot=True) as site, site.running():
        site.aws.timing.notice = 60
        site.start()
        (job,) = site.jobs()
        loop = job._life.get_loop()  # the fake's thread has its own

        async def take_back() -> None:
            loop.call_soon_threadsafe(job.interrupt)

        asyncio.run(Tab(site).until_told(take_back))
        assert saved(site) == "typed just now"
        until(lambda: job.boots == 2 and site.server().get("ready"), 60)
        site.stop()
