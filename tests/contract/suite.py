"""What every backend has to pass. Subclass :class:`BackendContract` and provide ``harness``.

The tests speak of a *hub* where they mean what JupyterHub does: it creates a backend object,
calls ``start``, may be cancelled (start timeout), may die and come back with a new object that
knows only the state that was saved.
"""

from __future__ import annotations

import abc
import asyncio
import json
import logging
import random
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from datalab_hub.catalog import Profile
from datalab_hub.spawner.backend import Backend, Phase, WorkspaceContext
from datalab_hub.spawner.names import workspace_key
from datalab_hub.spawner.problems import StartFailed

TOKEN = "the-hub-token-of-this-workspace"


class Harness(abc.ABC):
    """One workspace of one person on a platform, and a view of the platform from outside."""

    profile = Profile(name="small", title="Small")
    can_be_cut_off = True
    slowest_start = 0.5  # seconds; cancellations are spread over this

    def __init__(self) -> None:
        self.saved: dict[str, Any] | None = None
        self.reports: list[tuple[Phase, str]] = []
        self.address = ("127.0.0.1", 0)
        self.key = workspace_key("ann", "")

    @abc.abstractmethod
    def make(self, context: WorkspaceContext) -> Backend:
        """Create the backend object under test."""

    @abc.abstractmethod
    async def resources(self) -> list[str]:
        """List everything that exists on the platform for this workspace."""

    @abc.abstractmethod
    async def crash(self) -> None:
        """End the running workspace behind the hub's back."""

    @abc.abstractmethod
    def break_start(self) -> None:
        """Let the next start fail on the platform's side, for good."""

    def set_reachable(self, reachable: bool) -> None:
        """Cut the hub off from the platform, or reconnect it."""
        raise NotImplementedError("this platform cannot be cut off")

    def new_hub(self) -> Backend:
        """Return the backend object of a hub that has just started, with the saved state."""
        backend: Backend
        context = WorkspaceContext(
            user="ann",
            server="",
            key=self.key,
            profile=self.profile,
            image=None,
            log=logging.getLogger("contract"),
            bind=lambda ip, port: setattr(self, "address", (ip, port)),
            environment=self.environment,
            arguments=lambda: [],
            save=lambda: setattr(self, "saved", json.loads(json.dumps(backend.get_state()))),
            report=lambda phase, message, cause=None: self.reports.append((phase, message)),
        )
        backend = self.make(context)
        if self.saved is not None:
            backend.load_state(self.saved)
        return backend

    def environment(self) -> dict[str, str]:
        """Return the workspace's environment, with the token that must not leak."""
        return {"JUPYTERHUB_API_TOKEN": TOKEN}


