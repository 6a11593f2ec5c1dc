"""The chart: linted, rendered, validated, and safe with no values at all."""

from __future__ import annotations

import argparse
import base64
import json
import re

import helm_python as helm
import kubernetes_validate
import pytest
from chart import CHART, NAMESPACE, hub_of, manifests, named, prepared, render, yaml
from datalab_hub.catalog import load_catalog
from datalab_hub.config import CULLER
from datalab_hub.credentials import SERVICE
from datalab_hub.credentials.environment import BIND
from datalab_hub.credentials.setup import BROKER_URL
from datalab_hub.errors import DatalabError
from datalab_hub.gateway import SERVICE as GATEWAY
from datalab_hub.gateway import options
from datalab_hub.helm import release
from datalab_hub.helm.schema import values_schema
from datalab_hub.helm.values import ChartValues
from traitlets.config import Config

EVERYTHING = {
    "catalog": {
        "currency": "EUR",
        "data_sources": [
            {"name": "w", "title": "W", "kind": "http", "url": "https://weather.example"}
        ],
    },
    "kubernetes": {
        "home": {
            "kind": "shared",
            "path": "/home/me",
            "storageClass": "fast",
            "size": "5Gi",
            "accessModes": ["ReadWriteMany"],
            "sharedClaim": "efs",
            "sharedDirectory": "people",
        },
        "gpuResource": "amd.com/gpu",
        "seeNodes": True,
    },
    "sagemaker": {
        "hubUrl": "https://datalab.example/hub",
        "region": "eu-central-1",
        "roleArn": "arn:aws:iam::1:role/job",
        "creatorRoleArn": "arn:aws:iam::1:role/creator",
        "subnets": ["subnet-1"],
        "securityGroups": ["sg-1"],
        "networks": ["10.20.0.0/16"],
        "fileSystemId": "fs-1",
        "homesDirectory": "/people",
        "homesMount": "/mnt/people",
        "outputPath": "s3://bucket/",
        "kmsKey": "alias/datalab",
        "transport": "tunnel",
        "gateway": {
            "url": "ws://gateway.example:8082/",
            "service": {"type": "LoadBalancer", "annotations": {"scheme": "internal"}},
            "resources": {"requests": {"cpu": "1"}},
            "nodeSelector": {"pool": "system"},
            "tolerations": [{"operator": "Exists"}],
        },
        "broker": {
            "url": "https://broker.example",
            "service": {"type": "LoadBalancer", "annotations": {"scheme": "internal"}},
        },
    },
    "rbac": {"create": True},
    "login": {"generate": True},
    "prePull": {
        "enabled": True,
        "pauseImage": "pause:1",
        "command": ["true"],
        "nodeSelector": {"pool": "users"},
        "tolerations": [{"operator": "Exists"}],
        "imagePullSecrets": ["registry"],
    },
    "networkPolicy": {"workspaceEgress": [{"cidr": "10.0.0.0/8", "ports": [5432]}]},
    "monitoring": {
        "serviceMonitor": {
            "enabled": True,
            "interval": "10s",
            "labels": {"release": "prometheus"},
            "namespace": "watchers",
        }
    },
    "backup": {
        "enabled": True,
        "schedule": "@daily",
        "keep": 3,
        "hubClaim": "other",
        "storage": {"existingClaim": "", "storageClass": "slow", "size": "1Gi"},
    },
    "hubImage": "registry.example/datalab-hub:1",
    "jupyterhub": {"hub": {"image": {"pullSecrets": ["registry"]}}},
    "global": {},
}
VERSIONS = ("1.28", "1.31", "1.34")
NOT_KUBERNETES_OWN = {"ServiceMonitor"}


