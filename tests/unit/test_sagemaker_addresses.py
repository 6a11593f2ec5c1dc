"""Where jobs find the credential broker, and when they certainly do not."""

from __future__ import annotations

import pytest
from datalab_hub.catalog import load_catalog
from datalab_hub.errors import DatalabError
from datalab_hub.spawner.sagemaker import SageMakerPlatform
from datalab_hub.spawner.sagemaker.addresses import (
    broker_out_of_reach,
    checked_broker_url,
    lead_to_broker,
)
from traitlets.config import Config

VPC = ["10.20.0.0/16"]


@pytest.mark.parametrize(
    "url", ["", "https://b.example", "http://10.20.1.2:8082", "http://[fd00::1]:1/", "https://b/x"]
)
def test_an_address_is_taken_as_it_is(url):
    assert checked_broker_url(url) == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("b.example:8082", "begin with http"),
        ("ftp://b.example", "begin with http"),
        ("https://", "name a host"),
        ("http://:8082", "name a host"),
        ("http://b.example:99999", "range"),
        ("http://b.example:port", "Port"),
        ("http://[fd00::1", "IPv6"),
        ("https://b.example?x=1", "nothing may follow"),
        ("https://b.example/a b", "no spaces"),
    ],
)
def test_what_is_no_address_is_refused_with_what_to_set(url, says):
    with pytest.raises(DatalabError, match=rf"(?s){says}.*Set it to.*docs/how-to/sagemaker\.md"):
        checked_broker_url(url)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(DatalabError, match=r"@b\.example") as refusal:
        checked_broker_url("https://me:hunter2@b.example")
    assert "hunter2" not in str(refusal.value)


def test_the_hub_does_not_start_with_an_address_that_is_none():
    config = Config()
    config.SageMakerPlatform.broker_url = "broker"
    with pytest.raises(DatalabError, match=r"c\.SageMakerPlatform\.broker_url is 'broker'"):
        SageMakerPlatform.configure(config, load_catalog(None))


@pytest.mark.parametrize(
    "broker",
    [
        "http://datalab-broker:8082",
        "http://datalab-broker.lab.svc:8082",
        "http://datalab-broker.lab.svc.cluster.local.:8082",
        "http://datalab-broker.lab.svc.k8s.example.com",
        "http://127.0.0.1:8082",
        "http://localhost:8082",
        "http://0.0.0.0:8082",
    ],
)
def test_an_address_of_a_cluster_or_of_this_machine_is_said_to_lead_nowhere(broker):
    said = broker_out_of_reach(broker, VPC)
    assert said is not None
    assert broker in said
    assert "c.SageMakerPlatform.broker_url" in said


@pytest.mark.parametrize(
    "broker", ["", "http://hub.internal:8082", "http://10.20.1.2:8082", "https://svc.example.com"]
)
def test_nothing_is_said_of_an_address_that_may_be_reached(broker):
    assert broker_out_of_reach(broker, VPC) is None


def test_jobs_of_a_stand_in_run_on_this_machine():
    assert broker_out_of_reach("http://127.0.0.1:8082", ["127.0.0.0/8"]) is None


def test_only_a_job_that_had_a_broker_is_led_to_another():
    env = {"DATALAB_BROKER_URL": "http://datalab-broker:8082", "X": "1"}
    lead_to_broker("https://b.example", env)
    assert env == {"DATALAB_BROKER_URL": "https://b.example", "X": "1"}
    without = {"X": "1"}
    lead_to_broker("https://b.example", without)
    assert without == {"X": "1"}
