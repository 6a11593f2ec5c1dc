"""JupyterHub with workspaces on the fake AWS: a directory, and one process after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
from fakes.ports import free_port
from fakes.sagemaker import Timing
from fakes.sagemaker.threaded import threaded_aws
from hubproc import running_hub, until
from sagemaker_site import FILE_SYSTEM, REAL, SETTINGS, TESTS

TOKEN = "t" * 32
CATALOG = """
version: 1
images:
  lab: {reference: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lab@sha256:1", title: Lab}
profiles:
  - name: gpu
    title: GPU
    backend: sagemaker
    image: lab
    sagemaker: {instance_type: ml.g5.xlarge}
"""
CONFIG = """
import json
from datalab_hub.config import configure
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.cleanup_servers = False
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["TOKEN"], "admin": True}]
for name, value in json.loads(os.environ["PLATFORM"]).items():
    c.SageMakerPlatform[name] = value
# MORE
configure(c, catalog="datalab.yaml", data_dir="data")
"""


class Site:
    """A hub's directory; :meth:`running` is one process of it.

    Args:
        settings: of ``c.SageMakerPlatform``.
        config: more lines of the hub's configuration, before ours.
        spot: on machines that may be taken back.
        profiles: more of them, in YAML.
    """

    def __init__(
        self,
        directory: Path,
        aws: Any,
        moto: str,
        *,
        settings: dict[str, Any] | None = None,
        config: str = "",
        spot: bool = False,
        profiles: str = "",
    ) -> None:
        self.config = CONFIG.replace("# MORE\n", config)
        self.directory, self.aws, self.moto = directory, aws, moto
        catalog = CATALOG.replace("ml.g5.xlarge", "ml.g5.xlarge, spot: true") if spot else CATALOG
        (directory / "datalab.yaml").write_text(catalog + profiles)
        homes = aws.directory / FILE_SYSTEM / "homes"
        homes.mkdir(parents=True)
        usual = {"homes_mount": str(homes), "entrypoint": REAL, "attempts": 4}
        # A hub that begins anew does not answer for some seconds.
        usual["workspace_patience"] = 60.0
        platform = SETTINGS | usual | (settings or {})
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = aws.environment() | {
            "TOKEN": TOKEN,
            "PLATFORM": json.dumps(platform),
            "SITE": self.url,
            "HUB_PORT": str(free_port()),
            "PROXY_API_PORT": str(free_port()),
        }
        self.api = httpx.Client(
            base_url=f"{self.url}/hub/api/",
            headers={"Authorization": f"token {TOKEN}"},
            timeout=60,
        )

    @contextmanager
    def running(self):
        with running_hub(self.directory, self.config, self.environment) as (_, process):
            yield process

    def person(self, name: str = "ann") -> httpx.Client:
        """Return a browser without a window in which somebody has signed in."""
        client = httpx.Client(base_url=self.url, timeout=60, follow_redirects=True)
        client.get("/hub/login")
        xsrf = client.cookies.get("_xsrf", path="/hub/")
        data = {"username": name, "password": "x", "_xsrf": xsrf}
        reply = client.post("/hub/login", data=data)
        assert reply.status_code == 200, reply.text
        return client

    def server(self, user: str = "ann") -> dict[str, Any]:
        return self.api.get(f"users/{user}").json()["servers"].get("", {})

    def start(self, user: str = "ann") -> None:
        self.api.post(f"users/{user}")
        reply = self.api.post(f"users/{user}/server", json={"profile": "gpu"})
        assert reply.status_code in (201, 202), reply.text
        until(lambda: self.server(user).get("ready") or not self.server(user).get("pending"), 150)
        assert self.server(user).get("ready"), self.log()

    def stop(self, user: str = "ann") -> None:
        self.api.delete(f"users/{user}/server")
        until(lambda: not self.server(user), 120)

    def jobs(self) -> list[Any]:
        return [job for job in self.aws.all_jobs() if job.status == "InProgress"]

    def log(self) -> str:
        return (self.directory / "hub.log").read_text() + "".join(
            job.log() for job in self.aws.all_jobs()
        )

    def audit(self) -> list[dict[str, Any]]:
        path = self.directory / "data" / "logs" / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def workspace(self, user: str = "ann") -> Any:
        """Return what :func:`probes.execute` speaks to, through the proxy."""
        headers = {"Authorization": f"token {TOKEN}"}
        url = f"{self.url}/user/{user}/"

        async def ask(path: str, method: str = "GET", **options: Any) -> Any:
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.request(method, url + path, **options) as reply,
            ):
                return await reply.json()

        return SimpleNamespace(url=url, headers=headers, json=ask)


@contextmanager
def a_site(directory: Path, moto: str, **options: Any) -> Iterator[Site]:
    """Run the fake AWS and yield a hub's directory; see :class:`Site`."""
    timing = Timing(steps=0.1, grace=20, ending=0.05)
    with threaded_aws(directory / "aws", moto, timing) as aws:
        aws.instance_environment["PYTHONPATH"] = str(TESTS)
        (directory / "hub").mkdir()
        yield Site(directory / "hub", aws, moto, **options)
        assert aws.broken == []
