"""The image ``base``, from inside: a read-only root, uid 1000, process 1, a fake hub."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fakes.claimant import claim
from fakes.hub import FakeHub
from probes import execute, gone

from .room import ROOT, USER, Room, end, room
from .serving import get, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def base() -> Iterator[Room]:
    with room("base") as entered:
        yield entered


@pytest.mark.parametrize("program", ["git", "git-lfs", "ssh -V", "tini", "curl", "less", "nano"])
def test_programs_that_people_expect_are_there(base: Room, home: Path, program: str) -> None:
    command = program.split() if " " in program else [program, "--version"]
    done = base.run(*command, home=home)
    assert re.search(r"\d", done.stdout + done.stderr)


def test_git_works_without_perl(base: Room, home: Path) -> None:
    """Its package was changed (repack-git): what people do is all there, and apt is content."""
    script = """
git init -q one && cd one
git config user.email ann@example.org && git config user.name Ann
echo 1 > f && git add f && git commit -qm first
echo 2 >> f && echo y | git add -p >/dev/null && git commit -qm second
echo 3 >> f && git stash -q && git stash pop -q && git checkout -q f
git submodule status && git difftool --tool-help >/dev/null && git request-pull HEAD~ . >/dev/null
git clone -q file:///home/jovyan/one ../two && git -C ../two pull -q --rebase
git -C ../two log --format=%s
test -z "$(dpkg --audit)"
"""
    assert base.run("sh", "-ec", script, home=home).stdout.split() == ["second", "first"]
    assert not (base.path / "usr/share/perl").exists()
    status = ["dpkg-query", "--show", "--showformat=${Depends}", "git"]
    assert "perl" not in base.run(*status, home=home).stdout


def test_only_extensions_on_the_list_are_on(base: Room, home: Path) -> None:
    enabled = base.python(
        "import json; from jupyter_core.paths import jupyter_config_path;"
        "from jupyter_server.extension.config import ExtensionConfigManager as M;"
        "found = M(read_config_path=jupyter_config_path()).get_jpserver_extensions();"
        "print(json.dumps([name for name, on in found.items() if on]))",
        home,
    )
    lines = (ROOT / "images/workspace/base/extensions.txt").read_text().splitlines()
    assert set(enabled) == {line for line in lines if line and not line.startswith("#")}


def test_nothing_expensive_is_imported_and_everything_is_compiled(base: Room, home: Path) -> None:
    code = """
import json, os, sys, tempfile
answer = os.dup(1)
os.dup2(2, 1)
from pathlib import Path
from datalab_workspace.rehearsal import rehearse
rehearse(tempfile.mkdtemp())
modules = {name: module for name, module in sys.modules.items() if module}
uncompiled = [
    name for name, module in modules.items()
    if getattr(module, "__cached__", None) and not Path(module.__cached__).exists()
]
os.write(answer, json.dumps([list(modules), uncompiled]).encode())
os._exit(0)
"""
    imported, uncompiled = base.python(code, home)
    assert {"jupyterlab.labapp", "jupyterlab_git.handlers", "jupyter_scheduler"} <= set(imported)
    for expensive in ("rfc3987_syntax", "lark", "numpy", "jupyter_lsp", "boto3"):
        assert expensive not in imported
    assert uncompiled == []


async def test_a_workspace_on_a_read_only_root_has_what_people_expect(
    base: Room, hub: FakeHub, home: Path
) -> None:
    async with serving(base, hub, home, CPU_LIMIT="2.0") as (ann, _, _):
        status = Path(f"/proc/{ann.pid}/status").read_text()
        assert re.search(r"CapEff:\s+0{16}\n", status)
        code = """
import os
print(os.getpid(), os.getuid(), os.getcwd())
for directory in ("/", "/usr/local", "/etc", "/home"):
    try:
        open(directory + "/x", "w")
    except OSError as error:
        print(directory, error.strerror)
