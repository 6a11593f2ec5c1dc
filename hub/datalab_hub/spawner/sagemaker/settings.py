"""What an operator can set about SageMaker: ``c.SageMakerPlatform``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traitlets import Enum, Float, Integer, List, Tuple, Unicode, validate

from ...catalog import Profile
from ..backend import Platform
from .addresses import checked_broker_url
from .disks import has_own_disks
from .request import Place, instance_types

_PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]


class SageMakerSettings(Platform):
    """The settings, and what follows from them alone."""

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
    kms_key = Unicode(
        "",
        help="KMS key for the secrets and the instances' disks; not for disks that a type brings "
        "along (g4dn, g5, …), which its hardware encrypts and for which SageMaker takes no key.",
    ).tag(config=True)
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

    def doubts(self, profiles: Sequence[Profile]) -> list[str]:
        """Return what the operator may not expect of these profiles, in sentences."""
        found = []
        for profile in profiles:
            if (options := profile.sagemaker) is None:
                continue
            brings = [kind for kind in instance_types(profile) if has_own_disks(kind)]
            if self.kms_key and brings:
                found.append(
                    f"Profile {profile.name}: SageMaker takes no KMS key for the disks of "
                    f"{', '.join(brings)}, so c.SageMakerPlatform.kms_key is for its secrets alone."
                )
            if self.creator_role_arn and options.keep_alive:
                found.append(
                    f"Profile {profile.name}: keep_alive costs and saves nothing with "
                    "c.SageMakerPlatform.creator_role_arn. SageMaker gives a warm instance only to "
                    "a job with the same session tags, and one of them names the job."
                )
        return found

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
