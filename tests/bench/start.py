"""How long a person waits: plain JupyterHub with SimpleLocalProcessSpawner against Datalab.

Both in one run on one machine, with the same proxy; medians. Prints a table and writes it to
docs/benchmarks.md. ``--rounds`` (default 10) starts of each kind.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from jupyterhub import __version__ as jupyterhub_version
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.report import renew
from hubproc import running_hub, until

TOKEN = "bench-" + os.urandom(16).hex()
AT_ONCE = 8
REPORT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BASE = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "bench", "api_token": os.environ["BENCH_TOKEN"], "admin": True}]
c.JupyterHub.concurrent_spawn_limit = 0
"""
PLAIN = f"""{BASE}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = os.getcwd() + "/homes/{{username}}"
c.Spawner.args = ["--allow-root"]
"""
OURS = f"""{BASE}
from datalab_hub.config import configure
configure(c, data_dir="data")
"""


@dataclass
class Site:
    """A running hub, measured from outside."""

    url: str
    process: psutil.Process

    def __post_init__(self) -> None:
        headers = {"Authorization": f"token {TOKEN}"}
        self.http = httpx.Client(base_url=f"{self.url}/hub/api", headers=headers, timeout=90)

    def start(self, name: str) -> float:
        """Return seconds from the request to the server's first answer through the proxy."""
        self.http.post(f"/users/{name}")
        began = time.perf_counter()
        body = {"profile": "small"}
        assert self.http.post(f"/users/{name}/server", json=body).status_code in (201, 202)
        while True:
            answer = httpx.get(f"{self.url}/user/{name}/api", follow_redirects=False)
            if answer.status_code == 200:
                return time.perf_counter() - began
            assert time.perf_counter() - began < 120, answer
            time.sleep(0.01)

    def stop(self, name: str) -> None:
        self.http.delete(f"/users/{name}/server")
        until(lambda: not self.http.get(f"/users/{name}").json()["servers"], 60)

    def family(self) -> set[psutil.Process]:
        return set(self.process.children(recursive=True))


@contextmanager
def running(config: str) -> Iterator[Site]:
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with running_hub(directory, config, {"BENCH_TOKEN": TOKEN}) as (url, process):
            time.sleep(8)  # the standby warms up, the culler starts
            yield Site(url, process)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measure(site: Site, browser: Callable[[Site, int], dict[str, list[float]]], rounds: int):
    """Return all measurements of one site: lists of seconds, and of MiB."""
    found: dict[str, list[float]] = {"alone": [], "cpu": [], "memory": [], "together": []}
    for _ in range(rounds):
        before = site.family()
        found["alone"].append(site.start("ann"))
        time.sleep(2)  # it settles
        new = site.family() - before
        times = [process.cpu_times() for process in new]
        found["cpu"].append(sum(t.user + t.system for t in times))
        uss = sum(process.memory_full_info().uss for process in new)
        found["memory"].append(uss / 2**20)
        site.stop("ann")
    names = [f"u{number}" for number in range(AT_ONCE)]
    for _ in range(max(1, rounds // 3)):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found["together"].append(max(pool.map(site.start, names)))
        for name in names:
            site.stop(name)
    return found | browser(site, rounds)


def in_browser(site: Site, rounds: int) -> dict[str, list[float]]:
    """Click, wait for the launcher, run a first cell; then open the running workspace again."""
    found: dict[str, list[float]] = {"launcher": [], "cell": [], "open": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in (f"eve{number}" for number in range(rounds)):  # Lab reopens what was open
            page = browser.new_context().new_page()  # with an empty cache
            page.goto(f"{site.url}/hub/login?next=%2Fhub%2Fhome")
            page.fill("input[name=username]", name)
            page.fill("input[name=password]", "anything")
            page.press("input[name=password]", "Enter")
            page.wait_for_url("**/hub/home")
            began = time.perf_counter()
            _click(page, site, name)
            page.wait_for_selector(".jp-Launcher-body", timeout=90_000)
            found["launcher"].append(time.perf_counter() - began)
            page.click('.jp-LauncherCard[data-category="Notebook"]')
            page.wait_for_selector("#jp-main-statusbar >> text=| Idle", timeout=60_000)
            page.locator(".jp-Notebook .jp-mod-active .cm-content").fill("print(6 * 7)")
            page.keyboard.press("Shift+Enter")
            page.wait_for_selector(".jp-OutputArea-output >> text=42", timeout=60_000)
            found["cell"].append(time.perf_counter() - began)
            began = time.perf_counter()
            page.goto(f"{site.url}/user/{name}/lab?reset")
            page.wait_for_selector(".jp-Launcher-body", timeout=90_000)
            found["open"].append(time.perf_counter() - began)
            page.context.close()
            site.stop(name)
        browser.close()
    return found


def _click(page: Page, site: Site, name: str) -> None:
    card = page.locator("#start-small")
    if card.count():
        card.click()
    else:
        page.goto(f"{site.url}/hub/spawn/{name}")  # what plain JupyterHub does after sign-in


ROWS = {
    "alone": ("start → server answers, s", 2),
    "together": (f"{AT_ONCE} starts at once → the last answers, s", 2),
    "cpu": ("CPU of a start, s", 2),
    "memory": ("private memory of an idle server, MiB", 0),
    "launcher": ("click → Lab's launcher, empty cache, s", 2),
    "cell": ("click → first cell's result, s", 2),
    "open": ("open a running workspace → launcher, s", 2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    results = []
    for config in (PLAIN, OURS):
        with running(config) as site:
            results.append(measure(site, in_browser, rounds))
    lines = ["| | plain | Datalab | ratio |", "|---|---|---|---|"]
    for key, (title, digits) in ROWS.items():
        plain, ours = (statistics.median(result[key]) for result in results)
        lines.append(f"| {title} | {plain:.{digits}f} | {ours:.{digits}f} | {plain / ours:.1f}× |")
    table = "\n".join(lines)
    print(table)
    plain_is = f"plain is JupyterHub {jupyterhub_version}"
    together = f"{max(1, rounds // 3)} of {AT_ONCE} at once"
    renew(
        REPORT,
        f"""Medians of {rounds} starts ({together}, {rounds} in headless Chromium); {plain_is}.

{table}

Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores, Python {platform.python_version()}.
""",
    )


if __name__ == "__main__":
    main()
