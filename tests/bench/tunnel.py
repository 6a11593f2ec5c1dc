"""The tunnel against the direct way, on loopback: throughput and round trips.

    python tests/bench/tunnel.py [--rounds 9] [--mib 256] [--write docs/benchmarks-tunnel.md]

Both ways are measured in turns in one run, each through a proxy of its own, with one workspace's
real server behind both: what a person sees. Gateway, workspace's end of the tunnel, proxies,
server and this program are processes of their own on the machine's cores, so a busy or small
machine is the tunnel's worst case: it has two processes more.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import renew
from datalab_hub.proxy import proxy_command
from datalab_workspace import wire
from fakes.claimant import Standby, Workspace, claim
from fakes.hub import FakeHub
from fakes.ports import free_port
from hubproc import until

_JOB, _SECRET = "dl-bench", "s" * 43
_ROUND_TRIPS = 300
_MIB = 1 << 20


class Hub:
    """The one question that the gateway asks."""

    def __init__(self, prefix: str) -> None:
        self.grant = wire.TunnelGrant(free_port(), prefix)

    async def open(self) -> int:
        """Serve; return the port."""
        application = web.Application()
        application.router.add_post("/hub/datalab/tunnel", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(body=wire.encode(self.grant))


@contextmanager
def ended(command: list[str], feed: bytes = b"", **environment: str) -> Iterator[None]:
    """Run a process while something is measured."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(feed)
    process.stdin.flush()
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def proxy(target: str, prefix: str) -> Iterator[str]:
    """Run configurable-http-proxy with one route; yields its address."""
    port, api = free_port(), free_port()
    options = ["--ip", "127.0.0.1", "--port", str(port), "--api-port", str(api)]
    with ended([*proxy_command(), *options, "--log-level", "error"], CONFIGPROXY_AUTH_TOKEN="t"):
        route = f"http://127.0.0.1:{api}/api/routes{prefix.rstrip('/')}"

        def add() -> bool:
            try:
                headers = {"Authorization": "token t"}
                reply = httpx.post(route, json={"target": target}, headers=headers)
            except httpx.TransportError:
                return False
            return reply.status_code == 201

        until(add)
        yield f"http://127.0.0.1:{port}{prefix}"


def download(url: str, headers: dict[str, str]) -> float:
    """Fetch a file and return MiB/s; cheaply, so that this program is not what is measured."""
    parts = urlsplit(url)
    lines = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    buffer, size = bytearray(4 * _MIB), 0
    began = time.perf_counter()
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while count := connection.recv_into(buffer):
            if not size:
                assert buffer.startswith(b"HTTP/1.1 200"), bytes(buffer[:200])
            size += count
    return size / _MIB / (time.perf_counter() - began)


async def requests(url: str, headers: dict[str, str]) -> float:
    """Return the median milliseconds of a small request."""
    times = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(_ROUND_TRIPS):
            began = time.perf_counter()
            async with session.get(f"{url}api") as reply:
                await reply.read()
                assert reply.status == 200
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