async def answers(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as reply:
        return reply.status < 500


async def eventually(condition: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # a platform is asked, not told
            await asyncio.sleep(0.02)


class BackendContract:
    """The promises of :mod:`datalab_hub.spawner.backend`, one test each."""

    rounds = 6  # random instants per test

    async def test_start_returns_only_when_the_workspace_answers_http(self, harness):
        url = await harness.new_hub().start()
        assert await answers(url)

    async def test_state_is_saved_before_start_returns(self, harness):
        backend = harness.new_hub()
        await backend.start()
        assert harness.saved == json.loads(json.dumps(backend.get_state()))

    async def test_state_holds_no_secret(self, harness):
        backend = harness.new_hub()
        await backend.start()
        assert TOKEN not in json.dumps(backend.get_state())

    async def test_start_tells_at_least_one_phase(self, harness):
        await harness.new_hub().start()
        assert harness.reports
        assert all(isinstance(phase, Phase) for phase, _ in harness.reports)

    async def test_a_backend_that_never_started_does_not_run(self, harness):
        assert await harness.new_hub().poll() is not None

    async def test_poll_is_none_while_it_runs_and_a_status_after_the_stop(self, harness):
        backend = harness.new_hub()
        await backend.start()
        assert await backend.poll() is None
        await backend.stop()
        assert isinstance(await backend.poll(), int)

    async def test_stop_leaves_nothing_behind(self, harness):
        backend = harness.new_hub()
        await backend.start()
        assert await harness.resources()
        await backend.stop()
        assert await harness.resources() == []

    @pytest.mark.parametrize("now", [False, True])
    async def test_stopping_twice_and_at_once_is_no_error(self, harness, now):
        backend = harness.new_hub()
        await backend.start()
        await asyncio.gather(backend.stop(now), backend.stop(now))
        await backend.stop(now)
        assert await harness.resources() == []

    async def test_stopping_what_never_started_is_no_error(self, harness):
        await harness.new_hub().stop()
        assert await harness.resources() == []

    async def test_a_workspace_can_be_started_again(self, harness):
        for _ in range(2):
            backend = harness.new_hub()
            url = await backend.start()
            assert await answers(url)
            await backend.stop()

    async def test_cancelling_a_start_at_any_instant_leaves_nothing(self, harness):
        for _ in range(self.rounds):
            backend = harness.new_hub()
            start = asyncio.create_task(backend.start())
            await asyncio.sleep(random.uniform(0, harness.slowest_start))
            start.cancel()
            await asyncio.wait([start])
            if not start.cancelled():  # it had just finished
                await backend.stop()
            assert await harness.resources() == []
            assert await backend.poll() is not None

    async def test_stopping_during_a_start_leaves_nothing(self, harness):
        for _ in range(self.rounds):
            backend = harness.new_hub()
            start = asyncio.create_task(backend.start())
            await asyncio.sleep(random.uniform(0, harness.slowest_start))
            await backend.stop(now=True)
            start.cancel()
            await asyncio.wait([start])
            start.exception() if not start.cancelled() else None
            await backend.stop(now=True)
            assert await harness.resources() == []

    async def test_a_failed_start_says_why_and_what_to_do_and_leaves_nothing(self, harness):
        harness.break_start()
        with pytest.raises(StartFailed) as failure:
            await harness.new_hub().start()
        assert failure.value.reason
        assert failure.value.hint
        assert await harness.resources() == []

    async def test_a_new_hub_adopts_a_running_workspace(self, harness):
        url = await harness.new_hub().start()
        adopted = harness.new_hub()
        assert await adopted.poll() is None
        assert await adopted.resume() == url
        assert await answers(url)
        await adopted.stop()
        assert await harness.resources() == []

    async def test_a_new_hub_knows_that_a_workspace_died_meanwhile(self, harness):
        await harness.new_hub().start()
        await harness.crash()
        adopted = harness.new_hub()

        async def known() -> bool:
            return await adopted.poll() is not None

        await eventually(known)

    async def test_a_crash_is_noticed_without_polling(self, harness):
        backend = harness.new_hub()
        await backend.start()
        gone = asyncio.create_task(backend.gone())
        await asyncio.sleep(0.05)
        assert not gone.done()
        await harness.crash()
        await asyncio.wait_for(gone, 10)
        assert isinstance(await backend.poll(), int)

    async def test_a_second_start_after_lost_state_replaces_the_first(self, harness):
        await harness.new_hub().start()
        before = await harness.resources()
        harness.saved = None
        url = await harness.new_hub().start()
        assert await answers(url)
        assert len(await harness.resources()) <= len(before)

    async def test_not_knowing_is_not_gone(self, harness):
        if not harness.can_be_cut_off:
            pytest.skip("this platform is the hub's own machine and cannot be cut off from it")
        backend = harness.new_hub()
        url = await backend.start()
        harness.set_reachable(False)
        assert await backend.poll() is None
        assert await harness.new_hub().poll() is None
        harness.set_reachable(True)
        assert await harness.new_hub().resume() == url

    async def test_a_start_without_the_platform_fails_and_leaves_nothing(self, harness):
        if not harness.can_be_cut_off:
            pytest.skip("this platform is the hub's own machine and cannot be cut off from it")
        harness.set_reachable(False)
        start = asyncio.create_task(harness.new_hub().start())
        # Until it gives up; cleaning up may wait for the platform to be back.
        await asyncio.wait({start}, timeout=5)
        harness.set_reachable(True)
        with pytest.raises(StartFailed):
            await start
        assert await harness.resources() == []
