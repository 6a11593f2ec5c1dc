"""Looks into processes, and speaks to kernels as Lab does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from fakes.claimant import Standby, Workspace

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="becomes another user")
Start = Callable[..., Any]


async def execute(
    workspace: Workspace, code: str, *, wait: bool = True, kernel: str = "", patience: float = 60
) -> str:
    """Run code in a fresh kernel, over a WebSocket as Lab does.

    Args:
        kernel: the name of its specification; the server's default if empty.
        patience: seconds that the code may take.

    Returns:
        what it printed, however many messages the kernel made of it; without ``wait``
        nothing, and the code may still run.
    """
    wanted = {"name": kernel} if kernel else {}
    started = await workspace.json("api/kernels", "POST", json=wanted)
    request = {
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": uuid.uuid4().hex,
            "date": datetime.now(UTC).isoformat(),
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": False},
        "channel": "shell",
        "buffers": [],
    }
    printed: list[str] = []
    address = f"{workspace.url}api/kernels/{started['id']}/channels"
    async with (
        asyncio.timeout(patience),
        aiohttp.ClientSession(headers=workspace.headers) as session,
        session.ws_connect(address) as channel,
    ):
        await channel.send_json(request)
        async for raw in channel:
            message = json.loads(raw.data)
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            content = message["content"]
            assert message["msg_type"] != "error", content
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            if content.get("execution_state") == ("idle" if wait else "busy"):
                break
    return "".join(printed)


def memory(pid: int) -> bytes:
    """Return everything that is in a process's writable memory."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, permissions = line.split()[:2]
            if not permissions.startswith("rw"):
                continue
            begin, end = (int(part, 16) for part in addresses.split("-"))
            file.seek(begin)
            try:
                found.append(file.read(end - begin))
            except OSError:  # a mapping without memory, such as [vvar]
                continue
    return b"".join(found)


def descriptors(pid: int) -> dict[int, str]:
    """Return what a process has open."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:  # closed meanwhile
            continue
    return found


def inode(descriptor: str) -> str:
    """Return the number in ``socket:[123]`` or ``pipe:[123]``."""
    return re.sub(r"\D", "", descriptor)


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(pid: int, timeout: float = 10) -> None:
    """Return when a process has ended."""
    async with asyncio.timeout(timeout):
        while alive(pid):  # noqa: ASYNC110  # another's child: nobody tells us
            await asyncio.sleep(0.05)


async def status_of(standby: Standby, pid: int) -> int:
    """Return the exit status that the zygote reports for a child."""
    async with asyncio.timeout(10):
        while True:
            message = await standby.heard()
            if message["type"] == "exited" and message["pid"] == pid:
                return int(message["status"])
