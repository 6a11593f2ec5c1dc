"""The credential broker for jobs, which are outside of the cluster: its values and manifests."""

from __future__ import annotations

import asyncio
import logging

import pytest
from chart import hub_of, manifests, named, render
from datalab_hub.errors import DatalabError

SOURCE = {"name": "w", "title": "W", "kind": "http", "url": "https://weather.example"}
JOBS = {
    "name": "gpu",
    "title": "GPU",
    "backend": "sagemaker",
    "image": "datascience",
    "sagemaker": {"instance_type": "ml.g5.xlarge"},
}
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]
NAME = "datalab-broker-jobs"


def values(url="", type="LoadBalancer", sources=(SOURCE,), **sagemaker):
    """Return values with a card on SageMaker, and data sources."""
    broker = {"url": url, "service": {"type": type, "annotations": {"scheme": "internal"}}}
    return {
        "catalog": {"profiles": [JOBS], "data_sources": list(sources)},
        "sagemaker": {"broker": broker, **sagemaker},
    }


def test_a_load_balancer_leads_jobs_to_the_port_on_which_the_broker_listens():
    given = values("https://broker.example", networks=["10.20.0.0/16"])
    service, inside = (named("Service", name, given) for name in (NAME, "datalab-broker"))
    assert service["metadata"]["annotations"] == {"scheme": "internal"}
    spec = service["spec"]
    assert (spec["type"], spec["selector"]) == ("LoadBalancer", inside["spec"]["selector"])
    assert spec["loadBalancerSourceRanges"] == ["10.20.0.0/16"]
    (port,) = spec["ports"]
    assert port["targetPort"] == inside["spec"]["ports"][0]["targetPort"]
    # The Service of other workspaces is as it was.
    assert "type" not in inside["spec"]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("", 8082),
        ("https://broker.example", 443),
        ("http://broker.example/", 80),
        ("http://10.20.1.2:8082", 8082),
        ("https://broker.example:9443/below", 9443),
        ("http://[fd00::1]", 80),
        ("http://[fd00::1]:8099", 8099),
    ],
)
def test_it_listens_on_the_port_that_jobs_are_told(url, port):
    assert named("Service", NAME, values(url))["spec"]["ports"][0]["port"] == port


def test_the_policy_lets_the_networks_of_jobs_to_the_brokers_port_only():
    policy = named("NetworkPolicy", "datalab-broker", values(networks=["10.20.0.0/16"]))["spec"]
    workspaces, jobs = policy["ingress"]
    assert jobs["from"] == [{"ipBlock": {"cidr": "10.20.0.0/16"}}]
    assert jobs["ports"] == workspaces["ports"] == [{"port": 8082, "protocol": "TCP"}]
    assert "ipBlock" not in str(workspaces)


def test_without_networks_private_ones_come_in_and_nobody_else():
    given = values()
    _, jobs = named("NetworkPolicy", "datalab-broker", given)["spec"]["ingress"]
    assert [one["ipBlock"]["cidr"] for one in jobs["from"]] == PRIVATE
    assert named("Service", NAME, given)["spec"]["loadBalancerSourceRanges"] == PRIVATE


def test_a_node_port_has_no_ranges_which_kubernetes_would_refuse():
    assert "loadBalancerSourceRanges" not in named("Service", NAME, values(type="NodePort"))["spec"]


@pytest.mark.parametrize(
    "given",
    [
        values(type="ClusterIP"),
        values(type="ClusterIP", url="https://b.example"),
        values(sources=()),
    ],
    ids=["not asked for", "an address of the operator's own", "no data sources"],
)
def test_nothing_is_opened_unless_it_is_asked_for_and_there_is_a_broker(given):
    found = manifests(given)
    assert NAME not in {one["metadata"]["name"] for one in found}
    policies = [one for one in found if one["metadata"]["name"] == "datalab-broker"]
    assert all("ipBlock" not in str(policy) for policy in policies)


def test_the_install_notes_name_what_is_missing():
    def notes(given):
        return render(given)["datalab/templates/NOTES.txt"]

    assert "reach no data sources" in notes(values(type="ClusterIP"))
    assert "get service datalab-broker-jobs" not in notes(values(type="ClusterIP"))
    assert "get service datalab-broker-jobs" in notes(values())
    for fine in (values("https://b.example"), values(sources=()), {}):
        assert "no data sources" not in notes(fine)


def said_at_start(directory, given, caplog):
    """Return what the platform says when the hub starts; the roles are not set up here."""
    caplog.clear()
    platform = hub_of(directory, given).platform("sagemaker")
    with caplog.at_level(logging.WARNING), pytest.raises(DatalabError, match="role_arn"):
        asyncio.run(platform.open())
    return caplog.text


def test_the_hub_says_at_its_start_that_jobs_reach_no_data_sources(tmp_path, caplog):
    said = said_at_start(tmp_path, values(), caplog)
    assert "http://datalab-broker:8082" in said
    assert "sagemaker.broker.url" in said
    for fine in (values("https://b.example"), values(sources=())):
        assert said_at_start(tmp_path, fine, caplog) == ""
