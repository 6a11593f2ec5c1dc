"""500 workspaces that renew their credentials within a minute, against hub and broker.

The hub, its database, the broker and a PostgreSQL server are real; AWS is moto; the workspaces
are on paper (nothing runs in them), but their tokens are real. Prints a table and writes it to
docs/benchmarks-credentials.md. What counts is the CPU of broker and hub: waiting times are those
of the machine, and of whatever else it does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
import credhub
from bench.report import renew as renew_page
from datalab_workspace import wire
from hubproc import until

REPORT = Path(__file__).parents[2] / "docs" / "benchmarks-credentials.md"
GIVES_UP = 2  # seconds after which botocore does
CONFIG = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from fakes.paper import use_paper
use_paper(c, "tokens.txt")
{credhub.CONFIG.replace("sweep_seconds = 0.5", "sweep_seconds = 15")}
"""
KINDS = {
    "maps": "a secret in a file",
    "archive": "S3: STS `AssumeRole`",
    "brief-role": "PostgreSQL: a role of its own",
}


@dataclass
class Round:
    """What one round of renewals took."""

    title: str
    seconds: list[float]
    errors: list[str]
    broker_cpu: float
    hub_cpu: float
    load: float

    def row(self) -> str:
        ordered = sorted(self.seconds)
        p99 = ordered[int(len(ordered) * 0.99) - 1] if ordered else float("nan")
        each = 1000 / max(1, len(ordered))
        return (
            f"| {self.title} | {len(self.errors)} | {statistics.median(ordered) * 1000:.0f} "
            f"| {p99 * 1000:.0f} | {ordered[-1] * 1000:.0f} | {self.broker_cpu:.1f} "
            f"({self.broker_cpu * each:.1f}) | {self.hub_cpu:.1f} ({self.hub_cpu * each:.1f}) "
            f"| {self.load:.1f} |"
        )


async def renew(
    broker: str, tokens: list[str], source: str, within: float
) -> tuple[list[float], list[str]]:
    """Ask once for each workspace, spread over so many seconds; return times and errors."""
    seconds: list[float] = []
    errors: list[str] = []
    body = wire.encode(wire.CredentialRequest(source, "read"))

    async def one(session: aiohttp.ClientSession, token: str) -> None:
        await asyncio.sleep(random.uniform(0, within))
        began = time.perf_counter()
        headers = {"Authorization": f"token {token}", "Connection": "close"}
        try:
            async with session.post(
                f"{broker}/v1/credentials", data=body, headers=headers
            ) as answer:
                text = await answer.text()
                if answer.status != 200:
                    errors.append(f"{answer.status} {text}")
        except (aiohttp.ClientError, TimeoutError) as error:
            errors.append(repr(error))
        seconds.append(time.perf_counter() - began)

    timeout = aiohttp.ClientTimeout(total=30)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)  # each is a program of its own
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        await asyncio.gather(*(one(session, token) for token in tokens))
    return seconds, errors


def cpu(process: psutil.Process) -> float:
    """Return CPU-seconds so far."""
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspaces", type=int, default=500)
    parser.add_argument("--within", type=float, default=60, help="seconds")
    parser.add_argument("--no-report", action="store_true", help="only print")
    arguments = parser.parse_args()
    rounds = []
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="datalab-bench-", ignore_cleanup_errors=True)
        directory = Path(stack.enter_context(scratch))
        site = stack.enter_context(credhub.installation(directory, CONFIG))
        hub = psutil.Process(site.pid)
        broker = until(lambda: _child(hub, "datalab_hub.credentials.service"))
        began = time.perf_counter()
        tokens = start(site, directory, arguments.workspaces)
        print(f"{len(tokens)} workspaces in {time.perf_counter() - began:.0f} s", flush=True)
        within = arguments.within
        for source, title in KINDS.items():
            for span, how in ((within, f"within {within:.0f} s"), (0, "all at once")):
                before = cpu(broker), cpu(hub)
                seconds, errors = asyncio.run(renew(site.broker, tokens, source, span))
                used = cpu(broker) - before[0], cpu(hub) - before[1]
                load = os.getloadavg()[0]
                rounds.append(Round(f"{title}, {how}", seconds, errors, *used, load))
                print(rounds[-1].row(), *sorted(set(errors))[:3], sep="\n", flush=True)
                time.sleep(5)
        if not arguments.no_report:
            renew_page(REPORT, report(rounds, arguments.workspaces))
        family = hub.children(recursive=True)
        for process in (hub, *family):  # it would stop each workspace, for minutes
            with suppress(psutil.NoSuchProcess):
                process.kill()


def start(site: credhub.Site, directory: Path, count: int) -> list[str]:
    """Start workspaces; return their tokens."""
    names = [f"person-{number}" for number in range(count)]
    site.admin.post("/hub/api/users", json={"usernames": names}).raise_for_status()

    def ask(name: str) -> None:
        # Whether it worked is looked at afterwards.
        site.admin.post(f"/hub/api/users/{name}/server", json={"profile": "small"})

    while missing := [name for name, ready in _ready(site).items() if not ready]:
        # On a busy machine the proxy drops a connection now and then, and that start fails.
        until(lambda: not _pending(site), 300)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, missing))
    lines = (directory / "tokens.txt").read_text().splitlines()
    return list(dict(line.split() for line in lines).values())  # the last of each


def _ready(site: credhub.Site) -> dict[str, bool]:
    """Return person → whether their workspace runs."""
    found: dict[str, bool] = {}
    while True:
        page = site.admin.get("/hub/api/users", params={"offset": len(found), "limit": 100}).json()
        found |= {person["name"]: bool(person["server"]) for person in page}
        if len(page) < 100:
            return found


def _pending(site: credhub.Site) -> bool:
    """Return whether a workspace is starting or stopping."""
    pages = (
        site.admin.get("/hub/api/users", params={"offset": offset, "limit": 100}).json()
        for offset in range(0, 10_000, 100)
    )
    for page in pages:
        if any(person["pending"] for person in page):
            return True
        if len(page) < 100:
            break
    return False


def _child(hub: psutil.Process, name: str) -> psutil.Process | None:
    return next((child for child in hub.children() if name in child.cmdline()), None)


def report(rounds: list[Round], count: int) -> str:
    """Return what goes between the page's marks."""
    rows = "\n".join(one.row() for one in rounds)
    return f"""{count} workspaces.

| | errors | median, ms | p99, ms | worst, ms | broker CPU, s (ms each) | hub CPU, s (each) | load |
|---|---|---|---|---|---|---|---|
{rows}

Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores at nice {os.nice(0)}.
"""


if __name__ == "__main__":
    main()
