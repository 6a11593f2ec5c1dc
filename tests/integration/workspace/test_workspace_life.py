"""A running workspace: limits, the person's own settings, activity, and its end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import psutil
import pytest
from datalab_workspace.wire import Limits
from fakes.claimant import Standby, Workspace
from fakes.hub import FakeHub
from probes import Start, execute, gone, status_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def test_sigterm_ends_kernels_and_terminals_and_then_the_server(
    start: Start, standby: Standby
) -> None:
    ann = await start("ann")
    await execute(ann, "1")
    await ann.json("api/terminals", "POST", json={})
    children = ann.process.children(recursive=True)
    assert len(children) >= 2
    ann.process.send_signal(signal.SIGTERM)
    assert await status_of(standby, ann.pid) == 0
    for child in children:
        await gone(child.pid, 5)
    runtime = ann.home / ".local/share/jupyter/runtime"
    assert not list(runtime.glob("jpserver-*"))
    assert not list(runtime.glob("kernel-*.json"))


async def test_kernels_of_a_killed_server_end_by_themselves(start: Start, standby: Standby) -> None:
    ann = await start("ann")
    await execute(ann, "1")
    children = ann.process.children(recursive=True)
    assert children
    ann.process.kill()
    assert await status_of(standby, ann.pid) == -signal.SIGKILL
    for child in children:
        await gone(child.pid, 10)


async def test_limits_of_the_profile_hold_in_the_server_and_in_its_kernels(start: Start) -> None:
    ann = await start("ann", limits=Limits(memory=3 << 30, cpus=1.0))
    code = """
import os, resource
print(resource.getrlimit(resource.RLIMIT_DATA), len(os.sched_getaffinity(0)),
      os.environ["OMP_NUM_THREADS"])
