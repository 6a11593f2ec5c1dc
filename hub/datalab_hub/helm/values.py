"""The chart's own values. Those of the zero-to-jupyterhub chart stand under ``jupyterhub``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from ..catalog import Catalog

Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?([EPTGMk]i?|m)?$")]
Cron = Annotated[str, StringConstraints(pattern=r"^(@\w+|\S+ \S+ \S+ \S+ \S+)$")]
# As the Prometheus operator's CRD has it.
Duration = Annotated[
    str,
    StringConstraints(
        pattern=r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?"
        r"(([0-9]+)ms)?)$"
    ),
]
AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]


class Values(BaseModel):
    """Frozen, strict, and in camel case, as Helm values are."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class Home(Values):
    """Where people's files are."""

    kind: Literal["claim", "shared", "kubespawner", "none"] = Field(
        "claim",
        description="claim: a volume per person. shared: a subdirectory per person of sharedClaim. "
        "kubespawner: what jupyterhub.singleuser.storage says. none: nothing is kept.",
    )
    path: str = Field("/home/jovyan", pattern="^/", description="Where it is mounted.")
    storage_class: str | None = Field(None, description="Of the claims; the cluster's default.")
    size: Quantity = Field("10Gi", description="Of each person's claim.")
    access_modes: list[AccessMode] = Field(
        ["ReadWriteOnce"],
        min_length=1,
        description="ReadWriteMany lets a person's workspaces run on several nodes.",
    )
    shared_claim: str = Field("", description="Name of the ReadWriteMany claim with all homes.")
    shared_directory: str = Field("homes", description="Directory with the homes in it.")


class Kubernetes(Values):
    """Settings of the Kubernetes backend."""

    home: Home = Field(Home(), description="Where people's files are.")
    gpu_resource: str = Field("nvidia.com/gpu", description="What a GPU is called in the cluster.")
    see_nodes: bool = Field(
        False,
        description="Tell people how much is free on the best node. Makes a ClusterRole that may "
        "list nodes and all pods.",
    )


class ServiceForJobs(Values):
    """A way in from the jobs' subnets, which reach no address of the cluster's own."""

    type: Literal["ClusterIP", "LoadBalancer", "NodePort"] = Field(
        "ClusterIP", description="ClusterIP: none. LoadBalancer: one of the VPC, for jobs alone."
    )
    annotations: dict[str, str] = Field({}, description="Of the load balancer: internal, its kind.")


class Gateway(Values):
    """Where the tunnels of SageMaker workspaces end. Installed with `transport: tunnel`."""

    url: str = Field(
        "",
        pattern="^(wss?://.+)?$",
        description="As jobs reach it: wss://…; through hubUrl's host when empty.",
    )
    service: ServiceForJobs = Field(
        ServiceForJobs(), description="For jobs that may not reach the ingress."
    )
    resources: dict[str, Any] = Field(
        {"requests": {"cpu": "100m", "memory": "128Mi"}}, description="Of its container."
    )
    node_selector: dict[str, str] = Field({}, description="Of its pod.")
    tolerations: list[dict[str, Any]] = Field([], description="Of its pod.")


class Broker(Values):
    """The credential broker for jobs: without it they reach no data sources."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="As jobs reach it: https://datalab-broker.example.com. The service listens on "
        "its port.",
    )
    service: ServiceForJobs = Field(
        ServiceForJobs(), description="In front of the broker, for jobs alone."
    )


class SageMaker(Values):
    """Settings of the SageMaker backend: `c.SageMakerPlatform`, and what a cluster adds."""

    hub_url: str = Field(
        "",
        pattern="^(https?://.+/hub)?$",
        description="The hub as jobs reach it: https://datalab.example.com/hub.",
    )
    region: str | None = Field(None, description="Of the jobs; where boto3 finds one when null.")
    role_arn: str = Field("", description="Execution role of the jobs.")
    creator_role_arn: str = Field("", description="Role that the hub assumes to create a job.")
    subnets: list[str] = Field([], description="Private subnets for the jobs.")
    security_groups: list[str] = Field([], description="Security groups of the jobs.")
    networks: list[str] = Field(
        [], description="Where jobs are (CIDR); all private networks when empty."
    )
    file_system_id: str = Field("", description="EFS with the homes.")
    homes_directory: str = Field("/homes", pattern="^/", description="Of the homes, on the EFS.")
    homes_mount: str = Field("", description="Where that directory is mounted in the hub's pod.")
    output_path: str = Field("", description="S3 URI that SageMaker insists on.")
    kms_key: str = Field("", description="Of the jobs' disks and secrets.")
    transport: Literal["direct", "tunnel"] = Field(
        "direct", description="tunnel: jobs dial out to the gateway, and nobody dials them."
    )
    gateway: Gateway = Field(Gateway(), description="The end of the tunnels.")
    broker: Broker = Field(Broker(), description="How jobs get credentials for data sources.")


class PrePull(Values):
    """Fetch the catalog's images onto the nodes before anybody waits for them."""

    enabled: bool = Field(True, description="Run a DaemonSet that fetches them.")
    pause_image: str = Field(
        "registry.k8s.io/pause:3.10.2", description="What its pods run when all are there."
    )
    command: list[str] = Field(
        ["sh", "-c", "true"], description="Run in each image; it has to be in all of them."
    )
    node_selector: dict[str, str] = Field({}, description="Nodes to fetch images onto.")
    tolerations: list[dict[str, Any]] = Field([], description="Of its pods.")
    image_pull_secrets: list[str] = Field([], description="Names of secrets of the registries.")


