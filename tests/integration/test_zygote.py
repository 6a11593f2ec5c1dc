"""The standby and the workspaces it becomes: real processes, a hub of a few endpoints."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from datalab_workspace import preload
from fakes.claimant import ENVIRONMENT, Standby, Workspace, claim, hello, start_cold
from fakes.hub import FakeHub

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="becomes another user")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


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


Start = Callable[..., Any]
TEXT = {"content": "hello"}
TRASH = [f"send2trash.plat_other.{name}" for name in ("HOMETRASH", "HOMETRASH_B", "XDG_DATA_HOME")]


@pytest.fixture
async def start(standby: Standby, hub: FakeHub, tmp_path: Path) -> AsyncIterator[Start]:
    """``await start("ann", …)``: a forked workspace that answers; it is ended with the test."""
    started: list[Workspace] = []

    async def start(name: str, zygote: Standby = standby, **changes: Any) -> Workspace:
        connection = await zygote.connect()
        workspace = await claim(connection, hub, hub.add(name), tmp_path, **changes)
        started.append(workspace)
        assert await workspace.answer() == 200, workspace.text()
        return workspace

    yield start
    for workspace in started:
        if psutil.pid_exists(workspace.pid):
            family = [workspace.process, *workspace.process.children(recursive=True)]
            for process in family:
                process.kill()
        workspace.connection.close()


async def execute(workspace: Workspace, code: str, *, wait: bool = True) -> list[str]:
    """Run code in a fresh kernel, over a WebSocket as Lab does.

    Returns:
        what it printed; without ``wait`` nothing, and the code may still run.
    """
    kernel = await workspace.json("api/kernels", "POST", json={})
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
    address = f"{workspace.url}api/kernels/{kernel['id']}/channels"
    async with (
        asyncio.timeout(60),
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
    return printed


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
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


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


async def test_a_forked_workspace_answers_and_runs_a_cell(start: Start) -> None:
    ann = await start("ann", env={"PROFILE_SETTING": "blue"})
    code = "import os; print(6 * 7, os.environ['PROFILE_SETTING'], os.getcwd())"
    assert await execute(ann, code) == [f"42 blue {ann.home}\n"]


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
    assert await asyncio.to_thread(process.wait, 10) == 0


async def test_in_a_container_everything_comes_from_the_environment(
    hub: FakeHub, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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


async def test_two_servers_have_neither_a_cookie_secret_nor_a_kernel_key_in_common(
    start: Start,
) -> None:
    ann, bob = await start("ann"), await start("bob")
    secrets = []
    for workspace in (ann, bob):
        await workspace.json("api/kernels", "POST", json={})
        runtime = workspace.home / ".local/share/jupyter/runtime"
        connection = json.loads(next(runtime.glob("kernel-*.json")).read_text())
        cookie = (runtime / "jupyter_cookie_secret").read_text()
        secrets.append((connection["key"], cookie))
    assert len({secret for pair in secrets for secret in pair}) == 4


@pytest.mark.parametrize(
    "draw",
    [
        "random.random()",
        "random.Random().random()",
        "early.random()",
        "numpy.random.random()",
        "uuid.uuid4().hex",
        "uuid.uuid1().hex",
        "secrets.token_hex()",
        "next(tempfile._get_candidate_names())",
        "ssl.RAND_bytes(16).hex()",
        "multiprocessing.current_process().authkey.hex()",
    ],
)
async def test_after_a_fork_each_process_draws_its_own(draw: str) -> None:
    script = f"""
import multiprocessing, numpy.random, os, random, secrets, ssl, tempfile, uuid
from datalab_workspace import claim
early = random.Random(7)
ssl.RAND_bytes(1); list(zip(range(2), tempfile._get_candidate_names())); uuid.uuid1()
claim.remember_generators()
for _ in range(2):
    if os.fork() == 0:
        claim.renew_randomness()
        os.write(1, (str({draw}) + "\\n").encode())
        os._exit(0)
    os.wait()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    drawn = output.decode().split()
    assert len(drawn) == 2
    assert drawn[0] != drawn[1]


async def test_a_workspace_inherits_no_descriptor_of_the_zygote_or_of_others(
    start: Start, standby: Standby
) -> None:
    ann = await start("ann")
    bob = await start("bob")
    zygote = {inode(name) for name in descriptors(standby.process.pid).values() if "[" in name}
    anns = {inode(name) for name in descriptors(ann.pid).values() if "[" in name}
    bobs = {inode(name) for name in descriptors(bob.pid).values() if "[" in name}
    kinds = {inode("anon_inode:[eventpoll]"), ""}  # their numbers say nothing
    assert not (anns & zygote) - kinds
    assert not (bobs & zygote) - kinds
    assert not (anns & bobs) - kinds
    assert str(ann.log) in descriptors(ann.pid).values()
    assert str(ann.log) not in descriptors(bob.pid).values()
    assert descriptors(ann.pid)[0] == os.devnull


