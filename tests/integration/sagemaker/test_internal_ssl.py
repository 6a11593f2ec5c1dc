"""JupyterHub's ``internal_ssl``: everything between hub, proxy and workspace is TLS, both ways."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl

import pytest
from cryptography import x509
from fakes.ports import free_port
from hubproc import until
from probes import execute
from sagemaker_hub import a_site
from sagemaker_site import secrets_of

CONFIG = """
c.JupyterHub.internal_ssl = True
c.JupyterHub.internal_certs_location = "certs"
c.ConfigurableHTTPProxy.api_url = "https://127.0.0.1:" + os.environ["PROXY_API_PORT"]
"""


def address_of(job) -> tuple[str, int]:
    """Return where a job has registered, from its own log."""
    (line,) = (line for line in job.log().splitlines() if "registered as" in line)
    host, _, port = line.rpartition(" ")[2].rpartition(":")
    return host, int(port)


def names_of(address: tuple[str, int]) -> list[str]:
    """Return the names in the certificate that a workspace shows to anybody."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(address, 20) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        shown = x509.load_der_x509_certificate(encrypted.getpeercert(binary_form=True))
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def test_direct_with_a_certificate_for_an_address_that_nobody_knew(tmp_path, moto):
    with a_site(tmp_path, moto, config=CONFIG) as site, site.running():
        site.start()
        (job,) = site.jobs()
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
        host, port = address_of(job)
        assert host in names_of((host, port))
        # Who has no certificate of this hub's is not heard at all.
        with pytest.raises((ssl.SSLError, ConnectionError)):
            anonymous(host, port)
        nowhere_but_in_the_secret(site, job)
        assert "https://" in (site.directory / "hub.log").read_text()
        site.stop()


def test_through_the_tunnel_the_proxy_speaks_tls_with_the_workspace_itself(tmp_path, moto):
    port = free_port()
    settings = {
        "transport": "tunnel",
        "gateway_url": f"ws://127.0.0.1:{port}/",
        "gateway_listen": f"127.0.0.1:{port}",
    }
    with a_site(tmp_path, moto, config=CONFIG, settings=settings) as site, site.running():
        site.start()
        (job,) = site.jobs()
        assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
        nowhere_but_in_the_secret(site, job)
        site.stop()


def test_a_hub_that_is_killed_finds_its_workspace_again(tmp_path, moto):
    with a_site(tmp_path, moto, config=CONFIG) as site:
        with site.running() as process:
            site.start()
            process.kill()
            process.wait()
        with site.running():
            until(lambda: site.server().get("ready"), 90)
            assert asyncio.run(execute(site.workspace(), "print(6 * 7)")) == "42\n"
            site.stop()


def anonymous(host: str, port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), 20) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        encrypted.sendall(b"GET / HTTP/1.0\r\n\r\n")
        if not encrypted.recv(100):
            raise ConnectionError("nothing was answered")


def nowhere_but_in_the_secret(site, job) -> None:
    """The key went through the secret, which is gone; it is in no request, log or state."""
    carriers = {"CreateSecret", "PutSecretValue", "GetSecretValue"}
    carried = [
        c for c in site.aws.calls if "PRIVATE KEY" in json.dumps([c.body, c.answer], default=str)
    ]
    assert {call.operation for call in carried} <= carriers
    assert carried
    assert "PRIVATE KEY" not in json.dumps(job.request)
    assert "PRIVATE KEY" not in site.log()
    assert b"PRIVATE KEY" not in (site.directory / "hub.sqlite").read_bytes()
    until(lambda: secrets_of(site.moto) == [])
