"""One AWS account and region, shared by all workspaces of a hub."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Any

from traitlets import Enum, Float, Integer, List, Tuple, Unicode, validate
from traitlets.config import Config

from ...catalog import Catalog, Profile
from ...errors import DatalabError
from ...gateway import SERVICE
from ...lifeline import PARENT
from ...site import Site
from ..backend import Platform, Resource
from ..names import path_name
from .addresses import broker_out_of_reach, checked_broker_url
from .aws import Aws, Credentials, Refused
from .backend import SageMakerBackend
from .inventory import Inventory
from .job import ADDRESSED
from .names import (
    JOB_TAG,
    as_list,
    hub_mark,
    job_of_secret,
    secret_name,
)
from .request import Place
from .transport import Direct, Transport, Tunnel
from .watch import JobWatch

_SESSION_SECONDS = 900  # the shortest that STS gives; only one call is made with it
_PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]


class SageMakerPlatform(Platform):
    """SageMaker: jobs, secrets, and what belongs to nobody there."""

    backend_class = SageMakerBackend

    region = Unicode(
        None, allow_none=True, help="AWS region; where boto3 finds one when left out."
    ).tag(config=True)
    role_arn = Unicode("", help="Execution role of the jobs, unless the profile names one.").tag(
        config=True
    )
    creator_role_arn = Unicode(
        "",
        help="Role that the hub assumes, with the person's and the job's names as session tags, to "
        "create a job. The tags go on to the execution role, whose policy can then be limited to "
        "this person. Without it every job has all that the execution role may do.",
    ).tag(config=True)
    hub_url = Unicode(
        "",
        help="The hub as jobs reach it, https://datalab.example.com/hub for example, where that is "
        "not where other workspaces do: a Service of a cluster leads nowhere from outside.",
    ).tag(config=True)
    broker_url = Unicode(
        "",
        help="The credential broker as jobs reach it, https://datalab-broker.example.com for "
        "example, where that is not where other workspaces do (c.CredentialBroker.workspace_url).",
    ).tag(config=True)
    subnets = List(Unicode(), help="Private subnets of the VPC for the jobs.").tag(config=True)
    security_groups = List(
        Unicode(), help="Security groups of the jobs; they let the proxy in on `port`."
    ).tag(config=True)
    file_system_id = Unicode(
        "", help="EFS file system with the homes. Without it a home ends with its job."
    ).tag(config=True)
    homes_directory = Unicode("/homes", help="Directory of the homes on the file system.").tag(
        config=True
    )
    homes_mount = Unicode(
        "",
        help="Where `homes_directory` is mounted on the hub, so that it can create homes. Without "
        "it somebody else has to, before a person's first start.",
    ).tag(config=True)
    output_path = Unicode(
        "", help="S3 URI that SageMaker insists on; workspaces write nothing there."
    ).tag(config=True)
    kms_key = Unicode("", help="KMS key for the instances' disks and the secrets.").tag(config=True)
    uid = Integer(1000, help="Whom workspaces run as, when the image starts as root.").tag(
        config=True
    )
    entrypoint = List(
        Unicode(),
        ["datalab-workspace", "--assignment"],
        help="What the image runs; gets the name of a secret as its last argument.",
    ).tag(config=True)
    port = Integer(8888, help="Where workspaces listen in their container; 0: anywhere.").tag(
        config=True
    )
    networks = List(
        Unicode(),
        _PRIVATE,
        help="Networks that jobs are in. The proxy is never pointed anywhere else.",
    ).tag(config=True)
    transport = Enum(
        ("direct", "tunnel"),
        "direct",
        help="How the proxy reaches workspaces: `direct`, at the job's address; or `tunnel`: they "
        "dial out to the gateway, for networks that let nobody in.",
    ).tag(config=True)
    gateway_url = Unicode(
        "", help="Where workspaces reach the gateway: ws://hub:8082/ or wss://…; for `tunnel`."
    ).tag(config=True)
    gateway_host = Unicode(
        "127.0.0.1", help="Where the proxy reaches the gateway's ports; for `tunnel`."
    ).tag(config=True)
    gateway_ports = Tuple(
        Integer(),
        Integer(),
        default_value=(20000, 29999),
        help="First and last port of the gateway for workspaces; each has one of its own.",
    ).tag(config=True)
    gateway_listen = Unicode(
        "127.0.0.1:8082",
        help="Where the gateway that the hub runs listens for workspaces. Nothing is run if "
        "c.JupyterHub.services has a datalab-gateway: `datalab gateway` then runs by itself.",
    ).tag(config=True)
    longest_run = Integer(
        24 * 3600, help="Seconds after which a workspace is stopped whose profile has no limit."
    ).tag(config=True)
    workspace_patience = Float(
        600.0, help="Seconds after which a job ends itself that the hub does not answer."
    ).tag(config=True)
    poll_interval = Float(5.0, help="Seconds between looks at a job that is starting.").tag(
        config=True
    )
    watch_interval = Float(30.0, help="Seconds between listings of all running jobs.").tag(
        config=True
    )
    stop_patience = Float(
        240.0, help="Seconds that a stop waits for a job's end; AWS gives it 120 to save."
    ).tag(config=True)
    attempts = Integer(6, help="Tries of one AWS call, with adaptive retries in between.").tag(
        config=True
    )
    threads = Integer(16, help="AWS calls at the same time.").tag(config=True)

    @validate("broker_url")
    def _check_broker_url(self, proposal: Any) -> str:
        return checked_broker_url(proposal.value)

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
        if obstacle := self.obstacle():
            raise DatalabError(obstacle)

    def obstacle(self) -> str | None:
        """Return why no workspace can run here, in a sentence for the operator."""
        if self.transport == "tunnel" and not self.gateway_url:
            return (
                "c.SageMakerPlatform.transport is 'tunnel', which needs gateway_url: where "
                "workspaces reach the gateway, ws://… or wss://…. See docs/how-to/sagemaker.md."
            )
        missing = [
            f"c.SageMakerPlatform.{name}"
            for name in ("role_arn", "output_path", "subnets", "security_groups")
            if not getattr(self, name)
        ]
        if missing:
            return (
                f"Profiles with `backend: sagemaker` need {', '.join(missing)}. "
                "See docs/how-to/sagemaker.md."
            )
        return None

    async def close(self) -> None:
        """End the watch and the connections. Workspaces stay."""
        await self.watch.close()
        await self.way.close()
        self.aws.close()

    # -- for the backends -------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Where jobs run."""
        return Place(
            role=self.role_arn,
            subnets=tuple(self.subnets),
            security_groups=tuple(self.security_groups),
            file_system=self.file_system_id or None,
            output=self.output_path,
            kms_key=self.kms_key or None,
        )

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