"""
    assert await execute(ann, code) == f"({3 << 30}, {3 << 30}) 1 1\n"
    assert ann.process.rlimit(psutil.RLIMIT_DATA) == (3 << 30, 3 << 30)
    with pytest.raises(AssertionError, match="MemoryError"):
        await execute(ann, "block = bytearray(4 << 30)")


async def test_a_persons_own_configuration_kernels_and_settings_are_honoured(
    start: Start, tmp_path: Path
) -> None:
    home = tmp_path / "home-ann"
    kernel = home / ".local/share/jupyter/kernels/mine/kernel.json"
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    (home / ".jupyter").mkdir(parents=True)
    kernel.parent.mkdir(parents=True)
    settings.mkdir(parents=True)
    (home / "work").mkdir()
    (home / ".jupyter/jupyter_server_config.py").write_text(
        f"c.ServerApp.root_dir = {str(home / 'work')!r}\n"
    )
    (home / "work/mine.txt").write_text("x")
    kernel.write_text(json.dumps({"argv": ["true"], "display_name": "Mine", "language": "x"}))
    (settings / "themes.jupyterlab-settings").write_text('{"theme": "JupyterLab Dark"}')

    ann = await start("ann", home=home)
    bob = await start("bob")
    contents = await ann.json("api/contents")
    assert [entry["name"] for entry in contents["content"]] == ["mine.txt"]
    assert "mine" in (await ann.json("api/kernelspecs"))["kernelspecs"]
    assert "mine" not in (await bob.json("api/kernelspecs"))["kernelspecs"]
    themes = "lab/api/settings/@jupyterlab/apputils-extension:themes"
    assert (await ann.json(themes))["settings"] == {"theme": "JupyterLab Dark"}
    assert (await bob.json(themes))["settings"] == {}


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ("c.ServerApp.port = 'not a number'\n", "Starting again without the configuration"),
        ("raise SystemExit('no')\n", "Starting again without the configuration"),
        ("c.ServerApp.contents_manager_class = 'no.Class'\n", "Starting again without the"),
        # Jupyter Server itself goes on without this file.
        ("syntax error\n", "SyntaxError: invalid syntax"),
    ],
)
async def test_a_broken_configuration_in_the_home_does_not_keep_the_workspace_from_opening(
    start: Start, tmp_path: Path, configuration: str, said: str
) -> None:
    home = tmp_path / "home-ann"
    (home / ".jupyter").mkdir(parents=True)
    (home / ".jupyter/jupyter_server_config.py").write_text(configuration)
    ann = await start("ann", home=home)
    assert await execute(ann, "print('open')") == "open\n"
    assert said in ann.text()


async def test_a_busy_kernel_is_activity_even_when_it_is_silent(start: Start) -> None:
    ann = await start("ann", env={"DATALAB_IDLE_TIMEOUT": "3600"})
    await execute(ann, "import time; time.sleep(30)", wait=False)
    await asyncio.sleep(1.5)
    before = datetime.now(UTC)
    status = await ann.json("datalab/api/idle")
    assert datetime.fromisoformat(status["last_activity"]) >= before


async def test_an_open_tab_that_only_polls_is_no_activity(start: Start) -> None:
    ann = await start("ann", env={"DATALAB_IDLE_TIMEOUT": "3600"})
    await execute(ann, "1")
    polled = ("api/kernels", "api/sessions", "api/terminals", "api/contents", "api/kernelspecs")
    await asyncio.sleep(0.5)
    last = (await ann.json("datalab/api/idle"))["last_activity"]
    for path in (*polled, "lab/api/settings", "api/status", "datalab/api/idle"):
        await ann.json(path)
    assert (await ann.json("datalab/api/idle"))["last_activity"] == last
    await ann.json("api/contents", "POST", json={"type": "notebook"})
    assert (await ann.json("datalab/api/idle"))["last_activity"] > last


async def test_extending_tells_the_hub_at_once(start: Start, hub: FakeHub) -> None:
    ann = await start("ann", env={"DATALAB_IDLE_TIMEOUT": "600", "DATALAB_MAX_RUNTIME": "7200"})
    first = await ann.json("datalab/api/idle")
    assert first["reason"] == "idle"
    assert first["idle_timeout"] == 600
    assert first["max_runtime"] == 7200
    reports = len(hub.activity)
    extended = await ann.json("datalab/api/idle/extend", "POST")
    assert extended["reported"] is True
    assert extended["stops_at"] > first["stops_at"]
    user, body = hub.activity[-1]
    assert len(hub.activity) == reports + 1
    assert user == "ann"
    reported = datetime.fromisoformat(body["servers"][""]["last_activity"])
    assert abs((reported - datetime.fromisoformat(extended["last_activity"])).total_seconds()) < 1


async def test_a_stranger_can_neither_ask_nor_extend_nor_stop(start: Start, hub: FakeHub) -> None:
    ann = await start("ann")
    async with aiohttp.ClientSession() as session:
        for method, path in (
            ("GET", "datalab/api/idle"),
            ("POST", "datalab/api/idle/extend"),
            ("DELETE", "datalab/api/workspace"),
        ):
            async with session.request(method, ann.url + path) as response:
                assert response.status == 403
    assert not [request for request in hub.requests if request.startswith("DELETE")]


async def ask_to_stop(workspace: Workspace) -> tuple[int, str]:
    """Return the status and the text of what the workspace answers to File → Stop."""
    async with (
        aiohttp.ClientSession(headers=workspace.headers) as session,
        session.delete(workspace.url + "datalab/api/workspace") as response,
    ):
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (403, "this workspace may not ask for that"),
        (500, "it answered 500. Stop it on the start page instead"),
    ],
)
async def test_a_hub_that_does_not_stop_the_workspace_is_quoted(
    start: Start, hub: FakeHub, answer: int, said: str
) -> None:
    ann = await start("ann")
    hub.stop_answer = answer
    status, body = await ask_to_stop(ann)
    assert status == 502
    assert said in body
    assert hub.requests[-1] == "DELETE /hub/api/users/ann/server"
    assert await execute(ann, "print('still here')") == "still here\n"


async def test_a_named_workspace_asks_for_its_own_stop(start: Start, hub: FakeHub) -> None:
    ann = await start("ann", server="second")
    assert (await ask_to_stop(ann))[0] == 202
    assert hub.requests[-1] == "DELETE /hub/api/users/ann/servers/second"
