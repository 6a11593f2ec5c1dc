"""One AWS account and region, shared by all workspaces of a hub."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Any

from traitlets.config import Config

from ...catalog import Catalog, Profile
from ...errors import DatalabError
from ...gateway import SERVICE
from ...lifeline import PARENT
from ...site import Site
from ..backend import Resource
from ..names import path_name
from .addresses import broker_out_of_reach, checked_broker_url
from .aws import Aws, Credentials, Refused
from .backend import SageMakerBackend
from .inventory import Inventory
from .job import ADDRESSED
from .names import JOB_TAG, as_list, hub_mark, job_of_secret, secret_name
from .settings import SageMakerSettings
from .transport import Direct, Transport, Tunnel
from .watch import JobWatch

_SESSION_SECONDS = 900  # the shortest that STS gives; only one call is made with it


class SageMakerPlatform(SageMakerSettings):
    """SageMaker: jobs, secrets, and what belongs to nobody there."""

    backend_class = SageMakerBackend

    def __init__(self, site: Site, **kwargs: Any) -> None:
        super().__init__(site, **kwargs)
        self.aws = Aws(self.region, attempts=self.attempts, threads=self.threads, log=self.log)
        self.inventory = Inventory(self.aws, site.instance, lambda: self.kms_key or None)
        self.watch = JobWatch(self.inventory.fingerprints, lambda: self.watch_interval, self.log)
        self.way: Transport
        if self.transport == "tunnel":
            first, last = self.gateway_ports
            self.way = Tunnel(
                self.gateway_url, self.gateway_host, (int(first), int(last)), self.log
            )
        else:
            self.way = Direct(self.networks, self.port, self.log)
        self.backends: dict[str, SageMakerBackend] = {}

    @classmethod
    def configure(cls, config: Config, catalog: Catalog) -> None:
        """Let the hub run the gateway, where one is needed and nobody else does.

        Raises:
            DatalabError: `broker_url` is no address. Said now: the hub does not start then.
        """
        chosen = config.SageMakerPlatform
        checked_broker_url(chosen.get("broker_url", ""))
        if chosen.get("transport") != "tunnel":
            return
        services = config.JupyterHub.services
        if any(service["name"] == SERVICE for service in services):
            return
        listen = chosen.get("gateway_listen", cls.gateway_listen.default_value)
        host = chosen.get("gateway_host", cls.gateway_host.default_value)
        services.append(
            {
                "name": SERVICE,
                "command": [
                    *(sys.executable, "-m", "datalab_hub.gateway"),
                    *("--listen", listen, "--proxy-side", host),
                ],
                "environment": {PARENT: str(os.getpid())},
            }
        )

    async def open(self) -> None:
        """Say at once what is missing, instead of at the first person's start."""
        if not self.broker_url and (
            trouble := broker_out_of_reach(self.site.broker, self.networks)
        ):
            self.log.warning(trouble)
        for doubt in self.doubts(self.site.catalog.profiles):
            self.log.warning(doubt)
        if obstacle := self.obstacle():
            raise DatalabError(obstacle)

    async def close(self) -> None:
        """End the watch and the connections. Workspaces stay."""
        await self.watch.close()
        await self.way.close()
        self.aws.close()

    # -- for the backends -------------------------------------------------------------------

    def region_of(self, profile: Profile) -> str | None:
        """Return the region that a profile's jobs run in; ``None``: where boto3 finds one."""
        options = profile.sagemaker
        return (options.region if options else None) or self.region

    def region_name(self, region: str | None) -> str:
        """Return a region by name, for the job that has no configuration file."""
        name = region or os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION")
        if not name:
            raise DatalabError(
                "No AWS region is configured: set c.SageMakerPlatform.region, the profile's "
                "sagemaker.region, or AWS_DEFAULT_REGION."
            )
        return name

    def home_directory(self, user: str) -> str:
        """Return a person's directory on the file system, created where that is possible.

        Raises:
            OSError: it cannot be created.
        """
        name = path_name(user)
        if self.homes_mount:
            home = Path(self.homes_mount) / name
            if not home.exists():
                home.mkdir(mode=0o700)
                if os.geteuid() == 0:
                    os.chown(home, self.uid, self.uid)
        return f"{self.homes_directory.rstrip('/')}/{name}"

    def other_profiles(self, profile: Profile) -> list[str]:
        """Return titles of profiles that somebody who may use this one may use as well."""
        others = [
            other.title
            for other in self.site.catalog.profiles
            if other.name != profile.name
            and (not other.allowed_groups or other.allowed_groups >= profile.allowed_groups)
        ]
        return others[:3]

    async def creator_credentials(
        self, tags: dict[str, str], job: str, region: str | None
    ) -> Credentials | None:
        """Return credentials with session tags for one job; ``None``: the hub's own."""
        if not self.creator_role_arn:
            return None
        session_tags = {**tags, JOB_TAG: job}
        answer = await self.aws.call(
            "sts",
            "assume_role",
            region=region,
            RoleArn=self.creator_role_arn,
            RoleSessionName=job,
            DurationSeconds=_SESSION_SECONDS,
            Tags=as_list({name: value for name, value in session_tags.items() if value}),
            TransitiveTagKeys=[name for name, value in session_tags.items() if value],
        )
        found = answer["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    async def pause(self) -> None:
        """Wait for the next look at a job; jitter keeps many starts from asking at once."""
        await asyncio.sleep(self.poll_interval * random.uniform(0.7, 1.3))

    # -- for the reconciler -----------------------------------------------------------------

    async def resources(self) -> list[Resource]:
        """List the jobs in progress and the secrets that carry this installation's tag.

        A resource of a workspace that runs, but under another job's name, or a secret that has
        served, belongs to no workspace: its ``key`` is then the job's name, which nobody owns.
        """
        found = []
        try:
            for region in self._regions():
                for job in await self.inventory.jobs(region):
                    key = self._owner(job.key, job.name, secret=False)
                    found.append(Resource(key, "training job", job.name, since=job.since))
                mark = hub_mark(self.site.instance)
                for name, key in await self.inventory.secrets_like(mark, region):
                    key = self._owner(key, name, secret=True)
                    found.append(Resource(key, "secret", secret_name(name)))
        except Refused as refusal:
            raise OSError(str(refusal)) from refusal
        return found

    async def remove(self, resource: Resource) -> None:
        """Stop a job, or delete a secret, that belongs to nobody."""
        for region in self._regions():
            if resource.kind == "secret":
                await self.inventory.delete_secret(job_of_secret(resource.name), region)
            else:
                await self.inventory.take_away(resource.name, region)

    # -- internal ----------------------------------------------------------------------------

    def _owner(self, key: str, job: str, *, secret: bool) -> str:
        current = next((b.job for b in self.backends.values() if b.context.key == key), None)
        if current is None:
            return key
        served = secret and current.state.step in ADDRESSED
        return job if served or current.name != job else key

    def _regions(self) -> list[str | None]:
        regions: dict[str | None, None] = {}
        for profile in self.site.catalog.profiles:
            if profile.backend == "sagemaker":
                regions[self.region_of(profile)] = None
        for backend in self.backends.values():
            if backend.job is not None:
                regions[backend.job.state.region] = None
        return list(regions) or [self.region]
