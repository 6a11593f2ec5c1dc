"""A Datalab site on the fake AWS, without a JupyterHub around it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from aiohttp import web
from datalab_hub.catalog import Catalog, Image, Profile
from datalab_hub.site import Site
from datalab_hub.spawner.backend import Phase, WorkspaceContext
from datalab_hub.spawner.names import workspace_key
from datalab_hub.spawner.registration import RegistrationRefused
from datalab_hub.spawner.sagemaker import SageMakerBackend, SageMakerPlatform
from datalab_workspace import wire
from fakes.sagemaker import REGION, Call, FakeAws, Job, Timing
from traitlets.config import Config

TESTS = Path(__file__).parent
FILE_SYSTEM = "fs-0123456789abcdef0"
IMAGE = Image(reference="123456789012.dkr.ecr.eu-central-1.amazonaws.com/lab@sha256:1", title="Lab")
SMALL = [sys.executable, "-m", "fakes.small_workspace"]
REAL = ["datalab-workspace", "--assignment"]
ROLE = "arn:aws:iam::123456789012:role/datalab-workspace"


def profile(**changes: Any) -> Profile:
    """Return a profile on SageMaker."""
    block = {"instance_type": "ml.m5.large"} | changes.pop("sagemaker", {})
    fields = {"name": "gpu", "title": "GPU", "backend": "sagemaker", "image": "lab"}
    return Profile.model_validate(fields | {"sagemaker": block} | changes)


SETTINGS: dict[str, Any] = {
    "role_arn": ROLE,
    "subnets": ["subnet-0123"],
    "security_groups": ["sg-0123"],
    "file_system_id": FILE_SYSTEM,
    "output_path": "s3://datalab-unused/",
    "networks": ["127.0.0.0/8"],
    "port": 0,  # many workspaces share this machine's ports
    "uid": os.geteuid(),
    "poll_interval": 0.1,
    "watch_interval": 0.2,
    "workspace_patience": 20.0,
    "stop_patience": 20.0,
    "attempts": 1,
    "entrypoint": SMALL,
}


class Hub:
    """The one endpoint of the hub that a workspace registers at."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.refusals: list[str] = []
        self.fixed_port = self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Hub]:
        application = web.Application()
        application.router.add_post("/hub/datalab/register", self._register)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.fixed_port).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _register(self, request: web.Request) -> web.Response:
        message = wire.decode(await request.read())
        assert isinstance(message, wire.Register)
        token = request.headers["Authorization"].removeprefix("token ")
        try:
            _, answer = await self.site.registrations.register(message, token)
        except RegistrationRefused as refusal:
            self.refusals.append(refusal.reason)
            return web.json_response({"message": str(refusal)}, status=403)
        return web.Response(body=wire.encode(answer))

    def environment(self, token: str) -> dict[str, str]:
        """Return the part of a workspace's environment that the small one looks at."""
        return {
            "JUPYTERHUB_API_TOKEN": token,
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.port}/hub/api",
            "PYTHONPATH": str(TESTS),
        }


def make_site(directory: Path, *profiles: Profile, instance: str = "test") -> Site:
    """Return a site without ledger and audit."""
    return Site(
        instance=instance,
        data_dir=directory,
        catalog=Catalog(images={"lab": IMAGE}, profiles=profiles or (profile(),)),
        ledger=None,  # type: ignore[arg-type]
        audit=None,  # type: ignore[arg-type]
        config=Config(),
        log=logging.getLogger("sagemaker-test"),
    )


def make_platform(site: Site, aws: FakeAws, **settings: Any) -> SageMakerPlatform:
    """Return the platform as the site's, with homes on the fake file system."""
    homes = aws.directory / FILE_SYSTEM / "homes"
    homes.mkdir(parents=True, exist_ok=True)
    platform = SageMakerPlatform(site=site, **(SETTINGS | {"homes_mount": str(homes)} | settings))
    site.platforms["sagemaker"] = platform
    return platform