async def messages(url: str, headers: dict[str, str], kernel: str) -> float:
    """Return the median milliseconds from a message to a kernel to its reply."""
    times = []
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{url}api/kernels/{kernel}/channels") as channel,
    ):
        for _ in range(_ROUND_TRIPS // 3):
            id = uuid.uuid4().hex
            began = time.perf_counter()
            await channel.send_json(_kernel_info(id))
            async for raw in channel:
                message = raw.json()
                mine = message["parent_header"].get("msg_id") == id
                if mine and message["msg_type"] == "kernel_info_reply":
                    break
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _kernel_info(id: str) -> dict[str, object]:
    header = {
        "msg_id": id, "msg_type": "kernel_info_request", "username": "", "session": "bench",
        "date": datetime.now(UTC).isoformat(), "version": "5.3",
    }  # fmt: skip
    return {
        "header": header, "parent_header": {}, "metadata": {}, "content": {},
        "channel": "shell", "buffers": [],
    }  # fmt: skip


async def in_turns(
    ways: dict[str, str], rounds: int, measure: Callable[[str], Awaitable[float]]
) -> dict[str, float]:
    """Return the median of each way; measured alternately, since machines change their mind."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for url in ways.values():
        await measure(url)  # warm
    for _ in range(rounds):
        for name, url in ways.items():
            found[name].append(await measure(url))
    return {name: statistics.median(values) for name, values in found.items()}


async def compare(workspace: Workspace, rounds: int, mib: int) -> dict[str, dict[str, float]]:
    """Measure both ways to a workspace."""
    prefix, headers = workspace.person.prefix, workspace.headers
    (workspace.home / "big.bin").write_bytes(os.urandom(mib * _MIB))
    kernel = (await workspace.json("api/kernels", "POST", json={}))["id"]
    hub = Hub(prefix)
    hub_port, gateway_port = await hub.open(), free_port()
    way = (
        f'{{"url": "ws://127.0.0.1:{gateway_port}/", "job": "{_JOB}", "secret": "{_SECRET}", '
        f'"port": {workspace.port}}}\n'
    )
    with ExitStack() as stack:
        stack.enter_context(
            ended(
                [*(sys.executable, "-m", "datalab_hub.cli", "gateway"),
                 *("--listen", f"127.0.0.1:{gateway_port}")],
                JUPYTERHUB_API_URL=f"http://127.0.0.1:{hub_port}/hub/api",
                JUPYTERHUB_API_TOKEN="t",
            )
        )  # fmt: skip
        client = [sys.executable, "-m", "datalab_workspace.tunnel.client", str(os.getpid())]
        stack.enter_context(ended(client, way.encode()))

        def up() -> bool:
            try:
                health = httpx.get(f"http://127.0.0.1:{gateway_port}/health")
            except httpx.TransportError:
                return False
            return bool(health.json()["tunnels"] == 1)

        await asyncio.to_thread(until, up)
        ways = {
            name: await asyncio.to_thread(stack.enter_context, proxy(target, prefix))
            for name, target in {
                "direct": f"http://127.0.0.1:{workspace.port}",
                "tunnel": f"http://127.0.0.1:{hub.grant.port}",
            }.items()
        }
        found = {
            "download": await in_turns(
                ways,
                rounds,
                lambda url: asyncio.to_thread(download, f"{url}files/big.bin", headers),
            ),
            "request": await in_turns(ways, 5, lambda url: requests(url, headers)),
            "message": await in_turns(ways, 5, lambda url: messages(url, headers, kernel)),
        }
    await hub.close()
    return found


def table(found: dict[str, dict[str, float]], rounds: int, mib: int) -> str:
    """Return what was measured, for the page of the documentation."""
    fast = found["download"]
    ratio = fast["tunnel"] / fast["direct"]
    lines = [
        f"Medians of {rounds} downloads of {mib} MiB and of {5 * _ROUND_TRIPS} requests.",
        "",
        "| | direct | tunnel | |",
        "|---|---|---|---|",
        f"| download, MiB/s | {fast['direct']:.0f} | {fast['tunnel']:.0f} | {ratio:.0%} |",
    ]
    titles = {"request": "a small request, ms", "message": "a message to a kernel and back, ms"}
    for name, title in titles.items():
        direct, tunnel = found[name]["direct"], found[name]["tunnel"]
        lines.append(f"| {title} | {direct:.2f} | {tunnel:.2f} | {tunnel - direct:+.2f} ms |")
    lines += [
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; load average {os.getloadavg()[0]:.0f}.",
    ]
    return "\n".join(lines) + "\n"


async def _main(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as scratch, Standby(Path(scratch)) as standby:
        async with FakeHub() as hub:
            connection = await standby.connect()
            workspace = await claim(connection, hub, hub.add("ann"), Path(scratch))
            await workspace.answer()
            try:
                found = await compare(workspace, arguments.rounds, arguments.mib)
            finally:
                await workspace.end(60)
    text = table(found, arguments.rounds, arguments.mib)
    print(text)
    if arguments.write:
        renew(arguments.write, text)
    enough = found["download"]["tunnel"] >= 0.6 * found["download"]["direct"]
    quick = all(
        found[name]["tunnel"] - found[name]["direct"] <= 5 for name in ("request", "message")
    )
    return 0 if enough and quick else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--write", type=Path)
    sys.exit(asyncio.run(_main(parser.parse_args())))
