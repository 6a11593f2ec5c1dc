"""What the agent holds: fetched once, renewed in time, and not lost when the broker is slow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from datalab_workspace import wire
from datalab_workspace.agent.cache import Credentials
from datalab_workspace.agent.client import Problem


class Broker:
    """A broker's client: what it answers is put in, and may take as long as one likes."""

    def __init__(self, life: float = 60) -> None:
        self.life = life
        self.asked = 0
        self.hangs = False
        self.problem: Problem | None = None

    async def sources(self) -> list[wire.SourceInfo]:
        return [wire.SourceInfo("lake", "Lake", "s3")]

    async def credential(self, source: str, access: str) -> wire.Credential:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.problem is not None:
            raise self.problem
        end = (datetime.now(UTC) + timedelta(seconds=self.life)).isoformat()
        return wire.Credential(source, "s3", {"number": str(number)}, end)


def due(credentials: Credentials, name: str) -> None:
    """Let it be time to renew."""
    held = credentials._held[name]
    credentials._held[name] = type(held)(held.credential, datetime.now(UTC), held.expires)


async def test_many_who_ask_at_once_are_one_question_to_the_broker():
    broker = Broker()
    credentials = Credentials(broker)
    found = await asyncio.gather(*(credentials.get("lake") for _ in range(50)))
    assert broker.asked == 1
    assert len({one.expires for one in found}) == 1


async def test_a_broker_that_hangs_does_not_hold_up_who_has_a_good_credential():
    broker = Broker()
    credentials = Credentials(broker)
    first = await credentials.get("lake")
    due(credentials, "lake")
    broker.hangs = True
    assert await credentials.get("lake") == first
    assert await credentials.get("lake") == first
    assert broker.asked == 2  # one question is under way, and no second


async def test_a_broker_that_is_away_is_not_noticed_before_the_end():
    broker = Broker()
    credentials = Credentials(broker)
    first = await credentials.get("lake")
    due(credentials, "lake")
    broker.problem = Problem(503, "broker", "away")
    assert await credentials.get("lake") == first
    assert credentials.refused("lake") == "away"
    broker.problem = None
    assert await credentials.get("lake") != first
    assert credentials.refused("lake") == ""


async def test_a_refusal_takes_the_credential_away_at_once():
    broker = Broker()
    credentials = Credentials(broker)
    await credentials.get("lake")
    due(credentials, "lake")
    broker.problem = Problem(403, "group", "You are not in group sales.")
    with pytest.raises(Problem, match="group sales"):
        await credentials.get("lake")
    assert credentials.expires("lake") is None
    with pytest.raises(Problem):
        await credentials.get("lake")


async def test_names_that_do_not_exist_leave_nothing_behind():
    broker = Broker()
    credentials = Credentials(broker)
    broker.problem = Problem(404, "unknown", "There is no such source.")
    for number in range(100):
        with pytest.raises(Problem):
            await credentials.get(f"made-up-{number}")
    await asyncio.sleep(0)
    assert not credentials._fetching
    assert not credentials._refused
    assert not credentials._held


async def test_one_who_goes_away_does_not_stop_the_fetch_for_the_others():
    broker = Broker()
    credentials = Credentials(broker)
    impatient = asyncio.create_task(credentials.get("lake"))
    other = asyncio.create_task(credentials.get("lake"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await other).values == {"number": "1"}
