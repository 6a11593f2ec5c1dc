"""A source leaves the catalog: what it gave is refused from then on, and taken back."""

from __future__ import annotations

import json
import stat

import psutil
import psycopg
import pytest
from credhub import answers_health, site_with_sources
from hubproc import until


@pytest.fixture
def site(tmp_path):
    with site_with_sources(tmp_path) as site:
        yield site


def test_a_role_goes_with_its_source_though_the_workspace_runs_on(site):
    leaving, staying = site.values("ann", "brief-role"), site.values("ann", "sales")
    book = site.directory / "data" / "credentials" / "sources.json"
    assert stat.S_IMODE(book.stat().st_mode) == 0o600
    assert "password" not in book.read_text()

    remove(site, "brief-role")
    with psycopg.connect(site.database, user=leaving["Username"], password=leaving["Password"]):
        restart_broker(site)
        until(lambda: leaving["Username"] not in site.roles(), 20)
    assert staying["Username"] in site.roles()
    refused = site.ask(site.token("ann"), "brief-role")
    assert refused.status_code == 404
    assert "no data source 'brief-role' (any more)" in refused.json()["message"]
    names = [entry["source"]["name"] for entry in json.loads(book.read_text())["sources"]]
    assert "sales" in names
    assert "brief-role" not in names


def test_a_source_that_cannot_be_reached_is_said_once_and_tried_again(site):
    role = site.values("ann", "brief-role")["Username"]
    secret = site.directory / "secrets" / "broker"
    login = secret.read_text()
    remove(site, "brief-role")
    secret.write_text("datalab_broker:wrong\n")
    restart_broker(site)
    log = site.directory / "hub.log"
    until(lambda: "brief-role has left the catalog, and what it gave" in log.read_text(), 20)
    assert role in site.roles()
    secret.write_text(login)
    until(lambda: role not in site.roles(), 20)
    text = log.read_text()
    assert text.count("brief-role has left the catalog, and what it gave") == 1
    assert "brief-role has left the catalog; took back 1 credentials" in text


def remove(site, name):
    """Take a source out of the catalog, as an operator does."""
    catalog = site.directory / "datalab.yaml"
    lines = catalog.read_text().splitlines(keepends=True)
    (first,) = (n for n, line in enumerate(lines) if line.startswith(f"  - {{name: {name},"))
    after = next(n for n in range(first + 1, len(lines)) if lines[n].startswith("  - "))
    catalog.write_text("".join(lines[:first] + lines[after:]))


def restart_broker(site):
    """End the broker; the hub starts it anew, and it reads the catalog."""

    def brokers():
        family = psutil.Process(site.pid).children(recursive=True)
        return [
            process
            for process in family
            if process.status() != psutil.STATUS_ZOMBIE
            and "datalab_hub.credentials.service" in process.cmdline()
        ]

    (broker,) = brokers()
    broker.kill()
    until(lambda: broker not in brokers())
    until(lambda: answers_health(site), 90)  # JupyterHub looks every 30 seconds
