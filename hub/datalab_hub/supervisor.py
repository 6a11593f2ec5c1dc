"""``datalab up``: runs the hub, says what a person at the terminal has to know, ends everything."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import psutil

from . import demo_data, demo_sagemaker
from .catalog import load_catalog
from .errors import DatalabError
from .instance import (
    CATALOG,
    DATA_DIR,
    KEEP_WORKSPACES,
    OWNER,
    PORT,
    STATUS_FD,
    private_directory,
)
from .ports import LOOPBACK
from .proxy import proxy_command
from .signin import links
from .signin.uids import multi_person_obstacle

_STOP_SECONDS = 25
_RESTARTS, _RESTART_WINDOW = 3, 60  # this many within so many seconds, then give up
_LOG_TAIL = 15  # lines
_LOG_BYTES = 5_000_000


def owner_name() -> str:
    """Return the name of the person who starts Datalab."""
    return getpass.getuser().lower()


class Supervisor:
    """One hub, its status messages and its end.

    Args:
        data_dir: see ``datalab up --help``.
        catalog: the operator's file, or ``None``.
        keep_workspaces: leave workspaces running at the end.
        demo: add data sources to try, with stand-ins beside the hub.
        demo_sagemaker: run a stand-in for AWS beside the hub.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        catalog: Path | None,
        *,
        keep_workspaces: bool = False,
        demo: bool = False,
        demo_sagemaker: bool = False,
        say: Callable[[str], None] = print,
    ) -> None:
        self.data_dir = data_dir
        self.port = port
        self.catalog = catalog
        self.demo = demo
        self.demo_sagemaker = demo_sagemaker
        self.extra_environment: dict[str, str] = {}
        self.keep_workspaces = keep_workspaces
        self.say = say
        self._stopping = False
        self._hub: asyncio.subprocess.Process | None = None
        self._deaths: list[float] = []
        self._told = False

    @property
    def log_path(self) -> Path:
        """The hub's log."""
        return self.data_dir / "logs" / "hub.log"

    def run(self) -> int:
        """Run until Ctrl-C, or until the hub cannot be kept running; return the exit status.

        Raises:
            DatalabError: something that the person has to change first.
        """
        load_catalog(self.catalog)
        proxy_command()
        private_directory(self.data_dir, traversable=True)
        run_directory = private_directory(self.data_dir / "run")
        private_directory(self.log_path.parent)
        with _only_one(run_directory / "lock") as free:
            if not free:
                return self._already_running(run_directory)
            check_port(self.port)
            (run_directory / "port").write_text(str(self.port))
            with contextlib.ExitStack() as stack:
                if self.demo:
                    sources = demo_data.running(self.data_dir, self.catalog, self.say)
                    self.catalog, self.extra_environment = stack.enter_context(sources)
                elif self.demo_sagemaker:
                    self.catalog = self.catalog or demo_sagemaker.CATALOG
                    jobs = demo_sagemaker.running(self.data_dir)
                    self.extra_environment = stack.enter_context(jobs)
                return asyncio.run(self._run())

    def _already_running(self, run_directory: Path) -> int:
        port = int((run_directory / "port").read_text())
        self.say(f"Datalab is running already with {self.data_dir}. Open:\n\n  {self.link(port)}\n")
        return 0

    def link(self, port: int | None = None) -> str:
        """Return a fresh link that signs in the person who started Datalab, once."""
        return sign_in_link(self.data_dir, port or self.port)

    # -- the hub ----------------------------------------------------------------------------

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop)
        try:
            while True:
                status = await self._run_hub()
                if self._stopping:
                    self.say("Datalab has stopped.")
                    return 0
                if not self._may_restart():
                    self.say(f"The hub ended with status {status}. {self._explain()}")
                    return 1
                self.say(
                    f"The hub ended unexpectedly (status {status}); starting it again. "
                    f"Running workspaces go on. Log: {self.log_path}"
                )
        finally:
            self._end_proxy()

    async def _run_hub(self) -> int:
        ours, theirs = os.pipe()
        self._rotate_log()
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._hub = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "jupyterhub", "-f", str(Path(__file__).with_name("local_config.py"))),
                stdin=subprocess.PIPE,  # the hub ends when this is closed, however that happens
                stdout=log,
                stderr=log,
                pass_fds=[theirs],
                env=self._environment(theirs),
                cwd=self.data_dir,
                start_new_session=True,  # Ctrl-C comes to us alone; we tell the hub
            )
        finally:
            os.close(theirs)
            os.close(log)
        listener = asyncio.create_task(self._listen(ours))
        try:
            return await self._hub.wait()
        finally:
            listener.cancel()

    def _environment(self, status_fd: int) -> dict[str, str]:
        env = {
            **os.environ,
            DATA_DIR: str(self.data_dir),
            PORT: str(self.port),
            OWNER: owner_name(),
            STATUS_FD: str(status_fd),
            **self.extra_environment,
        }
        env.pop(CATALOG, None)
        env.pop(KEEP_WORKSPACES, None)
        if self.catalog is not None:
            env[CATALOG] = str(self.catalog.resolve())
        if self.keep_workspaces:
            env[KEEP_WORKSPACES] = "1"
        return env

    async def _listen(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        pipe = os.fdopen(descriptor, "rb")
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        async for line in reader:
            message = json.loads(line)
            if message["event"] == "ready":
                self._say_ready()
            elif message["event"] == "proxy_restarted":
                self.say(
                    f"The proxy ended (status {message['status']}) and is started again; "
                    "open pages reconnect by themselves."
                )

    def _say_ready(self) -> None:
        if self._told:
            self.say("The hub is back.")
            return
        self._told = True
        lines = ["", "Datalab is ready. Open this link to sign in (it works once, for 10 minutes):"]
        lines += ["", f"  {self.link()}", ""]
        obstacle = multi_person_obstacle(self.data_dir)
        lines.append(
            obstacle
            if obstacle
            else "Further people: `datalab user add NAME` prints a password for each."
        )
        lines.append(
            "Ctrl-C stops Datalab"
            + (", workspaces go on." if self.keep_workspaces else " and all workspaces.")
        )
        self.say("\n".join(lines))

    # -- the end ----------------------------------------------------------------------------

    def _stop(self) -> None:
        if self._hub is None or self._hub.returncode is not None:
            self._stopping = True
            return
        if self._stopping:
            self._hub.kill()  # asked twice
            return
        self._stopping = True
        self.say("\nStopping Datalab…")
        self._hub.terminate()
        asyncio.get_running_loop().call_later(_STOP_SECONDS, self._kill_hub)

    def _kill_hub(self) -> None:
        if self._hub is not None and self._hub.returncode is None:
            self.say(f"The hub has not stopped within {_STOP_SECONDS} seconds; killing it.")
            self._hub.kill()

    def _end_proxy(self) -> None:
        """End a proxy that a killed hub left behind."""
        path = self.data_dir / "run" / "proxy.pid"
        with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
            process = psutil.Process(int(path.read_text()))
            if any("configurable-http-proxy" in part for part in process.cmdline()):
                process.kill()
            path.unlink()

    def _may_restart(self) -> bool:
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < _RESTART_WINDOW] + [now]
        # A hub that never came up will not do so the next time either.
        return self._told and len(self._deaths) <= _RESTARTS

    def _explain(self) -> str:
        try:
            lines = self.log_path.read_text(errors="replace").splitlines()[-_LOG_TAIL:]
        except OSError:
            lines = []
        tail = "\n".join(f"  {line}" for line in lines)
        return f"The end of {self.log_path}:\n{tail}"

    def _rotate_log(self) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))


def sign_in_link(data_dir: Path, port: int) -> str:
    """Return a one-time link for the person who started Datalab."""
    code = links.mint(data_dir / "run" / "links", owner_name())
    return f"http://{LOOPBACK}:{port}/hub/datalab/signin#{code}"


def check_port(port: int) -> None:
    """Make sure that a port can be had.

    Raises:
        DatalabError: it cannot; names who has it, where the system tells.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            return
        except PermissionError:
            raise DatalabError(
                f"Port {port} needs privileges on this system. "
                "Choose one above 1023: datalab up --port 8000."
            ) from None
        except OSError:
            pass
    raise DatalabError(
        f"Port {port} is in use{_who_listens(port)}. Stop that program, or choose another port: "
        f"datalab up --port {port + 1} (make run PORT={port + 1})."
    )


def _who_listens(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            taken = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if taken and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


@contextlib.contextmanager
def _only_one(path: Path):  # type: ignore[no-untyped-def]  # a generator of bool
    """Hold a lock while Datalab runs; yields whether it was free."""
    file: TextIO
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
