"""The hub's side of the local standby: one zygote process per environment.

A zygote has imported the server and everything that it needs, and knows nobody. Each connection
to its socket makes it fork; the child says hello and waits for the one claim that makes it a
person's workspace (``datalab_workspace.zygote`` is the other side).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from datalab_workspace import wire

from .processes import ProcessId

_RESTART_DELAYS = (0.2, 1, 5, 30)  # seconds; the last one repeats
_HEALTHY_AFTER = 60  # seconds of life after which the delays start over

# What a zygote needs of the hub's environment. Nothing else: the rest may be secret.
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH")


def clean_environment() -> dict[str, str]:
    """Return an environment for helper processes that holds nothing secret of the hub's own."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


class Standby:
    """Keeps one zygote alive and hands out connections to freshly forked children.

    Args:
        python: the interpreter of the environment to preload.
        socket_path: where the zygote listens; in a private directory.
        log_path: takes what the zygote prints.
        log: for the hub's own log.
    """

    def __init__(self, python: str, socket_path: Path, log_path: Path, log: Any) -> None:
        self.python = python
        self.socket_path = socket_path
        self.log_path = log_path
        self.log = log
        self._ready = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._statuses: dict[int, int] = {}

    @property
    def pid(self) -> int | None:
        """The zygote's process number while it is ready."""
        return self._process.pid if self._process and self._ready.is_set() else None

    def open(self) -> None:
        """Start the zygote and keep it running; returns at once."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """End the zygote. The workspaces that it forked stay."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    async def connect(self, patience: float) -> socket.socket | None:
        """Return a connection to a fresh child, or ``None``: take the cold path then.

        Args:
            patience: seconds to wait for a zygote that is still warming up.
        """
        if self._keeper is None:
            return None
        try:
            await asyncio.wait_for(self._ready.wait(), patience)
        except TimeoutError:
            return None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, str(self.socket_path))
        except OSError as error:
            connection.close()
            self.log.warning("The standby process does not answer (%s); starting cold", error)
            return None
        return connection

    def status(self, pid: int) -> int | None:
        """Return the exit status of an ended child: negative for a signal, ``None`` if unknown."""
        return self._statuses.get(pid)

    async def _keep(self) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                code = await self._run()
            finally:
                self._ready.clear()
            failures = 0 if loop.time() - began > _HEALTHY_AFTER else failures + 1
            delay = _RESTART_DELAYS[min(failures, len(_RESTART_DELAYS)) - 1]
            self.log.error(
                "The standby process ended (status %s); workspaces start cold until it is back, "
                "in about %s seconds. Its output: %s",
                code,
                delay + 3,
                self.log_path,
            )
            await asyncio.sleep(delay)

    async def _run(self) -> int:
        self.socket_path.unlink(missing_ok=True)
        descriptor = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                self.python,
                *("-m", "datalab_workspace.zygote", "--socket", str(self.socket_path)),
                stdin=asyncio.subprocess.PIPE,  # held open: the zygote ends when the hub does
                stdout=asyncio.subprocess.PIPE,
                stderr=descriptor,
                env=clean_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is the hub's business
            )
        finally:
            os.close(descriptor)
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                self._heard(line)
            return await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _heard(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            self.log.warning("The standby process said something unexpected: %r", line[:200])
            return
        if message.get("type") == "ready":
            self.log.info("Standby ready (pid %s)", self._process.pid if self._process else "?")
            self._ready.set()
        elif message.get("type") == "exited":
            self._statuses[message["pid"]] = message["status"]


def spawn_cold(python: str, log_descriptor: int) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a fresh interpreter that waits for a claim on the returned connection.

    The claim holds the hub token, so it is not in the command line nor in the environment.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        process = subprocess.Popen(
            [python, "-m", "datalab_workspace.launch", "--claim-fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log_descriptor,
            stderr=log_descriptor,
            env=clean_environment(),
            start_new_session=True,
        )
    ours.setblocking(False)
    return ours, process


async def read_hello(connection: socket.socket) -> ProcessId:
    """Read a child's hello and return who it is.

    Raises:
        ConnectionError: the child ended first, or speaks another protocol.
    """
    loop, received = asyncio.get_running_loop(), b""
    while not received.endswith(b"\n"):
        chunk = await loop.sock_recv(connection, 4096)
        if not chunk:
            raise ConnectionError("the process ended before it said hello")
        received += chunk
    hello = wire.decode(received)
    if not isinstance(hello, wire.Hello):
        raise ConnectionError(f"expected a hello, got {type(hello).__name__}")
    process = ProcessId.of(hello.pid)
    if process is None:
        raise ConnectionError("the process ended right after its hello")
    return process


async def send_claim(connection: socket.socket, claim: wire.Claim, descriptors: list[int]) -> None:
    """Send the claim and the descriptors that come with it (listening socket, log file)."""
    data = wire.encode(claim)
    sent = socket.send_fds(connection, [data], descriptors)
    if sent < len(data):
        await asyncio.get_running_loop().sock_sendall(connection, data[sent:])


def default_python() -> str:
    """Return the interpreter of the hub's own environment."""
    return sys.executable
