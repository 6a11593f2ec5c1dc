"""The zygote's protocol: connections, claims, and ends of both."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from fakes.claimant import ENVIRONMENT, Standby, hello
from hubproc import until
from probes import Start, execute, status_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def test_the_end_of_the_connection_before_a_claim_ends_the_child(standby: Standby) -> None:
    connection = await standby.connect()
    pid = (await hello(connection)).pid
    assert psutil.pid_exists(pid)
    connection.close()
    assert await status_of(standby, pid) == 0


async def test_half_a_claim_is_no_claim(standby: Standby) -> None:
    connection = await standby.connect()
    pid = (await hello(connection)).pid
    connection.send(b'{"version":1,"type":"claim","key":"ann"')
    connection.close()
    assert await status_of(standby, pid) == 0


async def test_a_claim_without_its_descriptors_is_refused_and_harms_nobody(
    standby: Standby, start: Start
) -> None:
    connection = await standby.connect()
    pid = (await hello(connection)).pid
    connection.send(b'{"version":1,"type":"claim","key":"a","env":{},"argv":[],"home":"/"}\n')
    assert await status_of(standby, pid) == 1
    assert "expected a claim with a listening socket and a log" in standby.log.read_text()
    await start("ann")


async def test_workspaces_live_on_when_the_zygote_ends_with_its_hub(
    mortal: Standby, start: Start
) -> None:
    ann = await start("ann", mortal)
    mortal.hang_up()
    assert await asyncio.to_thread(mortal.process.wait, 60) == 0
    assert not mortal.socket_path.exists()
    assert await ann.answer() == 200


async def test_a_killed_zygote_takes_no_workspace_with_it(mortal: Standby, start: Start) -> None:
    ann = await start("ann", mortal)
    mortal.process.kill()
    await asyncio.to_thread(mortal.process.wait, 60)
    assert await execute(ann, "print('here')") == "here\n"


async def test_only_its_owner_may_connect_to_the_zygote(standby: Standby) -> None:
    assert standby.socket_path.stat().st_mode & 0o777 == 0o600


async def test_the_zygote_is_not_ready_while_a_thread_runs(tmp_path: Path) -> None:
    for name, effect, complaint in (
        (
            "thread",
            "import threading as t, time; t.Thread(target=time.sleep, args=(2,)).start()",
            "one thread",
        ),
        ("loop", "import asyncio; loop = asyncio.new_event_loop()", "event loop"),
        ("context", "import zmq; context = zmq.Context.instance()", "one thread|ZMQ context"),
        ("file", "import os; fd = os.open('/dev/null', os.O_RDONLY)", "descriptors"),
    ):
        script = f"""
from datalab_workspace import preload, zygote
preload.everything = lambda: exec({effect!r}, globals())
zygote.main()
"""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, "--socket", str(tmp_path / name)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 1
        assert b"ready" not in output
        assert re.search(complaint, errors.decode()), errors.decode()


def test_a_zygote_that_is_killed_in_its_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    zygote = subprocess.Popen(
        [
            *(sys.executable, "-m", "datalab_workspace.zygote"),
            *("--socket", str(tmp_path / "zygote.sock")),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**ENVIRONMENT, "TMPDIR": str(tmp_path)},
    )

    def children() -> list[psutil.Process]:
        return psutil.Process(zygote.pid).children(recursive=True)

    with zygote:
        until(lambda: list(tmp_path.glob("datalab-rehearsal-*/*")) and children(), 60)
        orphans = children()
        zygote.kill()
    until(lambda: not list(tmp_path.glob("datalab-rehearsal-*")), 60)
    _, left = psutil.wait_procs(orphans, timeout=10)
    assert not left
