"""Data sources in a job of a hub in a cluster: through the load balancer of the broker."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import contextmanager

import httpx
import pytest
from datalab_hub.helm.release import BROKER_PORT
from fakes.certificate import certificate
from fakes.load_balancer import load_balancer
from fakes.ports import free_port
from hubproc import until
from probes import execute
from sagemaker_hub import a_site

KEY = "the-key-of-the-maps-0123456789"
IN_THE_CLUSTER = f"http://datalab-broker:{BROKER_PORT}"
CATALOG = """
  - {{name: here, title: Here}}
data_sources:
  - {{name: maps, title: Maps, kind: static, secret: {{file: "{secret}"}}}}
"""
CONFIG = """
c.CredentialBroker.bind_url = "http://127.0.0.1:{port}"
c.CredentialBroker.workspace_url = "{inside}"
"""
WHERE = "import os; print(os.environ['DATALAB_BROKER_URL'])"


@pytest.fixture
def port():
    return free_port()


@contextmanager
def a_site_with_sources(directory, moto, port, **settings):
    """Run the fake AWS and yield a hub's directory; its workspaces are told a cluster's name."""
    secret = directory / "key"
    secret.write_text(KEY)
    secret.chmod(0o600)
    with a_site(
        directory,
        moto,
        settings=settings,
        config=CONFIG.format(port=port, inside=IN_THE_CLUSTER),
        profiles=CATALOG.format(secret=secret),
    ) as site:
        yield site


def answers_health(url, authority):
    try:
        context = ssl.create_default_context(cafile=str(authority))
        return httpx.get(f"{url}/health", verify=context).status_code == 200
    except httpx.TransportError:
        return False


def test_a_job_gets_credentials_through_the_address_that_is_for_jobs(tmp_path, moto, port):
    authority, key = certificate(tmp_path, "broker")
    with (
        load_balancer(port, authority, key) as balancer,
        a_site_with_sources(tmp_path, moto, port, broker_url=balancer.url) as site,
        site.running(),
    ):
        site.aws.instance_environment["SSL_CERT_FILE"] = str(authority)
        # The broker starts beside the hub, and a machine here takes no minutes.
        until(lambda: answers_health(balancer.url, authority))
        site.start()
        told = asyncio.run(execute(site.workspace(), WHERE))
        assert told == f"{balancer.url}\n"
        assert balancer.url.startswith("https://")
        before = balancer.connections
        code = "import datalab; print(datalab.connect('maps'))"
        assert asyncio.run(execute(site.workspace(), code)) == f"{KEY}\n"
        assert balancer.connections > before
        issued = [entry for entry in site.audit() if entry["kind"] == "credential"]
        assert {(entry["user"], entry["outcome"]) for entry in issued} == {("ann", "ok")}
        # AWS shows to many what it was asked for; the address came in the job's secret.
        (job,) = site.jobs()
        assert balancer.url not in str(job.request)

        # Workspaces of other kinds are told what they always were.
        site.api.post("users/ben")
        site.api.post("users/ben/server", json={"profile": "here"})
        until(lambda: site.server("ben").get("ready"), 60)
        assert asyncio.run(execute(site.workspace("ben"), WHERE)) == f"{IN_THE_CLUSTER}\n"
        site.stop("ben")
        site.stop()
        assert "reach no data sources" not in site.log()


def test_a_hub_whose_jobs_cannot_find_the_broker_says_so_when_it_starts(tmp_path, moto, port):
    with a_site_with_sources(tmp_path, moto, port) as site, site.running():
        said = until(
            lambda: [line for line in site.log().splitlines() if "no data sources" in line]
        )
        assert len(said) == 1
        assert IN_THE_CLUSTER in said[0]
        assert "c.SageMakerPlatform.broker_url" in said[0]