async def test_kernels_and_terminals_do_not_inherit_the_listening_socket(start: Start) -> None:
    ann = await start("ann")
    await ann.json("api/kernels", "POST", json={})
    await ann.json("api/terminals", "POST", json={})
    listening = [c for c in ann.process.net_connections("tcp") if c.status == "LISTEN"]
    assert [c.laddr.port for c in listening] == [ann.port]
    server = {n for n in descriptors(ann.pid).values() if n.startswith("socket:")}
    children = ann.process.children(recursive=True)
    assert len(children) >= 2
    for child in children:
        assert not server & set(descriptors(child.pid).values())


@pytest.mark.skipif(not ROOT, reason="reads the memory of other processes")
async def test_nobody_else_has_a_persons_token_in_memory(start: Start, standby: Standby) -> None:
    ann = await start("ann")
    bob = await start("bob")
    await ann.answer("lab")
    token = ann.person.api_token.encode()
    assert token in memory(ann.pid), "the search itself must work"
    assert token not in memory(bob.pid)
    assert token not in memory(standby.process.pid)


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
    assert await asyncio.to_thread(mortal.process.wait, 10) == 0
    assert not mortal.socket_path.exists()
    assert await ann.answer() == 200


async def test_a_killed_zygote_takes_no_workspace_with_it(mortal: Standby, start: Start) -> None:
    ann = await start("ann", mortal)
    mortal.process.kill()
    await asyncio.to_thread(mortal.process.wait, 10)
    assert await execute(ann, "print('here')") == ["here\n"]


async def test_only_its_owner_may_connect_to_the_zygote(standby: Standby) -> None:
    assert standby.socket_path.stat().st_mode & 0o777 == 0o600


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


@pytest.mark.root
@needs_root
async def test_a_claim_with_a_uid_gives_up_everything_of_roots(start: Start) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to other users
        Path(name).chmod(0o711)
        home = Path(name, "home")
        home.mkdir()
        os.chown(home, 54321, 54322)
        ann = await start("ann", home=home, uid=54321, gid=54322)
        status = Path(f"/proc/{ann.pid}/status").read_text()
        assert re.search(r"^Uid:\t54321\t54321\t54321\t54321$", status, re.M)
        assert re.search(r"^Gid:\t54322\t54322\t54322\t54322$", status, re.M)
        assert re.search(r"^Groups:\s*$", status, re.M)
        assert re.search(r"^CapEff:\t0+$", status, re.M)
        await ann.json("api/contents/f.txt", "PUT", json={"type": "file", "format": "text"} | TEXT)
        written = (home / "f.txt").stat()
        assert (written.st_uid, written.st_gid) == (54321, 54322)
        assert written.st_mode & 0o077 == 0


async def test_limits_of_the_profile_hold_in_the_server_and_in_its_kernels(start: Start) -> None:
    ann = await start("ann", limits=_limits(memory=3 << 30, cpus=1.0))
    code = """
import os, resource
print(resource.getrlimit(resource.RLIMIT_DATA), len(os.sched_getaffinity(0)),
      os.environ["OMP_NUM_THREADS"])
"""
    assert await execute(ann, code) == [f"({3 << 30}, {3 << 30}) 1 1\n"]
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
    assert await execute(ann, "print('open')") == ["open\n"]
    assert said in ann.text()


async def test_nothing_that_was_computed_before_the_fork_knows_a_home(tmp_path: Path) -> None:
    """Find what remembers the home that it saw at import: that would be everybody's home."""
    script = """
import gc, json, sys, traitlets
from datalab_workspace import preload
preload.everything()
results = {}
for kind in [found for found in gc.get_objects() if isinstance(found, traitlets.MetaHasTraits)]:
    for name, trait in kind.class_own_traits().items():
        if preload.HOME in repr(trait.default_value):
            results[f"{kind.__module__}.{kind.__name__}.{name}"] = True
del sys.modules["__main__"]
for name, module in list(sys.modules.items()):
    for key, value in list(getattr(module, "__dict__", {}).items()):
        plain = isinstance(value, (str, bytes, list, tuple, dict))
        if plain and key not in ("HOME", "environ") and preload.HOME in repr(value):
            results[f"{name}.{key}"] = True
print(json.dumps(sorted(results)))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env=ENVIRONMENT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert json.loads(output.splitlines()[-1]) == [
        "jupyterlab.labapp.LabApp.user_settings_dir",  # server._defaults_of_this_home
        "jupyterlab.labapp.LabApp.workspaces_dir",  # the same
        *TRASH,  # claim._COMPUTED_FROM_HOME
        "sysconfig._CONFIG_VARS",  # claim._renew_paths
    ]


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


async def test_a_stranger_can_neither_ask_nor_extend(start: Start) -> None:
    ann = await start("ann")
    async with aiohttp.ClientSession() as session:
        for method, path in (("GET", "datalab/api/idle"), ("POST", "datalab/api/idle/extend")):
            async with session.request(method, ann.url + path) as response:
                assert response.status == 403


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


def _limits(**values: Any) -> Any:
    from datalab_workspace.wire import Limits

    return Limits(**values)


def test_the_home_of_the_standby_exists_nowhere() -> None:
    assert not Path(preload.HOME).exists()