def test_the_chart_is_lint_free():
    path, _ = prepared()
    told = helm.lint(str(path))
    assert told["errors"] == []
    assert [found for found in told["messages"] if found["severity"] > 1] == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_every_manifest_is_valid(version, values):
    found = manifests(values)
    assert found
    for manifest in found:
        if manifest["kind"] not in NOT_KUBERNETES_OWN:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_test_above_sets_every_value():
    def paths(model, data, place=""):
        for name, field in model.model_fields.items():
            key = field.alias or name
            assert key in data, f"{place}{key} is set nowhere in EVERYTHING"
            inner = field.annotation
            if hasattr(inner, "model_fields") and inner.__module__ == ChartValues.__module__:
                paths(inner, data[key], f"{place}{key}.")

    paths(ChartValues, EVERYTHING)


def test_the_schema_is_the_one_of_the_models():
    """Renew it with: make docs-reference"""
    assert json.loads((CHART / "values.schema.json").read_text()) == values_schema()


def test_the_values_file_is_what_the_models_say():
    values = ChartValues.model_validate(yaml(CHART / "values.yaml"))
    plain = values.model_dump(by_alias=True, exclude={"catalog", "jupyterhub", "global_"})
    defaults = ChartValues.model_construct(catalog=values.catalog).model_dump(
        by_alias=True, exclude={"catalog", "jupyterhub", "global_"}
    )
    assert plain == defaults, "values.yaml and the models have different defaults"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"kubernetes": {"home": {"kind": "clam"}}}, "kind"),
        ({"kubernetez": {}}, "kubernetez"),
        ({"catalog": {"profiles": []}}, "profiles"),
        ({"backup": {"keep": 0}}, "keep"),
        ({"sagemaker": {"hubUrl": "datalab.example"}}, "hubUrl"),
        ({"sagemaker": {"transport": "pigeon"}}, "transport"),
        ({"sagemaker": {"gateway": {"url": "https://gateway.example"}}}, "url"),
        ({"sagemaker": {"broker": {"url": "broker.example:8082"}}}, "broker"),
        ({"sagemaker": {"broker": {"url": "https://me:secret@broker.example"}}}, "broker"),
        ({"networkPolicy": {"workspaceEgress": [{"cidr": "the database"}]}}, "cidr"),
    ],
)
def test_wrong_values_are_refused_by_name(values, says):
    with pytest.raises(helm.HelmError, match=says):
        render(values)


def test_the_hub_understands_what_the_chart_writes(tmp_path):
    site = hub_of(tmp_path, EVERYTHING)
    assert site.instance == "datalab-lab"
    assert site.catalog == load_catalog(tmp_path / "datalab.yaml")
    platform = site.platform("kubernetes")
    assert (platform.home, platform.shared_claim) == ("shared", "efs")
    assert (platform.home_path, platform.shared_directory) == ("/home/me", "people")
    assert (platform.gpu_resource, platform.see_nodes) == ("amd.com/gpu", True)


def services_of(site, name):
    services = site.config.JupyterHub.services
    return [service for service in services if service["name"] == name]


def test_the_culler_asks_the_hub_of_its_own_pod(tmp_path):
    """The Service's address leads nowhere until the hub is ready, and the culler starts before."""
    hub = {"hub_bind_url": "http://:8081", "hub_connect_url": "http://hub:8081", "base_url": "/x/"}
    (culler,) = services_of(hub_of(tmp_path, JupyterHub=hub), CULLER)
    assert "--url=http://localhost:8081/x/hub/api" in culler["command"]


SOURCE = {
    "catalog": {
        "data_sources": [
            {"name": "w", "title": "W", "kind": "http", "url": "https://weather.example"}
        ]
    }
}


def test_workspaces_find_the_credential_broker_in_the_hubs_pod(tmp_path):
    """On loopback, where it listens on one machine, no other pod reaches it."""
    site = hub_of(tmp_path, SOURCE)
    service = named("Service", "datalab-broker", SOURCE)
    (port,) = service["spec"]["ports"]
    address = f"http://{service['metadata']['name']}:{port['port']}"
    assert site.config.Spawner.environment.get_value({})[BROKER_URL] == address
    (broker,) = services_of(site, SERVICE)
    assert broker["environment"][BIND] == f"http://0.0.0.0:{port['targetPort']}"
    inwards = named("NetworkPolicy", "datalab-broker", SOURCE)["spec"]
    outwards = named("NetworkPolicy", "datalab-workspaces-broker", SOURCE)["spec"]
    assert inwards["podSelector"]["matchLabels"] == service["spec"]["selector"]
    workspaces = {"matchLabels": {"datalab/instance": site.instance}}
    assert inwards["ingress"][0]["from"] == [{"podSelector": workspaces}]
    assert outwards["podSelector"] == workspaces
    assert inwards["ingress"][0]["ports"] == outwards["egress"][0]["ports"]