class Destination(Values):
    """Something that workspaces may reach although it has a private address."""

    cidr: str = Field(pattern=r"^[0-9a-fA-F.:]+/\d+$", description="For example 10.20.0.0/16.")
    ports: list[int] = Field([], description="TCP ports; all when empty.")


class NetworkPolicy(Values):
    """What workspaces may reach beyond the internet and the hub."""

    workspace_egress: list[Destination] = Field(
        [],
        description="Databases and the like. Private addresses are closed to workspaces otherwise.",
    )


class ServiceMonitor(Values):
    """For the Prometheus operator."""

    enabled: bool = Field(False, description="Make a ServiceMonitor for the hub's /metrics.")
    interval: Duration = Field("30s", description="How often, for example 30s or 1m.")
    labels: dict[str, str] = Field({}, description="That your Prometheus selects by.")
    namespace: str = Field(
        "monitoring", description="Of Prometheus: the hub's network policy lets it in."
    )


class Monitoring(Values):
    """Metrics."""

    service_monitor: ServiceMonitor = Field(
        ServiceMonitor(), description="For the Prometheus operator."
    )


class BackupStorage(Values):
    """Where backups go."""

    existing_claim: str = Field("", description="A claim of yours; one is made when empty.")
    storage_class: str | None = Field(None, description="Of the claim that is made.")
    size: Quantity = Field("2Gi", description="Of the claim that is made.")


class Backup(Values):
    """Copies of the hub's SQLite databases. With PostgreSQL, back that up instead."""

    enabled: bool = Field(True, description="Run the CronJob.")
    schedule: Cron = Field("17 3 * * *", description="When, in the cluster's time zone.")
    keep: int = Field(14, ge=1, le=1000, description="How many copies to keep.")
    storage: BackupStorage = Field(BackupStorage(), description="Where they go.")
    hub_claim: str = Field("hub-db-dir", description="The hub's claim: zero-to-jupyterhub's name.")


class Login(Values):
    """The administrator of an installation that has no identity provider yet."""

    generate: bool = Field(
        True, description="Make a password for the person 'admin'; the install notes show it."
    )


class Rbac(Values):
    """What the hub may do in the cluster."""

    create: bool = Field(True, description="Make the Role, and with seeNodes the ClusterRole.")


class ChartValues(Values):
    """Everything that ``helm install -f`` may set."""

    catalog: Catalog = Field(description="What people are offered: images, profiles, data sources.")
    kubernetes: Kubernetes = Field(Kubernetes(), description="The Kubernetes backend.")
    sagemaker: SageMaker = Field(SageMaker(), description="The SageMaker backend.")
    pre_pull: PrePull = Field(PrePull(), description="Images on nodes before anybody waits.")
    network_policy: NetworkPolicy = Field(NetworkPolicy(), description="What workspaces reach.")
    monitoring: Monitoring = Field(Monitoring(), description="Metrics.")
    backup: Backup = Field(Backup(), description="Copies of the hub's databases.")
    login: Login = Field(Login(), description="The first administrator.")
    rbac: Rbac = Field(Rbac(), description="What the hub may do in the cluster.")
    hub_image: str = Field(
        "", description="Image of the backup job; jupyterhub.hub.image when empty."
    )
    jupyterhub: dict[str, Any] = Field(
        {}, description="Values of the zero-to-jupyterhub chart, which checks them itself."
    )
    global_: dict[str, Any] = Field({}, alias="global", description="Helm's own.")
