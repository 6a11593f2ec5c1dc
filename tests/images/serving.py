"""A workspace that runs in an image as in a container, against the fake hub."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from fakes.claimant import Workspace
from fakes.hub import FakeHub
from fakes.ports import free_port

from .room import USER, Room, end, first

PATIENCE = 120  # seconds; a busy machine


def make_home(directory: Path) -> Path:
    """Return a home that belongs to the images' user."""
    directory.chmod(0o755)
    home = directory / "home"
    home.mkdir(mode=0o700)
    os.chown(home, USER, USER)
    return home


async def answering(process: Any, workspace: Workspace) -> Workspace:
    """Return a workspace when it answers; fail with its log when it ends instead."""
    async with asyncio.timeout(PATIENCE):
        while True:
            assert process.returncode is None, workspace.text()
            with suppress(aiohttp.ClientConnectionError):
                assert await workspace.answer() == 200, workspace.text()
                return workspace
            await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(
    room: Room,
    hub: FakeHub,
    home: Path,
    *,
    command: list[str] | None = None,
    mounts: dict[str, str] | None = None,
    **env: str,
) -> AsyncIterator[tuple[Workspace, psutil.Process, asyncio.subprocess.Process]]:
    """Yield a workspace that answers, its process 1, and what gives the container's status."""
    ann, port = hub.add("ann"), free_port()
    log = home.parent / "workspace.log"
    variables = hub.environment(ann, port, Path("/home/jovyan"))
    del variables["PATH"]  # the image's own
    with log.open("wb") as output:
        arguments = room.arguments(command or room.command, home, variables | env, mounts)
        process = await asyncio.create_subprocess_exec(*arguments, stdout=output, stderr=output)
    try:
        workspace = Workspace(ann, 0, port, log, home, 0, socket.socket())
        await answering(process, workspace)
        one = first(psutil.Process(process.pid))
        workspace.pid = one.children()[0].pid
        yield workspace, one, process
    finally:
        if process.returncode is None:
            end(process.pid)
            await process.wait()


async def get(workspace: Workspace, path: str, **headers: str) -> tuple[int, Any, bytes]:
    """Return status, headers and body as they travel, still compressed."""
    async with (
        aiohttp.ClientSession(headers=workspace.headers, auto_decompress=False) as session,
        session.get(workspace.url + path, headers=headers, allow_redirects=False) as response,
    ):
        return response.status, response.headers, await response.read()
