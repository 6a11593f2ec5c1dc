"""Open pages hear of a stop and save; the server waits for them, and not for ever."""

from __future__ import annotations

import asyncio
import json

import aiohttp
from datalab_workspace.announcement import SCHEMA_ID


async def told(workspace, session, *words):
    """Listen as Lab does, have the server told to stop, and answer with these words."""
    async with session.ws_connect(f"{workspace.url}api/events/subscribe") as events:
        workspace.process.terminate()
        async for raw in events:
            if json.loads(raw.data)["schema_id"] == SCHEMA_ID:
                break
        for body in words:
            address = f"{workspace.url}datalab/api/stop"
            async with session.post(address, json={"tab": "one", **body}) as reply:
                assert reply.status == 204
        async with asyncio.timeout(60):
            await asyncio.to_thread(workspace.process.wait)


async def test_a_page_that_saves_is_waited_for(start):
    workspace = await start("ann", env={"DATALAB_STOP_GRACE": "100"})
    async with aiohttp.ClientSession(headers=workspace.headers) as session:
        saved = {"state": "done", "saved": 2, "failed": ["full.csv"]}
        await told(workspace, session, {"state": "saving"}, saved)
    assert "1 open pages, 2 documents saved" in workspace.text()
    assert "Not saved before the stop: full.csv" in workspace.text()


async def test_a_page_that_never_finishes_is_waited_for_until_time_is_up(start):
    workspace = await start("ann", env={"DATALAB_STOP_GRACE": "3"})
    async with aiohttp.ClientSession(headers=workspace.headers) as session:
        await told(workspace, session, {"state": "saving"})
    assert "1 open pages have not finished saving in time" in workspace.text()


async def test_without_an_open_page_there_is_nothing_to_wait_for(start):
    workspace = await start("ann", env={"DATALAB_STOP_GRACE": "1000"})
    await workspace.end(60)
    assert "open pages" not in workspace.text().replace("open pages save first", "")


async def test_a_second_signal_ends_the_waiting(start):
    workspace = await start("ann", env={"DATALAB_STOP_GRACE": "1000"})
    async with (
        aiohttp.ClientSession(headers=workspace.headers) as session,
        session.ws_connect(f"{workspace.url}api/events/subscribe") as events,
    ):
        workspace.process.terminate()
        async for raw in events:
            if json.loads(raw.data)["schema_id"] == SCHEMA_ID:
                break
        url = f"{workspace.url}datalab/api/stop"
        await session.post(url, json={"tab": "one", "state": "saving"})
        await workspace.end(60)


async def test_nobody_answers_what_was_not_announced(start):
    workspace = await start("ann")
    async with (
        aiohttp.ClientSession(headers=workspace.headers) as session,
        session.post(
            f"{workspace.url}datalab/api/stop", json={"tab": "x", "state": "done"}
        ) as reply,
    ):
        assert reply.status == 409
