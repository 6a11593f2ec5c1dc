"""The hub is killed at every step of a workspace's life, and started again.

Whatever the instant, and whether AWS answers or throttles meanwhile: the job is adopted or
removed, there are never two for one workspace, and no secret and no job is left without an owner
after one pass of the reconciler.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from contract.suite import answers
from datalab_hub.spawner.sagemaker.names import hub_mark, secret_name
from fakes.ports import free_port
from fakes.sagemaker import FakeAws, Fault, Timing, server_error, throttled
from sagemaker_site import FILE_SYSTEM, SETTINGS, TESTS, eventually, secrets_of


@dataclass
class Killable:
    """A hub's directory and AWS; each :meth:`run` is a process.

    Each has a name of its own: moto's secrets are everybody's.
    """

    directory: Path
    aws: Any
    moto: str
    port: int
    spot: bool = False
    process: asyncio.subprocess.Process | None = None
    instance: str = field(default_factory=lambda: secrets.token_hex(6))

    async def run(self, *, start: bool = False) -> None:
        """Start the hub; returns at once."""
        homes = self.aws.directory / FILE_SYSTEM / "homes"
        homes.mkdir(parents=True, exist_ok=True)
        settings = SETTINGS | {"homes_mount": str(homes), "attempts": 2}
        options = [*(["--start"] if start else []), *(["--spot"] if self.spot else [])]
        with (self.directory / "hub.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fakes.mini_hub", str(self.directory)),
                *("--port", str(self.port), "--settings", json.dumps(settings), *options),
                *("--instance", self.instance),
                env={**os.environ, **self.aws.environment(), "PYTHONPATH": str(TESTS)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL; twice is once."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def dead(self) -> None:
        assert self.process is not None
        async with asyncio.timeout(150):
            await self.process.wait()

    async def settled(self) -> dict[str, Any] | None:
        """Return what it says when it has settled; ``None`` if it was killed before."""
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(150):
            line = await self.process.stdout.readline()
        return json.loads(line) if line else None

    async def say(self, text: str) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        await self.process.stdin.drain()

    def jobs(self) -> list[str]:
        return [job.name for job in self.aws.all_jobs() if job.status == "InProgress"]

    async def secrets(self) -> list[str]:
        mark = secret_name(hub_mark(self.instance))
        names = await asyncio.to_thread(secrets_of, self.moto)
        return [name for name in names if name.startswith(mark)]

    async def consistent(self, said: dict[str, Any] | None) -> None:
        """Hold what the hub says against what there is."""
        log = (self.directory / "hub.log").read_text()
        assert said is not None, log
        if said["url"] is None:
            assert self.jobs() == [], log
        else:
            assert self.jobs() == [said["state"]["job"]], log
            assert await answers(said["url"])
        await eventually(self._no_secrets)
        assert self.aws.broken == []

    async def _no_secrets(self) -> bool:
        return await self.secrets() == []


@asynccontextmanager
async def a_hub(directory: Path, moto: str) -> AsyncIterator[Killable]:
    timing = Timing(steps=0.05, grace=10, ending=0.01)
    async with FakeAws(directory / "aws", moto=moto, timing=timing) as aws:
        aws.instance_environment["PYTHONPATH"] = str(TESTS)
        hub = Killable(directory, aws, moto, free_port())
        try:
            yield hub
        finally:
            if hub.process is not None and hub.process.returncode is None:
                hub.kill()
                await hub.dead()


@pytest.fixture
async def killable(tmp_path, moto):
    async with a_hub(tmp_path, moto) as hub:
        yield hub


async def next_hub_is_right(hub: Killable, mood: str) -> None:
    """Start the hub again, while AWS is well or throttles, and look at what it makes of it."""
    hub.aws.faults.clear()
    if mood == "throttling":
        hub.aws.faults.append(Fault(throttled, chance=0.3))
    await hub.run()
    said = await hub.settled()
    hub.aws.faults.clear()
    if mood == "throttling":
        # A pass that AWS did not answer does nothing; the promise is for one that it does.
        hub.kill()
        await hub.dead()
        await hub.run()
        said = await hub.settled()
    await hub.consistent(said)
    await hub.say("stop")
    assert await hub.settled() == {"stopped": True}
    assert hub.jobs() == []
    assert await hub.secrets() == []
    await hub.dead()


# operation, how many of its calls pass before, whether the one that kills is carried out
POINTS = [
    ("ListTrainingJobs", 0, True),
    ("ListSecrets", 0, True),
    ("CreateSecret", 0, False),
    ("CreateSecret", 0, True),
    ("CreateTrainingJob", 0, False),
    ("CreateTrainingJob", 0, True),
    ("DescribeTrainingJob", 0, True),
    ("DescribeTrainingJob", 2, True),
    ("DeleteSecret", 0, False),  # the registration has just been written down
    ("DeleteSecret", 0, True),
]
THROTTLED = pytest.param("throttling", marks=pytest.mark.slow)


@pytest.mark.parametrize("mood", ["well", THROTTLED])
@pytest.mark.parametrize(("operation", "skip", "done"), POINTS)
async def test_killed_at_a_call_of_a_start(killable, operation, skip, done, mood):
    error = None if done else server_error
    killable.aws.faults.append(Fault(error, None, operation, skip=skip, action=killable.kill))
    await killable.run(start=True)
    await killable.dead()
    await next_hub_is_right(killable, mood)


@pytest.mark.parametrize("mood", [THROTTLED, "well"])
async def test_killed_while_the_workspace_runs(killable, mood):
    await killable.run(start=True)
    before = await killable.settled()
    killable.kill()
    await killable.dead()
    await killable.run()
    after = await killable.settled()
    assert after["url"] == before["url"]
    killable.kill()
    await killable.dead()
    await next_hub_is_right(killable, mood)


@pytest.mark.parametrize("mood", [THROTTLED, "well"])
@pytest.mark.parametrize(
    ("operation", "done"),
    [("DeleteSecret", True), ("StopTrainingJob", False), ("StopTrainingJob", True)],
)
async def test_killed_while_the_workspace_is_being_stopped(killable, operation, done, mood):
    await killable.run(start=True)
    assert (await killable.settled())["url"]
    await eventually(killable._no_secrets)
    error = None if done else server_error
    killable.aws.faults.append(Fault(error, None, operation, action=killable.kill))
    await killable.say("stop")
    await killable.dead()
    await next_hub_is_right(killable, mood)


@pytest.mark.parametrize("point", ["before CreateSecret", "CreateSecret", "DeleteSecret", "away"])
async def test_killed_in_the_middle_of_an_interruption(killable, point):
    killable.spot = True
    await killable.run(start=True)
    assert (await killable.settled())["url"]
    await eventually(killable._no_secrets)
    (job,) = killable.aws.all_jobs()
    if point == "away":
        job.interrupt()
        await eventually(lambda: job.boots == 2)
        killable.kill()
    else:
        error = server_error if point.startswith("before") else None
        operation = point.removeprefix("before ")
        killable.aws.faults.append(Fault(error, None, operation, action=killable.kill))
        job.interrupt()
    await killable.dead()
    await next_hub_is_right(killable, "well")


async def one_random_round(hub: Killable) -> None:
    hub.spot = random.random() < 0.5
    await hub.run(start=True)
    await asyncio.sleep(random.uniform(0.3, 3.5))
    if hub.spot and random.random() < 0.5:
        for job in hub.aws.all_jobs():
            job.interrupt()
        await asyncio.sleep(random.uniform(0, 1))
    elif random.random() < 0.3:
        await hub.say("stop")
        await asyncio.sleep(random.uniform(0, 0.5))
    hub.kill()
    await hub.dead()
    await next_hub_is_right(hub, random.choice(["well", "throttling"]))


@pytest.mark.parametrize("number", range(6))  # 200 more in ``make test-slow``
async def test_killed_at_a_random_instant(killable, number):
    await one_random_round(killable)


@pytest.mark.slow
@pytest.mark.timeout(900)  # on a machine that does much else
@pytest.mark.parametrize("batch", range(20))
async def test_killed_at_a_random_instant_ten_hubs_at_a_time(tmp_path, moto, batch):
    """Two hundred rounds in all; a few at the same time, since most of a round is waiting."""
    few = asyncio.Semaphore(3)

    async def one(number: int) -> None:
        directory = tmp_path / str(number)
        directory.mkdir()
        async with few, a_hub(directory, moto) as hub:
            await one_random_round(hub)

    await asyncio.gather(*(one(number) for number in range(10)))
