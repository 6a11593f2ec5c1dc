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
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contract.suite import answers
from fakes.sagemaker import Fault, server_error, throttled
from hubproc import free_port
from sagemaker_site import FILE_SYSTEM, SETTINGS, TESTS, eventually, fake_aws, secrets_of


@dataclass
class Killable:
    """A hub's directory and AWS; each :meth:`run` is a process."""

    directory: Path
    aws: Any
    moto: str
    port: int
    spot: bool = False
    process: asyncio.subprocess.Process | None = None

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
                env={**os.environ, "PYTHONPATH": str(TESTS)},
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
        async with asyncio.timeout(60):
            await self.process.wait()

    async def settled(self) -> dict[str, Any] | None:
        """Return what it says when it has settled; ``None`` if it was killed before."""
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
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
        return await asyncio.to_thread(secrets_of, self.moto)

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


@pytest.fixture
async def killable(tmp_path, moto, monkeypatch):
    async with fake_aws(tmp_path / "aws", moto, monkeypatch) as aws:
        aws.timing.steps = 0.05
        hub = Killable(tmp_path, aws, moto, free_port())
        yield hub
        aws.faults.clear()
        if hub.process is not None and hub.process.returncode is None:
            hub.kill()
            await hub.dead()
        # The server is the package's: leave nothing for the next test.
        for name in await hub.secrets():
            await asyncio.to_thread(_delete, moto, name)


def _delete(moto: str, name: str) -> None:
    import boto3

    client = boto3.client("secretsmanager", endpoint_url=moto)
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


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


@pytest.mark.parametrize("number", range(20))
async def test_killed_at_a_random_instant(killable, number):
    await one_random_round(killable)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(200))
async def test_killed_at_a_random_instant_many_times(killable, number):
    await one_random_round(killable)
