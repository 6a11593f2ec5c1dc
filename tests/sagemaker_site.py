"""A Datalab site on the fake AWS, without a JupyterHub around it."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
from aiohttp import web
from datalab_hub.catalog import Catalog, Image, Profile
from datalab_hub.site import Site
from datalab_hub.spawner.registration import RegistrationRefused
from datalab_hub.spawner.sagemaker import SageMakerPlatform
from datalab_workspace import wire
from fakes.sagemaker import REGION, FakeAws, Timing
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
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Hub]:
        application = web.Application()
        application.router.add_post("/hub/datalab/register", self._register)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
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
            await self.site.registrations.register(message, token)
        except RegistrationRefused as refusal:
            self.refusals.append(refusal.reason)
            return web.json_response({"message": str(refusal)}, status=403)
        return web.Response(body=wire.encode(wire.Registered()))

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