@asynccontextmanager
async def fake_aws(directory: Path, moto: str, monkeypatch: Any) -> AsyncIterator[FakeAws]:
    """Run the fake and point this process's AWS SDK at it."""
    timing = Timing(steps=0.02, grace=10, ending=0.01)
    async with FakeAws(directory, moto=moto, timing=timing) as aws:
        aws.instance_environment["PYTHONPATH"] = str(TESTS)
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        yield aws
        assert aws.broken == []


def secrets_of(moto: str) -> list[str]:
    """Return the names of all secrets, asked behind the fake's back."""
    return [secret["Name"] for secret in _secrets(moto)]


def _secrets(moto: str) -> Iterator[dict[str, Any]]:
    client = boto3.client(
        "secretsmanager", region_name=REGION, endpoint_url=moto,
        aws_access_key_id="outside", aws_secret_access_key="outside",
    )  # fmt: skip
    for page in client.get_paginator("list_secrets").paginate():
        yield from page["SecretList"]


def on_sagemaker(context: Any, recognises: Any) -> Any:
    """Return a contract test's context with what SageMaker needs beside."""
    return dataclasses.replace(context, image=IMAGE, recognises=recognises)


class Workspace:
    """A person's workspace, over any number of hubs.

    Attributes:
        saved: the state in the hub's database.
        token: its hub token now.
        reports: what the person was told.
        moves: the URLs that the hub was told after the start.
    """

    def __init__(self, world: World, user: str, chosen: Profile) -> None:
        self.world, self.user, self.profile = world, user, chosen
        self.key = workspace_key(user, "")
        self.saved: dict[str, Any] | None = None
        self.saves: list[str] = []
        self.token = f"hub-token-of-{user}-0"
        self.reports: list[tuple[Phase, str, str | None]] = []
        self.moves: list[str] = []

    def new_hub(self) -> SageMakerBackend:
        """Return the backend of a hub that has just started, with the saved state."""
        backend: SageMakerBackend

        def save() -> None:
            self.saved = json.loads(json.dumps(backend.get_state()))
            self.saves.append(self.saved.get("step", ""))

        async def moved(url: str) -> None:
            self.moves.append(url)

        context = WorkspaceContext(
            user=self.user,
            server="",
            key=self.key,
            profile=self.profile,
            image=IMAGE,
            log=self.world.site.log,
            bind=lambda ip, port: None,
            environment=lambda: self.world.hub.environment(self.token),
            arguments=lambda: [],
            save=save,
            report=lambda phase, text, cause=None: self.reports.append((phase, text, cause)),
            recognises=lambda token: token == self.token,
            renew_token=self._renew,
            moved=moved,
        )
        backend = self.world.platform.backend(context)
        if self.saved is not None:
            backend.load_state(self.saved)
        return backend

    def _renew(self) -> None:
        name, _, number = self.token.rpartition("-")
        self.token = f"{name}-{int(number) + 1}"

    @property
    def job(self) -> Job:
        """The latest of its jobs."""
        mine = [j for j in self.world.aws.all_jobs() if j.tags["datalab:key"] == self.key]
        return max(mine, key=lambda job: job.created)


@dataclass
class World:
    """A site, its platform, the hub's register endpoint and AWS."""

    site: Site
    aws: FakeAws
    hub: Hub
    platform: SageMakerPlatform
    moto: str

    def workspace(self, user: str = "ann", chosen: str = "gpu") -> Workspace:
        """Return a workspace that has not been started."""
        return Workspace(self, user, self.site.catalog.profile(chosen))

    async def left(self) -> list[str]:
        """Return what exists on AWS: jobs in progress, secrets."""
        jobs = [job.name for job in self.aws.all_jobs() if job.status == "InProgress"]
        return jobs + await asyncio.to_thread(secrets_of, self.moto)

    def calls(self, operation: str) -> list[Call]:
        """Return the calls of one operation so far."""
        return [call for call in self.aws.calls if call.operation == operation]


async def eventually(condition: Any, seconds: float = 90) -> Any:
    """Return what a condition (or a coroutine function) gives as soon as that is true."""
    async with asyncio.timeout(seconds):
        while True:
            value = condition()
            value = await value if asyncio.iscoroutine(value) else value
            if value:
                return value
            await asyncio.sleep(0.02)