def test_without_data_sources_there_is_no_broker():
    assert not any("broker" in manifest["metadata"]["name"] for manifest in manifests())


TUNNEL = {"sagemaker": {"transport": "tunnel", "hubUrl": "https://datalab.example/x/hub"}}


def test_what_is_said_about_sagemaker_reaches_the_platform(tmp_path):
    platform = hub_of(tmp_path, EVERYTHING).platform("sagemaker")
    said = EVERYTHING["sagemaker"]
    assert (platform.role_arn, platform.creator_role_arn, platform.region, platform.kms_key) == (
        said["roleArn"], said["creatorRoleArn"], said["region"], said["kmsKey"],
    )  # fmt: skip
    assert (platform.subnets, platform.security_groups) == (["subnet-1"], ["sg-1"])
    assert (platform.networks, platform.output_path) == (said["networks"], said["outputPath"])
    assert (platform.file_system_id, platform.homes_directory) == ("fs-1", "/people")
    assert (platform.homes_mount, platform.hub_url) == ("/mnt/people", said["hubUrl"])
    assert (platform.transport, platform.gateway_url) == ("tunnel", said["gateway"]["url"])
    assert platform.broker_url == said["broker"]["url"]
    assert platform.obstacle() is None
    fresh = hub_of(tmp_path).platform("sagemaker")
    assert (len(fresh.networks), fresh.transport) == (5, "direct")  # as the backend has it


