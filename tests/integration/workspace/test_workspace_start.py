"""A workspace starts, forked or cold, and its owner opens it."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import aiohttp
import pytest
from fakes.claimant import ENVIRONMENT, Workspace, claim, start_cold
from fakes.hub import FakeHub
from fakes.ports import free_port
from probes import ROOT, Start, execute

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def test_a_forked_workspace_answers_and_runs_a_cell(start: Start) -> None:
    ann = await start("ann", env={"PROFILE_SETTING": "blue"})
    code = "import os; print(6 * 7, os.environ['PROFILE_SETTING'], os.getcwd())"
    assert await execute(ann, code) == f"42 blue {ann.home}\n"


async def test_lab_opens_for_its_owner_and_for_nobody_else(start: Start) -> None:
    ann = await start("ann")
    bob = await start("bob")
    assert await ann.answer("lab") == 200
    async with (
        aiohttp.ClientSession(headers=bob.headers) as session,
        session.get(f"{ann.url}api/contents", allow_redirects=False) as response,
    ):
        assert response.status == 403


async def test_a_person_signs_in_through_the_hub(start: Start, hub: FakeHub) -> None:
    ann = await start("ann")
    jar = aiohttp.CookieJar(unsafe=True)
    origin = ann.url.removesuffix(ann.person.prefix)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(f"{ann.url}lab", allow_redirects=False) as response:
            assert response.status == 302
            authorize = response.headers["Location"]
        target = f"http://127.0.0.1:{hub.port}{authorize}"
        async with session.get(target, allow_redirects=False) as response:
            back = response.headers["Location"]
        async with session.get(origin + back) as response:
            assert response.status == 200
            assert str(response.url).endswith("/lab")


async def test_cookies_are_for_this_workspace_alone(start: Start) -> None:
    """A cookie for ``/`` would reach everybody else's workspace."""
    ann = await start("ann")
    async with (
        aiohttp.ClientSession() as session,
        session.get(ann.url + "lab", allow_redirects=False) as response,
    ):
        assert response.status == 302
        paths = {cookie["path"] for cookie in response.cookies.values()}
    assert paths == {"/user/ann/"}


async def test_a_cold_workspace_speaks_the_same_protocol(hub: FakeHub, tmp_path: Path) -> None:
    connection, process = start_cold(tmp_path / "cold.log")
    cold = await claim(connection, hub, hub.add("ann"), tmp_path)
    assert cold.pid == process.pid
    assert await cold.answer() == 200
    assert "--claim-fd" in " ".join(cold.process.cmdline())
    assert hub.people["ann"].api_token not in " ".join(cold.process.cmdline())
    cold.process.terminate()
    assert await asyncio.to_thread(process.wait, 60) == 0


async def test_in_a_container_everything_comes_from_the_environment(
    hub: FakeHub, tmp_path: Path
) -> None:
    port = free_port()
    ann = hub.add("ann")
    log = tmp_path / "container.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "datalab_workspace.launch", *(["--allow-root"] * ROOT)),
            cwd=tmp_path,
            env=hub.environment(ann, port, tmp_path),
            stdout=output,
            stderr=output,
        )
    workspace = Workspace(ann, process.pid, port, log, tmp_path, 0, socket.socket())
    async with asyncio.timeout(30):
        while True:
            try:
                assert await workspace.answer() == 200
                break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_after_the_rehearsal_a_workspace_imports_next_to_nothing(
    start: Start, tmp_path: Path
) -> None:
    """Keep the promise that makes the start fast; the rehearsal has to find every module."""
    report = (
        "import sys; from pathlib import Path; Path('modules').write_text(' '.join(sys.modules))"
    )
    home = tmp_path / "home-ann"
    (home / ".jupyter").mkdir(parents=True)
    (home / ".jupyter/jupyter_server_config.py").write_text(
        f"import atexit\natexit.register(lambda: exec({report!r}))\n"
    )
    ann = await start("ann", home=home)
    await ann.answer("lab")
    await execute(ann, "1")
    await ann.json("api/terminals", "POST", json={})
    await ann.json("api/nbconvert")
    await ann.json("lab/api/settings")
    await ann.end()
    used = set((home / "modules").read_text().split())

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c"),
        "import sys; from datalab_workspace import claim, preload, zygote; preload.everything();"
        "print(' '.join(sys.modules))",
        stdout=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    late = used - set(output.decode().split())
    assert len(late) <= 3, sorted(late)


async def test_a_start_costs_little(start: Start) -> None:
    """Not a benchmark, a fence: three times what it takes on a quiet machine."""
    ann = await start("ann")
    assert ann.answered - ann.claimed < 1.5
    assert ann.cpu() < 0.4
    await asyncio.sleep(1)
    assert ann.private_memory() < 65 << 20
