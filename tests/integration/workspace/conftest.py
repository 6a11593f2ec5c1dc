"""A hub of a few endpoints, a zygote, and workspaces that end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from fakes.claimant import Standby, Workspace, claim
from fakes.hub import FakeHub
from probes import Start


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    async with FakeHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    """A zygote that tests share; what ends it has its own."""
    with Standby(tmp_path_factory.mktemp("standby")) as standby:
        yield standby


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Standby]:
    """A zygote that a test may end."""
    with Standby(tmp_path) as standby:
        yield standby


@pytest.fixture
async def start(standby: Standby, hub: FakeHub, tmp_path: Path) -> AsyncIterator[Start]:
    """``await start("ann", …)``: a forked workspace that answers; it is ended with the test."""
    started: list[Workspace] = []

    async def start(
        name: str, zygote: Standby = standby, server: str = "", **changes: Any
    ) -> Workspace:
        connection = await zygote.connect()
        workspace = await claim(connection, hub, hub.add(name, server), tmp_path, **changes)
        started.append(workspace)
        assert await workspace.answer() == 200, workspace.text()
        return workspace

    yield start
    for workspace in started:
        with suppress(psutil.NoSuchProcess):  # some end by themselves
            family = [*workspace.process.children(recursive=True), workspace.process]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        workspace.connection.close()
