"""The hub's side of a local start: bind, hello, claim, first answer."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from datalab_workspace import wire

from .hub import LOOPBACK, FakeHub, Person

READY_TIMEOUT = 60  # seconds; a busy machine
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass
class Workspace:
    """A server that was claimed.

    Attributes:
        claimed: ``time.perf_counter()`` when the claim was sent.
        answered: the same, when the first HTTP answer was there.
    """

    person: Person
    pid: int
    port: int
    log: Path
    home: Path
    claimed: float
    connection: socket.socket
    answered: float = 0.0

    @property
    def url(self) -> str:
        """Address of the server with its prefix."""
        return f"http://{LOOPBACK}:{self.port}{self.person.prefix}"

    @property
    def headers(self) -> dict[str, str]:
        """What a client of this person's sends."""
        return {"Authorization": f"token {self.person.user_token}"}

    @property
    def process(self) -> psutil.Process:
        """The server's process."""
        return psutil.Process(self.pid)

    def cpu(self) -> float:
        """Return the CPU seconds that the process has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def private_memory(self) -> int:
        """Return private bytes: what this process costs beyond the shared pages."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        sizes = {line.split()[0]: line.split()[1] for line in rollup.splitlines()[1:]}
        return 1024 * (int(sizes["Private_Clean:"]) + int(sizes["Private_Dirty:"]))

    async def answer(self, path: str = "api/status") -> int:
        """Request a page until the server answers; return the status of the answer."""
        timeout = aiohttp.ClientTimeout(total=READY_TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(self.url + path, headers=self.headers, allow_redirects=False) as response,
        ):
            await response.read()
            self.answered = time.perf_counter()
            return response.status

    async def json(self, path: str, method: str = "GET", **kwargs: Any) -> Any:
        """Return the JSON that the server answers; fail on an error status."""
        async with (
            aiohttp.ClientSession(headers=self.headers, raise_for_status=True) as session,
            session.request(method, self.url + path, **kwargs) as response,
        ):
            return await response.json()

    def text(self) -> str:
        """Return what the server printed."""
        return self.log.read_text(errors="replace")

    async def end(self, timeout: float = 15) -> float:
        """Send SIGTERM and return after how many seconds the process was gone."""
        began = time.perf_counter()
        process = self.process
        process.terminate()
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.perf_counter() - began > timeout:
                process.kill()
                raise TimeoutError(f"{process} did not end:\n{self.text()}")
            await asyncio.sleep(0.02)
        self.connection.close()
        return time.perf_counter() - began


class Standby:
    """``with Standby(directory) as standby``: a warm zygote process of one's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket_path = directory / "zygote.sock"
        self.log = directory / "zygote.log"

    def __enter__(self) -> Standby:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "datalab_workspace.zygote"),
                    *("--socket", str(self.socket_path)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=ENVIRONMENT,
            )
        message = self._next()
        assert message == {"version": wire.VERSION, "type": "ready"}, message
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdout is not None
        self.hang_up()
        self.process.wait(60)
        self.process.stdout.close()

    def hang_up(self) -> None:
        """Do what the end of the hub does: close the zygote's standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def heard(self) -> dict[str, Any]:
        """Return the next message on the zygote's standard output."""
        return await asyncio.to_thread(self._next)

    async def connect(self) -> socket.socket:
        """Return a connection to a fresh child."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, str(self.socket_path))
        return connection

    def _next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the zygote ended:\n{self.log.read_text(errors='replace')}"
        message: dict[str, Any] = json.loads(line)
        return message


def start_cold(log: Path) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a fresh interpreter that waits for its claim."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setblocking(False)
    with theirs, log.open("ab") as output:
        descriptor = theirs.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "datalab_workspace.launch", "--claim-fd", str(descriptor)],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=ENVIRONMENT,
            start_new_session=True,
        )
    return ours, process


async def hello(connection: socket.socket) -> wire.Hello:
    """Read the hello of the process at the other end."""
    data = await asyncio.get_running_loop().sock_recv(connection, 4096)
    message = wire.decode(data)
    assert isinstance(message, wire.Hello)
    return message


async def claim(
    connection: socket.socket, hub: FakeHub, person: Person, directory: Path, **changes: Any
) -> Workspace:
    """Make the process at the other end this person's workspace.

    Args:
        directory: gets the home and the log, unless ``home`` is among the changes.
        changes: fields of the claim; ``env`` is added to the ordinary one.
    """
    home = Path(changes.pop("home", directory / f"home-{person.name}"))
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = directory / f"{person.name}.log"
    pid = (await hello(connection)).pid
    with socket.socket() as listener, log.open("ab") as output:
        listener.bind((LOOPBACK, 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        env = hub.environment(person, port, home) | changes.pop("env", {})
        root = ["--allow-root"] if os.geteuid() == 0 and changes.get("uid") is None else []
        fields: dict[str, Any] = {
            "key": person.name,
            "env": env,
            "argv": [*root, *changes.pop("argv", [])],
            "home": str(home),
            "name": f"datalab-workspace {person.name}",
        }
        data = wire.encode(wire.Claim(**(fields | changes)))
        claimed = time.perf_counter()
        sent = socket.send_fds(connection, [data], [listener.fileno(), output.fileno()])
        if sent < len(data):
            await asyncio.get_running_loop().sock_sendall(connection, data[sent:])
    return Workspace(person, pid, port, log, home, claimed, connection)
