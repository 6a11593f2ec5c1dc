"""Data sources in a job of a hub in a cluster: through the load balancer of the broker."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from datalab_hub.helm.release import BROKER_PORT
from fakes.ports import free_port
from hubproc import answers, until
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


class LoadBalancer:
    """Carries connections to a port, as a load balancer does; knows how many came."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.connections = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def carrying(self) -> Iterator[LoadBalancer]:
        """Take connections until the end of the block."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            # close() alone would leave accept() waiting.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            target = socket.create_connection(("127.0.0.1", self._target))
        except OSError:  # nobody listens there yet
            client.close()
            return
        threading.Thread(target=_carry, args=(target, client), daemon=True).start()
        _carry(client, target)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # one side has gone
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


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


def test_a_job_gets_credentials_through_the_address_that_is_for_jobs(tmp_path, moto, port):
    with (
        LoadBalancer(port).carrying() as balancer,
        a_site_with_sources(tmp_path, moto, port, broker_url=balancer.url) as site,
        site.running(),
    ):
        site.start()
        told = asyncio.run(execute(site.workspace(), WHERE))
        assert told == [f"{balancer.url}\n"]
        until(lambda: answers(f"{balancer.url}/health"))  # a job here may be sooner than it
        before = balancer.connections
        code = "import datalab; print(datalab.connect('maps'))"
        assert asyncio.run(execute(site.workspace(), code)) == [f"{KEY}\n"]
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
        assert asyncio.run(execute(site.workspace("ben"), WHERE)) == [f"{IN_THE_CLUSTER}\n"]
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