def on_top(lower, upper):
    """Merge values as Helm does: maps into each other, all else replaced."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    return lower | {key: on_top(lower.get(key), value) for key, value in upper.items()}


def test_eks_with_sagemaker_is_a_configuration_that_works(tmp_path):
    eks, more = (yaml(CHART / "examples" / f"{name}.yaml") for name in ("eks", "eks-sagemaker"))
    values = on_top(eks, more)
    site = hub_of(tmp_path, values)
    platform = site.platform("sagemaker")
    assert platform.obstacle() is None
    assert platform.gateway_url == "wss://datalab.example.com/services/datalab-gateway/"
    service = named("Service", "datalab-broker-jobs", values)
    assert platform.broker_url == "https://datalab-broker.example.com"
    annotations = service["metadata"]["annotations"]
    aws = "service.beta.kubernetes.io/aws-load-balancer"
    assert annotations[f"{aws}-scheme"] == "internal"
    # What comes out of the load balancer has to come from where jobs are: the policy knows no more.
    assert annotations[f"{aws}-subnets"].split(",") == platform.subnets
    (port,) = service["spec"]["ports"]
    assert annotations[f"{aws}-ssl-ports"] == str(port["port"]) == "443"
    assert {profile.backend for profile in site.catalog.profiles} == {"kubernetes", "sagemaker"}
    hub = values["jupyterhub"]["hub"]
    ours = yaml(CHART / "values.yaml")["jupyterhub"]["hub"]
    # Lists replace each other: what the chart itself mounts has to be in them again.
    assert ours["extraVolumes"][0] in hub["extraVolumes"]
    assert ours["extraVolumeMounts"][0] in hub["extraVolumeMounts"]
    mounted = {mount["mountPath"]: mount["name"] for mount in hub["extraVolumeMounts"]}
    claims = {one["name"]: one.get("persistentVolumeClaim") for one in hub["extraVolumes"]}
    assert claims[mounted[platform.homes_mount]] == {
        "claimName": values["kubernetes"]["home"]["sharedClaim"]
    }
    assert any(ingress in platform.hub_url for ingress in values["jupyterhub"]["ingress"]["hosts"])


def test_hub_proxy_and_jobs_find_the_gateway(tmp_path):
    site = hub_of(tmp_path, TUNNEL)
    pod = named("Deployment", "datalab-gateway", TUNNEL)["spec"]
    assert (pod["replicas"], pod["strategy"]) == (1, {"type": "Recreate"})
    (container,) = pod["template"]["spec"]["containers"]
    service = named("Service", "datalab-gateway", TUNNEL)
    assert service["spec"]["clusterIP"] == "None"  # else its name leads to port 8082 only
    assert service["spec"]["selector"] == pod["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= pod["template"]["metadata"]["labels"].items()

    platform = site.platform("sagemaker")
    assert platform.gateway_host == service["metadata"]["name"]
    # Jobs: through the proxy, which leads there because the service has an address.
    assert platform.gateway_url == "wss://datalab.example/x/services/datalab-gateway/"
    (known,) = services_of(site, GATEWAY)
    assert known["url"] == "http://datalab-gateway:8082"
    assert "command" not in known  # the hub runs none of its own
    # Its token, and the hub's address.
    token = {entry["name"]: entry for entry in container["env"]}["JUPYTERHUB_API_TOKEN"]
    key = token["valueFrom"]["secretKeyRef"]["key"]
    assert key == f"hub.services.{known['name']}.apiToken"
    based = named(
        "Deployment", "datalab-gateway", TUNNEL | {"jupyterhub": {"hub": {"baseUrl": "/x/"}}}
    )
    env = based["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "JUPYTERHUB_API_URL", "value": "http://hub:8081/x/hub/api"} in env
    # What it is told is what it understands.
    parser = argparse.ArgumentParser()
    options.add_to(parser)
    arguments = parser.parse_args(container["args"])
    assert (arguments.listen, arguments.proxy_side) == ("0.0.0.0:8082", "0.0.0.0")
    assert container["command"][-1] == options.__name__.rpartition(".")[0]


def test_the_gateways_policy_opens_the_ports_that_the_hub_gives_out(tmp_path):
    platform = hub_of(tmp_path, TUNNEL).platform("sagemaker")
    policy = named("NetworkPolicy", "datalab-gateway", TUNNEL)["spec"]
    (rule,) = policy["ingress"]
    components = [one["podSelector"]["matchLabels"]["component"] for one in rule["from"]]
    assert components == ["proxy", "hub"]
    dialled, given = rule["ports"]
    assert dialled["port"] == 8082
    assert (given["port"], given["endPort"]) == platform.gateway_ports
    egress = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert sorted(set(egress)) == [53, 8081]
    with_jobs = named("NetworkPolicy", "datalab-gateway", EVERYTHING)["spec"]["ingress"][1]
    assert with_jobs["from"] == [{"ipBlock": {"cidr": "10.20.0.0/16"}}]
    assert [port["port"] for port in with_jobs["ports"]] == [8082]


def test_a_load_balancer_for_jobs_is_made_only_when_asked_for():
    assert "datalab-gateway-jobs" not in {one["metadata"]["name"] for one in manifests(TUNNEL)}
    service = named("Service", "datalab-gateway-jobs", EVERYTHING)
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["loadBalancerSourceRanges"] == EVERYTHING["sagemaker"]["networks"]
    assert service["metadata"]["annotations"] == {"scheme": "internal"}


def test_without_a_tunnel_there_is_no_gateway(tmp_path):
    assert not any("gateway" in manifest["metadata"]["name"] for manifest in manifests())
    (known,) = services_of(hub_of(tmp_path), GATEWAY)
    assert "url" not in known


def test_a_tunnel_that_jobs_could_not_find_is_refused(tmp_path):
    with pytest.raises(DatalabError, match=r"set sagemaker\.hubUrl"):
        hub_of(tmp_path, {"sagemaker": {"transport": "tunnel"}})


def test_homes_of_their_own_get_class_size_and_modes(tmp_path):
    home = {
        "kind": "claim",
        "storageClass": "fast",
        "size": "7Gi",
        "accessModes": ["ReadWriteMany"],
    }
    settings = hub_of(tmp_path, {"kubernetes": {"home": home}}).config.KubeSpawner
    assert settings.storage_class == "fast"
    assert settings.storage_capacity == "7Gi"
    assert settings.storage_access_modes == ["ReadWriteMany"]


def test_a_configmap_of_another_release_is_refused(tmp_path):
    (tmp_path / "settings.json").write_text('{"instance": "x", "kubernetes": {"new": 1}}')
    with pytest.raises(DatalabError, match=r"same\s+release"):
        release.configure_release(Config(), tmp_path, tmp_path / "data")


def test_with_no_values_one_administrator_gets_in_with_a_generated_password(tmp_path, monkeypatch):
    secret = named("Secret", "datalab-login")["data"]["password"]
    password = base64.b64decode(secret).decode()
    assert len(password) >= 32
    assert password != base64.b64decode(
        named("Secret", "datalab-login", {"backup": {"keep": 1}})["data"]["password"]
    )
    monkeypatch.setenv(release.PASSWORD, password)
    config = hub_of(tmp_path, JupyterHub={"authenticator_class": "shared-password"}).config
    assert config.SharedPasswordAuthenticator.admin_password == password
    assert config.Authenticator.allowed_users == config.Authenticator.admin_users == {"admin"}
    assert "user_password" not in config.SharedPasswordAuthenticator
    notes = render()["datalab/templates/NOTES.txt"]
    assert "get secret datalab-login" in notes
    assert password not in notes


def test_a_hub_without_password_and_identity_provider_does_not_start(tmp_path, monkeypatch):
    monkeypatch.delenv(release.PASSWORD, raising=False)
    with pytest.raises(DatalabError, match=r"login\.generate"):
        hub_of(tmp_path, JupyterHub={"authenticator_class": "shared-password"})


def test_with_no_values_nothing_is_reachable_and_images_have_versions():
    values = yaml(CHART / "values.yaml")
    hub = values["jupyterhub"]
    assert hub["proxy"]["service"]["type"] == "ClusterIP"
    assert hub["hub"]["image"]["pullPolicy"] == "IfNotPresent"
    assert hub["hub"]["config"]["JupyterHub"]["authenticator_class"] == "shared-password"
    version = yaml(CHART / "Chart.yaml")["appVersion"]
    assert hub["hub"]["image"]["tag"] == version
    for image in values["catalog"]["images"].values():
        assert image["reference"].endswith(f":{version}")
    for text in render().values():
        assert not re.search(r"image: \S+:latest|imagePullPolicy: Always", text)


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_our_pods_keep_the_restricted_pod_security_standard(values):
    specs = []
    for manifest in manifests(values):
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if manifest["kind"] in {"CronJob", "DaemonSet", "Deployment"}:
            specs.append(spec["template"]["spec"])
    assert len(specs) == (3 if values else 2)
    for spec in specs:
        assert spec["automountServiceAccountToken"] is False
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            security = container["securityContext"]
            assert security["runAsNonRoot"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_every_image_that_pods_use_is_fetched_ahead():
    values = yaml(CHART / "examples" / "gpu.yaml")
    pods = named("DaemonSet", "datalab-pre-pull", values)["spec"]["template"]["spec"]
    assert {container["image"] for container in pods["initContainers"]} == {
        "datalab-datascience:0.1.0",
        "datalab-gpu:0.1.0",
    }
    assert pods["tolerations"][0]["key"] == "nvidia.com/gpu"


def test_postgresql_needs_no_backup_job_and_backups_survive_an_uninstall():
    kinds = {manifest["kind"] for manifest in manifests(yaml(CHART / "examples" / "eks.yaml"))}
    assert "CronJob" not in kinds
    claim = named("PersistentVolumeClaim", "datalab-backup")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_workspaces_reach_the_databases_that_are_named():
    policy = named("NetworkPolicy", "datalab-workspaces", EVERYTHING)
    assert policy["spec"]["podSelector"]["matchLabels"] == {"datalab/instance": f"{NAMESPACE}-lab"}
    (rule,) = policy["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    assert rule["ports"] == [{"port": 5432, "protocol": "TCP"}]