open("/tmp/x", "w"), open("mine.txt", "w")
"""
        printed = (await execute(ann, code)).splitlines()
        assert printed[0].split()[1:] == [str(USER), "/home/jovyan"]
        assert len(printed) == 5
        assert (home / "mine.txt").exists()
        for page in ("lab", "tree", "lab/api/settings", "git/settings", "api/terminals"):
            assert (await get(ann, page))[0] in (200, 405), page
        terminal = await ann.json("api/terminals", "POST", json={})
        assert terminal["name"] == "1"
        assert (await ann.json("datalab/api/notices"))["notices"] == []
        metrics = await ann.json("api/metrics/v1")
        assert metrics["rss"] > 0
        assert "cpu_percent" in metrics
        assert metrics["limits"]["cpu"] == {"cpu": 2.0}  # and no warning: it counts in percent


async def test_lab_travels_compressed_and_is_kept(base: Room, hub: FakeHub, home: Path) -> None:
    static = base.path / "usr/local/share/jupyter/lab/static"
    largest = max(static.glob("*.js"), key=lambda path: path.stat().st_size)
    async with serving(base, hub, home) as (ann, _, _):
        path = f"static/lab/{largest.name}"
        for encoding in ("br", "gzip"):
            status, headers, body = await get(ann, path, **{"Accept-Encoding": encoding})
            assert status == 200
            assert headers["Content-Encoding"] == encoding
            assert "immutable" in headers["Cache-Control"]
            assert len(body) < largest.stat().st_size / 3


async def test_sigterm_ends_everything_with_status_0(base: Room, hub: FakeHub, home: Path) -> None:
    async with serving(base, hub, home) as (ann, one, process):
        await execute(ann, "import subprocess; subprocess.Popen(['sleep', '1000'])")
        family = one.children(recursive=True)
        assert len(family) >= 3
        one.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        for member in family:
            await gone(member.pid)


async def test_process_1_reaps_what_kernels_leave_behind(
    base: Room, hub: FakeHub, home: Path
) -> None:
    async with serving(base, hub, home) as (ann, one, _):
        code = "import os; os.system('(sleep 0.2 &) ; true'); import time; time.sleep(1)"
        await execute(ann, code)
        states = {child.status() for child in one.children(recursive=True)}
        assert psutil.STATUS_ZOMBIE not in states


def test_the_programs_status_is_the_containers(base: Room, home: Path) -> None:
    entrypoint = base.config["Entrypoint"]
    base.run(*entrypoint, "sh", "-c", "exit 7", home=home, status=7)
    done = base.run(*base.command, home=home, status=1)  # no hub in the environment
    assert "not in the environment: JUPYTERHUB_API_TOKEN, JUPYTERHUB_API_URL" in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_standby_forks_workspaces(base: Room, hub: FakeHub, home: Path) -> None:
    """The home has the same path inside and outside, for the claim and for the socket."""
    path = str(home)
    command = ["python3", "-m", "datalab_workspace.zygote", "--socket", f"{path}/z.sock"]
    arguments = base.arguments(command, home, {"HOME": "/nonexistent"}, {path: path})
    log = home.parent / "zygote.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 120)
        assert json.loads(ready or "{}").get("type") == "ready", log.read_text()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, f"{path}/z.sock")
        ann = await claim(connection, hub, hub.add("ann"), home.parent, home=home)
        assert await ann.answer() == 200, ann.text()
        assert await execute(ann, "print(6 * 7)") == "42\n"
        assert await ann.answer("lab") == 200
    finally:
        process.stdin.close()
        process.stdout.close()
        end(process.pid)
        process.wait()


async def test_what_a_person_installs_survives_a_restart(
    base: Room, hub: FakeHub, home: Path
) -> None:
    """``pip install``, a kernel of one's own: both live in the home."""
    wheel = _wheel(home)
    base.run("pip", "install", "--no-index", f"/home/jovyan/{wheel}", home=home)
    base.run("python3", "-m", "venv", "--system-site-packages", "/home/jovyan/own", home=home)
    install = ["-m", "ipykernel", "install", "--user", "--name", "own"]
    base.run("/home/jovyan/own/bin/python", *install, home=home)
    async with serving(base, hub, home) as (ann, _, _):
        assert await execute(ann, "import mine; print(mine.answer)") == "42\n"
        specs = await ann.json("api/kernelspecs")
        assert set(specs["kernelspecs"]) == {"python3", "own"}


def _wheel(home: Path) -> str:
    """Write a wheel of one module; return its name."""
    name, info = "mine-1-py3-none-any.whl", "mine-1.dist-info"
    files = {
        "mine.py": "answer = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(home / name, "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in files))
    return name
