"""What runs inside a running pod."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .server import FakeKubernetes


class Container(Protocol):
    """The main container of one pod."""

    async def start(self) -> None:
        """Start it; returns at once, answering HTTP may come later."""

    async def stop(self, grace: float) -> None:
        """End it."""


def main_container(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the specification of the first container."""
    container: dict[str, Any] = pod["spec"]["containers"][0]
    return container


def port_of(pod: dict[str, Any]) -> int:
    """Return the first port of the main container."""
    return int(main_container(pod)["ports"][0]["containerPort"])


def environment_of(cluster: FakeKubernetes, pod: dict[str, Any]) -> dict[str, str]:
    """Return the environment as a kubelet builds it: ``envFrom`` first, then ``env``.

    Raises:
        LookupError: a secret that is named does not exist: ``CreateContainerConfigError``.
    """
    container, namespace = main_container(pod), pod["metadata"]["namespace"]

    def secret(name: str) -> dict[str, str]:
        found = cluster.store.find("secrets", namespace, name)
        if found is None:
            raise LookupError(f'secret "{name}" not found')
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}

    env: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        env.update(secret(source["secretRef"]["name"]))
    for variable in container.get("env") or []:
        if reference := (variable.get("valueFrom") or {}).get("secretKeyRef"):
            env[variable["name"]] = secret(reference["name"])[reference["key"]]
        elif "valueFrom" not in variable:
            env[variable["name"]] = variable.get("value") or ""
    return env


class SmallServer:
    """Answers every request with ``ok``, on the pod's own address and port."""

    def __init__(
        self, cluster: FakeKubernetes, pod: dict[str, Any], ip: str, delay: float = 0.0
    ) -> None:
        self.environment = environment_of(cluster, pod)
        self.ip, self.port, self.delay = ip, port_of(pod), delay
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        self._server = await asyncio.start_server(_answer, self.ip, self.port)

    async def stop(self, grace: float) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # somebody only looked whether the port is open
    finally:
        writer.close()


class RealWorkspace:
    """The workspace image's command as a process of this machine, in a home of its own."""

    def __init__(self, cluster: FakeKubernetes, pod: dict[str, Any], ip: str) -> None:
        self.environment = environment_of(cluster, pod)
        self.ip, self.port = ip, port_of(pod)
        self.arguments = list(main_container(pod).get("args") or [])[1:]
        self.home = tempfile.TemporaryDirectory(prefix="fake-pod-")
        self.log = Path(self.home.name) / "log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        env = {
            **self.environment,
            "HOME": self.home.name,
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            # A container has an address of its own; here all of them share one machine.
            "JUPYTERHUB_SERVICE_URL": self.environment["JUPYTERHUB_SERVICE_URL"].replace(
                "0.0.0.0", self.ip
            ),
        }
        root = ["--allow-root"] if os.geteuid() == 0 else []
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "datalab_workspace.launch", *self.arguments, *root),
                env=env,
                cwd=self.home.name,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def stop(self, grace: float) -> None:
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGTERM if grace else signal.SIGKILL)
            try:
                await asyncio.wait_for(self._process.wait(), grace or 5)
            except TimeoutError:
                os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()
        self.home.cleanup()
