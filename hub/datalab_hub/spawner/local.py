"""Workspaces as processes on the hub's own machine: the default, and the fastest.

The order of a start makes a crash at any instant harmless:

1. The hub binds the listening socket itself: no race for a port, and connections queue in the
   backlog until the server runs, so that readiness is one HTTP request instead of polling.
2. A process that knows nothing says hello (forked from the standby, or started cold).
3. Its identity is written down, in the records and in the hub's database.
4. Only now it is told who it is for. If the hub dies before this, the process reads end-of-file
   and ends; if it dies after this, the next hub finds the process and adopts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from datalab_workspace import wire
from datalab_workspace.grace import STOP_GRACE
from traitlets import Bool, Float, Unicode, default

from ..errors import DatalabError
from .backend import Backend, Phase, Platform, Resource, WorkspaceContext
from .names import path_name
from .problems import StartFailed
from .processes import (
    INSTANCE_VARIABLE,
    KEY_VARIABLE,
    ProcessId,
    end,
    key_of,
    kill,
    marked,
)
from .records import Record, Records
from .standby import Standby, default_python, read_hello, send_claim, spawn_cold

if TYPE_CHECKING:
    from ..signin.uids import UidTable
    from ..site import Site

_LOOPBACK = "127.0.0.1"
_STANDBY_TIMEOUT = 2  # seconds; a fork takes a hundredth of one
_HELLO_TIMEOUT = 20  # seconds; a cold interpreter on a busy machine
_LOG_TAIL = 12  # lines shown to the operator after a crash
_BACKLOG = 128
_LONGEST_SOCKET_PATH = 100  # sockaddr_un has room for 108 bytes, on some systems for 104


class LocalBackend(Backend):
    """One workspace as one process (and its kernels)."""

    platform: LocalPlatform

    def __init__(self, platform: LocalPlatform, context: WorkspaceContext) -> None:
        super().__init__(platform, context)
        self._process: ProcessId | None = None
        self._port: int | None = None
        self._cold: subprocess.Popen[bytes] | None = None  # our child, to be reaped by us

    async def start(self) -> str:
        """Start the process; see the module's docstring for the order."""
        context, platform = self.context, self.platform
        await self._remove_leftovers()
        try:
            home = platform.prepare_home(context.user)
            with contextlib.ExitStack() as stack:
                listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((_LOOPBACK, 0))
                listener.listen(_BACKLOG)
                log_descriptor = platform.open_log(context.key)
                stack.callback(os.close, log_descriptor)
                self._port = listener.getsockname()[1]
                context.bind(_LOOPBACK, self._port)

                context.report(Phase.BOOT, "Starting the server")
                connection, process = await self._newborn(log_descriptor)
                stack.enter_context(connection)
                self._admit(process)
                claim = wire.Claim(
                    key=context.key,
                    name=f"datalab-workspace {context.key}",
                    env=self._environment(home),
                    argv=[*context.arguments(), *platform.server_arguments()],
                    home=str(home),
                    limits=wire.Limits(
                        memory=context.profile.resources.memory,
                        cpus=context.profile.resources.cpu,
                    ),
                    **platform.identity(context.user),
                )
                await send_claim(connection, claim, [listener.fileno(), log_descriptor])
            return await self._answering()
        except BaseException as error:
            await self._clean_up()
            if isinstance(error, OSError | TimeoutError):
                raise StartFailed(
                    "Your workspace's process could not be started on this machine.",
                    reason="process",
                    hint="Try again; the log of Datalab says more.",
                    detail=f"{error!r}; workspace log: {platform.log_path(context.key)}",
                ) from error
            raise

    async def resume(self) -> str:
        """Wait for the process that an earlier hub started to answer."""
        return await self._answering()

    async def poll(self) -> int | None:
        """Return ``None`` while the process lives; on one machine there is no not-knowing."""
        if self._cold is not None:
            self._cold.poll()  # reap: a zombie of ours would look like a living process to others
        if self._process is None:
            return 0
        if self._process.process() is not None:
            return None
        status = self._cold.returncode if self._cold else self._standby_status()
        return status if status is not None else 0

    async def stop(self, now: bool = False) -> None:
        """End the server gracefully, then whatever it started."""
        # Shielded: a cancelled stop must not leave half of the processes behind.
        await asyncio.shield(self._end(grace=0 if now else self.platform.stop_timeout))

    async def gone(self) -> None:
        """Return when the process has ended."""
        if self._process is None:
            return
        await self._process.wait()

    def get_state(self) -> dict[str, Any]:
        """Return the process's identity and port."""
        if self._process is None:
            return {}
        return {
            "pid": self._process.pid,
            "created": self._process.created,
            "port": self._port,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the process of an earlier hub."""
        if "pid" in state:
            self._process = ProcessId(state["pid"], state["created"])
            self._port = state["port"]

    # -- internal ---------------------------------------------------------------------------

    async def _newborn(self, log_descriptor: int) -> tuple[socket.socket, ProcessId]:
        """Return a process that waits to be told who it is for, and the connection to it.

        From the standby if that answers soon, else a fresh interpreter.
        """
        python = self.platform.python_of(self.context)
        connection = await self.platform.standby(python)
        if connection is not None:
            try:
                return connection, await asyncio.wait_for(read_hello(connection), _STANDBY_TIMEOUT)
            except (OSError, TimeoutError) as error:
                connection.close()  # a child that comes late reads end-of-file, and ends
                self.platform.log.warning("The standby did not answer (%r); starting cold", error)
            except BaseException:
                connection.close()
                raise
        connection, self._cold = spawn_cold(python, log_descriptor)
        try:
            return connection, await asyncio.wait_for(read_hello(connection), _HELLO_TIMEOUT)
        except BaseException:
            connection.close()
            raise

    def _admit(self, process: ProcessId) -> None:
        """Write down who this process will be, before it is told."""
        context = self.context
        self._process = process
        self.platform.records.write(
            Record(context.key, context.user, context.server, process.pid, process.created)
        )
        context.save()

    def _environment(self, home: Path) -> dict[str, str]:
        env = {
            **self.context.environment(),
            "HOME": str(home),
            "USER": self.context.user,
            "LOGNAME": self.context.user,
            "SHELL": os.environ.get("SHELL", "/bin/bash"),
            KEY_VARIABLE: self.context.key,
            INSTANCE_VARIABLE: self.platform.site.instance,
            STOP_GRACE: str(self.platform.stop_timeout),
        }
        python = Path(self.platform.python_of(self.context))
        env["PATH"] = f"{python.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
        return env

    async def _answering(self) -> str:
        """Return the URL once the server answers HTTP.

        Raises:
            StartFailed: the process ended instead.
        """
        url = f"http://{_LOOPBACK}:{self._port}"
        answer = asyncio.create_task(self.platform.first_answer(url))
        end_of_process = asyncio.create_task(self.gone())
        try:
            await asyncio.wait({answer, end_of_process}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
                return url
        finally:
            answer.cancel()
            end_of_process.cancel()
        status = await self.poll()
        raise StartFailed(
            f"Your workspace's server ended while it was starting (status {status}).",
            reason="crashed",
            hint="Try again. If it happens again, show your operator the workspace's log.",
            detail=f"Last lines of {self.platform.log_path(self.context.key)}:\n"
            + self.platform.log_tail(self.context.key),
        )

    def _standby_status(self) -> int | None:
        assert self._process is not None
        return self.platform.exit_status(self._process.pid)

    async def _remove_leftovers(self) -> None:
        """End what an earlier run of this very workspace may have left."""
        record = self.platform.records.read(self.context.key)
        if record is not None:
            await self.platform.remove_workspace(record)

    async def _clean_up(self) -> None:
        await asyncio.shield(self._end(grace=0))

    async def _end(self, grace: float) -> None:
        key, platform = self.context.key, self.platform
        process = self._process
        if process is None and self._cold is not None:
            process = ProcessId.of(self._cold.pid)
        if process is not None:
            await end(process, grace=grace)
        await kill(marked(platform.site.instance, key))
        if self._cold is not None:
            self._cold.poll()
        platform.records.remove(key)


class LocalPlatform(Platform):
    """The local machine: standby processes, homes, logs and uids."""

    backend_class = LocalBackend

    use_standby = Bool(
        True, help="Fork workspaces from a preloaded process instead of starting each cold."
    ).tag(config=True)
    standby_patience = Float(
        3.0, help="Seconds a start waits for a standby that is still warming up."
    ).tag(config=True)
    stop_timeout = Float(
        8.0,
        help="Seconds that a server gets, for open pages to save and kernels to end, before "
        "everything is killed.",
    ).tag(config=True)
    python = Unicode(help="Interpreter of the environment that workspaces run in.").tag(config=True)

    @default("python")
    def _default_python(self) -> str:
        return default_python()

    def __init__(self, site: Site, **kwargs: Any) -> None:
        super().__init__(site, **kwargs)
        data = site.data_dir
        self.records = Records(data / "run" / "workspaces")
        self.homes = data / "homes"
        self.logs = data / "logs" / "workspaces"
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._standbys: dict[str, Standby] = {}
        self._short: tempfile.TemporaryDirectory[str] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._uids: UidTable | None = None

    async def open(self) -> None:
        """Warm a standby for each environment that the catalog's local profiles name."""
        pythons = {
            self._profile_python(profile)
            for profile in self.site.catalog.profiles
            if profile.backend == "local"
        }
        for python in pythons if self.use_standby else ():
            self._open_standby(python)

    async def close(self) -> None:
        """End the standbys."""
        for standby in self._standbys.values():
            await standby.close()
        self._standbys.clear()
        if self._short is not None:
            self._short.cleanup()
            self._short = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- for the backends -------------------------------------------------------------------

    def python_of(self, context: WorkspaceContext) -> str:
        """Return the interpreter of the profile's environment."""
        return self._profile_python(context.profile)

    async def standby(self, python: str) -> socket.socket | None:
        """Return a connection to a fresh standby child, ``None`` for the cold path."""
        if not self.use_standby:
            return None
        return await self._open_standby(python).connect(self.standby_patience)

    def exit_status(self, pid: int) -> int | None:
        """Return how a standby child ended, if a living standby knows."""
        known = (standby.status(pid) for standby in self._standbys.values())
        return next((status for status in known if status is not None), None)

    async def first_answer(self, url: str) -> None:
        """Return when the server behind ``url`` has answered any HTTP request.

        The connection waits in the listening socket's backlog, so one request is enough. The
        only retry is for a server that was still closing its inherited copy of the socket.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        while True:
            try:
                async with self._session.get(url, allow_redirects=False):
                    return
            except aiohttp.ClientError as error:
                self.log.debug("No answer yet from %s: %r", url, error)
                await asyncio.sleep(0.05)

    def identity(self, user: str) -> dict[str, int | None]:
        """Return ``uid`` and ``gid`` for a person's processes; ``None``: the hub's own."""
        if self._uids is None:
            return {"uid": None, "gid": None}
        uid = self._uids.uid(user)
        return {"uid": uid, "gid": uid}

    def give_each_person_a_uid(self, uids: UidTable) -> None:
        """Run everybody's processes under a uid of their own from now on (needs root)."""
        self._uids = uids
        self.homes.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.homes.chmod(0o711)

    def server_arguments(self) -> list[str]:
        """Return arguments that depend on the machine: a server run by root must be told so."""
        as_root = os.geteuid() == 0 and self._uids is None
        return ["--allow-root"] if as_root else []

    def prepare_home(self, user: str) -> Path:
        """Return the person's home, created and owned by them.

        Raises:
            StartFailed: it cannot be created, with the path and the reason.
        """
        home = self.home(user)
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (uid := self.identity(user)["uid"]) is not None and home.stat().st_uid != uid:
                os.chown(home, uid, uid)
        except OSError as error:
            raise StartFailed(
                "Your home directory could not be prepared.",
                reason="home",
                hint="Tell the person who runs Datalab.",
                detail=f"{home}: {error.strerror}",
            ) from error
        return home

    def home(self, user: str) -> Path:
        """Return where a person's home is."""
        return self.homes / path_name(user)

    def log_path(self, key: str) -> Path:
        """Return the file that takes what a workspace prints."""
        return self.logs / f"{key}.log"

    def open_log(self, key: str) -> int:
        """Open a fresh log for a start and keep the one before it as ``.1``."""
        path = self.log_path(key)
        if path.exists():
            path.replace(path.with_suffix(".log.1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def log_tail(self, key: str) -> str:
        """Return the last lines of a workspace's log."""
        try:
            lines = self.log_path(key).read_text(errors="replace").splitlines()
        except OSError as error:
            return f"(no log: {error.strerror})"
        return "\n".join(lines[-_LOG_TAIL:])

    # -- for the reconciler -----------------------------------------------------------------

    async def resources(self) -> list[Resource]:
        """List recorded processes that live, and marked ones (kernels) that outlived theirs."""
        found: dict[str, Resource] = {}
        for record in self.records:
            if record.process.process() is None:
                self.records.remove(record.key)
            else:
                found[record.key] = Resource(record.key, "process", str(record.pid))
        for process in marked(self.site.instance):
            key = key_of(process)
            if key and key not in found:
                found[key] = Resource(key, "process", str(process.pid))
        return list(found.values())

    async def remove(self, resource: Resource) -> None:
        """End all processes of a workspace that nobody owns."""
        record = self.records.read(resource.key)
        if record is not None:
            await self.remove_workspace(record)
        await kill(marked(self.site.instance, resource.key))

    async def remove_workspace(self, record: Record) -> None:
        """End a recorded process with everything below it and drop the record."""
        await end(record.process, grace=self.stop_timeout)
        await kill(marked(self.site.instance, record.key))
        self.records.remove(record.key)

    # -- internal ---------------------------------------------------------------------------

    def _profile_python(self, profile: Any) -> str:
        prefix = getattr(profile.local, "environment", None) if profile.local else None
        if prefix is None:
            return self.python
        python = Path(prefix).expanduser() / "bin" / "python"
        if not python.exists():
            raise DatalabError(
                f"Profile {profile.name!r}: local.environment is {prefix}, but there is no "
                f"{python}. Create the environment, or leave the key out."
            )
        return str(python)

    def _open_standby(self, python: str) -> Standby:
        if python not in self._standbys:
            run = self.site.data_dir / "run"
            run.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = len(self._standbys)
            socket_path = run / f"standby-{number}.sock"
            if len(str(socket_path)) > _LONGEST_SOCKET_PATH:
                self._short = self._short or tempfile.TemporaryDirectory(prefix="datalab-")
                socket_path = Path(self._short.name) / socket_path.name
            self._standbys[python] = Standby(
                python,
                socket_path=socket_path,
                log_path=self.site.data_dir / "logs" / f"standby-{number}.log",
                log=self.log,
            )
            self._standbys[python].open()
        return self._standbys[python]
