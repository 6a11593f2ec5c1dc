"""A slow platform that can be cut off, break and forget, and a backend on it.

It stands for Kubernetes or SageMaker where a test is about the contract and not about either:
creating takes several calls and some time, the workspace goes on without the hub, a name can be
taken only once, and any call may fail. Workspaces answer real HTTP on loopback. What it may do is
what real platforms do; it never loses a workspace by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from datalab_hub.spawner.backend import Backend, Phase, WorkspaceContext
from datalab_hub.spawner.problems import StartFailed


class CloudError(OSError):
    """The platform was not reached, or refused to answer now."""


@dataclass
class Machine:
    """One workspace on the platform."""

    name: str
    phase: str = "pending"
    server: asyncio.Server | None = None
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])


class FakeCloud:
    """The platform. ``delay`` is the length of each call and of each phase, in seconds."""

    def __init__(self, delay: float = 0.01) -> None:
        self.delay = delay
        self.machines: dict[str, Machine] = {}
        self.secrets: set[str] = set()
        self.reachable = True
        self.broken_image = False
        self.calls: list[str] = []

    async def create_secret(self, name: str) -> None:
        await self._call(f"create_secret {name}")
        self.secrets.add(name)

    async def delete_secret(self, name: str) -> None:
        await self._call(f"delete_secret {name}")
        self.secrets.discard(name)

    async def create(self, name: str) -> None:
        """Create a machine. Like most platforms, it may have worked though nobody hears of it."""
        await self._call(f"create {name}", answer=False)
        if name in self.machines:
            raise FileExistsError(name)
        machine = self.machines[name] = Machine(name)
        machine.task = asyncio.create_task(self._life(machine))
        await asyncio.sleep(self.delay)

    async def describe(self, name: str) -> Machine | None:
        await self._call(f"describe {name}")
        return self.machines.get(name)

    async def delete(self, name: str) -> None:
        await self._call(f"delete {name}")
        machine = self.machines.pop(name, None)
        if machine is not None:
            await self._end(machine)

    async def crash(self, name: str) -> None:
        """The workspace dies by itself."""
        machine = self.machines[name]
        await self._end(machine)
        machine.phase = "failed"
        machine.changed.set()

    async def close(self) -> None:
        for name in list(self.machines):
            await self._end(self.machines.pop(name))

    async def _call(self, what: str, answer: bool = True) -> None:
        self.calls.append(what)
        await asyncio.sleep(self.delay)
        if not self.reachable:
            raise CloudError(f"{what}: no route to the platform")
        if answer:
            await asyncio.sleep(0)

    async def _life(self, machine: Machine) -> None:
        for phase in ("scheduled", "pulling"):
            await asyncio.sleep(self.delay)
            machine.phase = phase
            machine.changed.set()
        await asyncio.sleep(self.delay)
        if self.broken_image:
            machine.phase = "failed"
        else:
            machine.server = await asyncio.start_server(_answer, "127.0.0.1", 0)
            machine.phase = "running"
        machine.changed.set()

    async def _end(self, machine: Machine) -> None:
        if machine.task is not None:
            machine.task.cancel()
            await asyncio.wait([machine.task])
        if machine.server is not None:
            machine.server.close()
            machine.server = None


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    await writer.drain()
    writer.close()


_PHASES = {"pending": Phase.QUEUE, "scheduled": Phase.SCHEDULE, "pulling": Phase.PULL}


class FakeCloudBackend(Backend):
    """A backend as one should be written: the smallest that keeps every promise."""

    platform: FakeCloud

    def __init__(self, platform: FakeCloud, context: WorkspaceContext) -> None:
        super().__init__(platform, context)
        self._begun = False

    async def start(self) -> str:
        self._begun = True
        self.context.save()  # before the first call to the outside
        try:
            await self.platform.create_secret(self.context.key)
            try:
                await self.platform.create(self.context.key)
            except FileExistsError:
                # Ours, from an attempt of which nobody heard: replace it.
                await self.platform.delete(self.context.key)
                await self.platform.create(self.context.key)
            return await self._running()
        except BaseException as error:
            await asyncio.shield(self._remove())
            if isinstance(error, CloudError):
                raise StartFailed(
                    "The platform cannot be reached.", reason="unreachable", hint="Try again."
                ) from error
            raise

    async def resume(self) -> str:
        return await self._running()

    async def poll(self) -> int | None:
        if not self._begun:
            return 0
        try:
            machine = await self.platform.describe(self.context.key)
        except CloudError:
            return None  # not knowing is not "gone"
        if machine is None:
            return 0
        return 1 if machine.phase == "failed" else None

    async def stop(self, now: bool = False) -> None:
        await asyncio.shield(self._remove())

    async def gone(self) -> None:
        while await self.poll() is None:
            machine = self.platform.machines[self.context.key]
            machine.changed.clear()
            await machine.changed.wait()

    def get_state(self) -> dict[str, Any]:
        return {"begun": self._begun}

    def load_state(self, state: dict[str, Any]) -> None:
        self._begun = state.get("begun", False)

    async def _running(self) -> str:
        while True:
            machine = await self.platform.describe(self.context.key)
            if machine is None or machine.phase == "failed":
                raise StartFailed("The image is broken.", reason="image", hint="Choose another.")
            if machine.phase == "running":
                return f"http://127.0.0.1:{machine.port}"
            self.context.report(_PHASES[machine.phase], "Preparing", cause=machine.phase)
            machine.changed.clear()
            await machine.changed.wait()

    async def _remove(self) -> None:
        while True:
            try:
                await self.platform.delete(self.context.key)
                await self.platform.delete_secret(self.context.key)
                return
            except CloudError:
                await asyncio.sleep(self.platform.delay)
