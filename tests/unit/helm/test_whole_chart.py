"""What an install makes, zero-to-jupyterhub's part included; skipped where that is not here."""

from __future__ import annotations

import base64

import kubernetes_validate
import pytest
from chart import CHART, one_of, whole, yaml

EXAMPLES = {path.stem: yaml(path) for path in sorted((CHART / "examples").glob("*.yaml"))}
VALUES = {"defaults": {}, **EXAMPLES}


def pods_of(found):
    """Return the pod specs of everything that makes pods, by its name."""
    specs = {}
    for manifest in found:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            specs[manifest["metadata"]["name"]] = spec["template"]["spec"]
    return specs


def hub_container(found):
    (container,) = pods_of(found)["hub"]["containers"]
    return container


@pytest.mark.parametrize("name", VALUES)
def test_every_manifest_is_valid(name):
    for manifest in whole(VALUES[name]):
        kubernetes_validate.validate(manifest, "1.31", strict=True)


def test_with_no_values_nothing_is_reachable_and_nothing_is_privileged():
    found = whole()
    services = [manifest for manifest in found if manifest["kind"] == "Service"]
    assert {service["spec"].get("type", "ClusterIP") for service in services} == {"ClusterIP"}
    kinds = {manifest["kind"] for manifest in found}
    assert not kinds & {"Ingress", "ClusterRole", "ClusterRoleBinding", "PriorityClass"}
    pods = pods_of(found)
    assert {"hub", "proxy", "datalab-pre-pull", "datalab-backup"} <= pods.keys()
    for name, pod in pods.items():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert security["readOnlyRootFilesystem"] is True, name
    closed = {m["metadata"]["name"] for m in found if m["kind"] == "NetworkPolicy"}
    assert {"hub", "proxy", "singleuser"} <= closed


def test_the_hub_runs_our_image_with_our_configuration():
    container = hub_container(whole())
    assert container["image"] == "datalab-hub:0.1.0"
    assert container["imagePullPolicy"] == "IfNotPresent"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["datalab"] == "/etc/datalab"


def test_an_aws_role_is_the_hubs_and_no_workspaces():
    """IRSA by annotation; for Pod Identity the account has only to be there, with this name."""
    found = whole(EXAMPLES["eks"])
    account = one_of(found, "ServiceAccount", "hub")
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::ACCOUNT:role/datalab-hub"}
    assert account["metadata"]["annotations"] == role
    assert pods_of(found)["hub"]["serviceAccountName"] == "hub"
    with_role = [
        manifest["metadata"]["name"]
        for manifest in found
        if "eks.amazonaws.com/role-arn" in (manifest["metadata"].get("annotations") or {})
    ]
    assert with_role == ["hub"]
    plain = one_of(whole(), "ServiceAccount", "hub")
    assert not plain["metadata"].get("annotations")


def test_people_have_subdomains_behind_one_wildcard_certificate():
    found = whole(EXAMPLES["subdomains"])
    ingress = one_of(found, "Ingress", "jupyterhub")["spec"]
    hosts = ["datalab.example.com", "*.datalab.example.com"]
    assert [rule["host"] for rule in ingress["rules"]] == hosts
    for rule in ingress["rules"]:
        (path,) = rule["http"]["paths"]
        assert path["backend"]["service"]["name"] == "proxy-public"
    assert ingress["tls"] == [{"hosts": hosts, "secretName": "datalab-tls"}]
    (proxy,) = pods_of(found)["proxy"]["containers"]
    assert "--host-routing" in proxy["command"]
    (plain,) = pods_of(whole())["proxy"]["containers"]
    assert "--host-routing" not in plain["command"]


def test_places_are_kept_free_by_pods_that_anybody_may_push_out():
    found = whole(EXAMPLES["eks"])
    places = one_of(found, "StatefulSet", "user-placeholder")["spec"]
    assert places["replicas"] == 1
    pod = places["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["requests"] == {"cpu": "500m", "memory": "4Gi"}
    priorities = {m["metadata"]["name"]: m["value"] for m in found if m["kind"] == "PriorityClass"}
    assert priorities[pod["priorityClassName"]] < 0
    budget = one_of(found, "PodDisruptionBudget", "user-placeholder")["spec"]
    assert budget["minAvailable"] == 0


def test_budgets_for_disruptions_are_made_when_asked_for():
    """Not by default: with one replica each they would only block upgrades of nodes."""

    def budgets(found):
        return {m["metadata"]["name"] for m in found if m["kind"] == "PodDisruptionBudget"}

    assert budgets(whole()) == {"user-placeholder"}
    asked = {"hub": {"pdb": {"enabled": True}}, "proxy": {"chp": {"pdb": {"enabled": True}}}}
    assert budgets(whole({"jupyterhub": asked})) == {"hub", "proxy", "user-placeholder"}


def test_the_key_of_auth_state_is_made_and_handed_to_the_hub():
    found = whole()
    keys = one_of(found, "Secret", "hub")["data"]
    assert keys["hub.config.CryptKeeper.keys"]
    volumes = {volume["name"]: volume for volume in pods_of(found)["hub"]["volumes"]}
    assert volumes["secret"]["secret"]["secretName"] == "hub"


def test_prometheus_finds_the_hub_and_has_its_token():
    found = whole({"monitoring": {"serviceMonitor": {"enabled": True}}})
    monitor = one_of(found, "ServiceMonitor", "datalab-hub")["spec"]
    (endpoint,) = monitor["endpoints"]
    wanted = monitor["selector"]["matchLabels"].items()
    (service,) = (
        manifest
        for manifest in found
        if manifest["kind"] == "Service" and wanted <= manifest["metadata"]["labels"].items()
    )
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    token = endpoint["authorization"]["credentials"]
    assert token["key"] in one_of(found, "Secret", token["name"])["data"]
    values = base64.b64decode(one_of(found, "Secret", "hub")["data"]["values.yaml"])
    assert b"read:metrics" in values
    policy = one_of(found, "NetworkPolicy", "datalab-metrics")["spec"]
    hub = one_of(found, "Deployment", "hub")["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= hub["metadata"]["labels"].items()
    (port,) = policy["ingress"][0]["ports"]
    (container,) = hub["spec"]["containers"]
    assert port["port"] in [each["name"] for each in container["ports"]]


def test_sqlite_has_a_volume_that_its_backup_reads_and_postgresql_has_none():
    found = whole()
    claim = one_of(found, "PersistentVolumeClaim", "hub-db-dir")
    assert claim["spec"]["resources"]["requests"]["storage"] == "2Gi"
    read = [
        volume.get("persistentVolumeClaim")
        for volume in pods_of(found)["datalab-backup"]["volumes"]
    ]
    assert "hub-db-dir" in [each["claimName"] for each in read if each]
    kinds = {manifest["kind"] for manifest in whole(EXAMPLES["eks"])}
    assert not kinds & {"PersistentVolumeClaim", "CronJob"}
