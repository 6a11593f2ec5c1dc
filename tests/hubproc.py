"""A real Datalab in a process of its own, and a person with a browser's manners (cookies, XSRF)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from fakes.ports import free_port

READY_SECONDS = 150  # a machine that does much else


def datalab(*arguments: object, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run a ``datalab`` command to its end."""
    command = [python, "-m", "datalab_hub.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Return what a condition returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} seconds: {condition}"
        time.sleep(0.05)


def _named(processes: list[psutil.Process], name: str) -> psutil.Process | None:
    for process in processes:
        try:
            if name in " ".join(process.cmdline()):
                return process
        except psutil.Error:  # ended, or a zombie
            continue
    return None


HUB = """
import os
from datalab_hub.proxy import proxy_command
c = get_config()
c.JupyterHub.bind_url = os.environ["SITE"]
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:" + os.environ["PROXY_API_PORT"]
c.ConfigurableHTTPProxy.command = proxy_command()
c.JupyterHub.cookie_secret = os.urandom(32)
"""


@contextmanager
def running_hub(
    directory: Path, config: str, environment: dict[str, str] | None = None
) -> Iterator[tuple[str, psutil.Popen]]:
    """Run ``jupyterhub`` on ports of its own with a configuration that goes on where HUB ends.

    Yields:
        its address (``SITE`` in the environment, if that is given) and its process, when it
        answers. The log is ``hub.log`` in the directory.
    """
    (directory / "config.py").write_text(HUB + config)
    url = (environment or {}).get("SITE") or f"http://127.0.0.1:{free_port()}"
    log = directory / "hub.log"
    with log.open("w") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
            cwd=directory,
            env=os.environ
            | {
                "SITE": url,
                "HUB_PORT": str(free_port()),
                "PROXY_API_PORT": str(free_port()),
                "HOME": str(directory),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            }
            | (environment or {}),
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: answers(f"{url}/hub/api") or process.poll() is not None, READY_SECONDS)
        assert process.poll() is None, log.read_text()
        yield url, process
    finally:
        if process.poll() is None:  # a test may have killed it
            process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    """Return whether there is a page."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


class Datalab:
    """``datalab up`` in a private directory."""

    python = sys.executable

    def __init__(
        self,
        directory: Path,
        *,
        catalog: Path | None = None,
        keep: bool = False,
        demo: bool = False,
        demo_sagemaker: bool = False,
    ) -> None:
        self.data_dir = directory
        self.port = free_port()
        self.arguments = ["--data-dir", str(directory), "--port", str(self.port)]
        if catalog is not None:
            self.arguments += ["--catalog", str(catalog)]
        if keep:
            self.arguments.append("--keep-workspaces")
        if demo:
            self.arguments.append("--demo")
        if demo_sagemaker:
            self.arguments.append("--demo-sagemaker")
        # Not one for all of a folder: it says when this Datalab is ready.
        self.output = directory.with_name(f"{directory.name}.out")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Datalab:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [self.python, "-m", "datalab_hub.cli", "up", *self.arguments],
                stdout=output,
                stderr=output,
                env={k: v for k, v in os.environ.items() if not k.startswith("DATALAB_")},
            )
        until(lambda: self._ready() or self._died(), READY_SECONDS)
        assert self.process.poll() is None, self.text()
        return self

    def _ready(self) -> bool:
        return "/hub/datalab/signin#" in self.text()

    def _died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def text(self) -> str:
        """What stood in the terminal."""
        return self.output.read_text() if self.output.exists() else ""

    def log(self) -> str:
        """The hub's log."""
        return (self.data_dir / "logs" / "hub.log").read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self) -> str:
        """A fresh sign-in link."""
        done = self.datalab("link")
        assert done.stdout.strip(), done.stderr
        return done.stdout.strip()

    def datalab(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a ``datalab`` command about this installation."""
        return datalab(*arguments, "--data-dir", self.data_dir, python=self.python)

    def hub(self) -> psutil.Process:
        """The hub's process."""
        assert self.process is not None

        def find() -> psutil.Process | None:
            return _named(psutil.Process(self.process.pid).children(), "local_config.py")

        return until(find)

    def helper(self, name: str) -> psutil.Process:
        """The helper process with this in its command line, as soon as there is one."""
        return until(lambda: _named(self.helpers(), name))

    def helpers(self) -> list[psutil.Process]:
        """Everything below ``datalab up``."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def workspaces(self) -> list[psutil.Process]:
        """The recorded workspace processes that live."""
        found = []
        for path in (self.data_dir / "run" / "workspaces").glob("*.json"):
            pid = re.search(r'"pid": (\d+)', path.read_text())
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(pid[1])) if pid else None
                if process and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(40)


class Person:
    """A browser without a window."""

    def __init__(self, site: Datalab) -> None:
        self.site = site
        self.http = httpx.Client(base_url=site.url, timeout=60, follow_redirects=True)

    def sign_in(self, link: str) -> httpx.Response:
        """Do what the sign-in page's script does with the link."""
        address, code = link.split("#")
        page = self.http.get(address)
        return self.http.post(address, data={"code": code, "_xsrf": self.xsrf(page)})

    @staticmethod
    def xsrf(page: httpx.Response) -> str:
        found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert found, page.text
        return found[1]

    def start(self, profile: str, **fields: str) -> httpx.Response:
        """Click a card, and wait for as long as the page says that the workspace starts."""
        page = self.click(profile, **fields)

        def arrived() -> httpx.Response | None:
            again = self.http.get(page.url)
            waits = again.status_code == 200 and "/spawn-pending/" in again.url.path
            return None if waits else again

        return until(arrived, 60) if "/spawn-pending/" in page.url.path else page

    def click(self, profile: str, **fields: str) -> httpx.Response:
        """Click a card."""
        xsrf = self.xsrf(self.http.get("/hub/home"))
        data = {"profile": profile, "_xsrf": xsrf, **fields}
        return self.http.post("/hub/datalab/workspaces", data=data)

    def stop(self, server: str = "") -> httpx.Response:
        xsrf = self.xsrf(self.http.get("/hub/home"))
        return self.http.post(
            "/hub/datalab/workspaces/stop", data={"server": server, "_xsrf": xsrf}
        )
