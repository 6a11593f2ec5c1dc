"""Secrets by reference: a file, and a Kubernetes Secret read from a server with a certificate.

Secrets Manager is in tests/integration/test_broker.py, against moto.
"""

from __future__ import annotations

import base64
import ssl

import pytest
from aiohttp import web
from datalab_hub.catalog.sources.base import SecretReference
from datalab_hub.credentials import secret_store
from datalab_hub.credentials.problems import MintFailed
from fakes.certificate import certificate

SECRET = "the-secret-itself"


@pytest.fixture
async def pod(tmp_path, monkeypatch):
    """What a pod finds: a service account's files, and an API server; yields the directory."""

    async def secret(request):
        if request.headers.get("Authorization") != "Bearer account-token":
            return web.json_response({"reason": "Forbidden"}, status=403)
        if request.match_info["name"] != "sales-db":
            return web.json_response({"reason": "NotFound"}, status=404)
        data = {"login": base64.b64encode(f"{SECRET}\n".encode()).decode(), "binary": "/////w=="}
        return web.json_response({"data": data})

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/hub/secrets/{name}", secret)
    runner = web.AppRunner(app)
    await runner.setup()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority, key = certificate(tmp_path, "cluster")
    server.load_cert_chain(authority, key)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server).start()
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("account-token\n")
    (account / "namespace").write_text("hub")
    (account / "ca.crt").write_bytes(authority.read_bytes())
    monkeypatch.setattr(secret_store, "_ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(runner.addresses[0][1]))
    yield account
    await runner.cleanup()


async def fetched(**reference):
    return await secret_store.fetch(SecretReference(**reference))


async def detail_of(**reference):
    with pytest.raises(MintFailed, match="Tell the person who runs Datalab") as failed:
        await fetched(**reference)
    assert SECRET not in failed.value.detail
    return failed.value.detail


async def test_a_kubernetes_secret_is_read_with_the_pods_own_account(pod):
    assert await fetched(kubernetes="sales-db/login") == SECRET


async def test_a_rotated_account_token_is_taken_at_the_next_use(pod):
    (pod / "token").write_text("an older one")
    assert "HTTP 403" in await detail_of(kubernetes="sales-db/login")
    (pod / "token").write_text("account-token")
    assert await fetched(kubernetes="sales-db/login") == SECRET


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("missing/login", "HTTP 404"),
        ("sales-db/other", "no text under that key"),
        ("sales-db/binary", "no text under that key"),
    ],
)
async def test_what_is_not_there_is_named(pod, reference, said):
    assert said in await detail_of(kubernetes=reference)


async def test_a_server_that_the_cluster_does_not_vouch_for_gets_no_token(pod, tmp_path):
    other, _ = certificate(tmp_path, "other")
    (pod / "ca.crt").write_bytes(other.read_bytes())
    assert "Certificate" in await detail_of(kubernetes="sales-db/login")


async def test_outside_of_kubernetes_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(secret_store, "_ACCOUNT", tmp_path / "none")
    assert "does not run in Kubernetes" in await detail_of(kubernetes="sales-db/login")


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o644, 0o666])
async def test_a_file_that_others_can_read_or_write_is_not_used(tmp_path, mode):
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(mode)
    assert "make it 0600" in await detail_of(file=str(tmp_path / "secret"))


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("ann:pass:word", ("ann", "pass:word")),
        ('{"username": "ann", "password": "p"}', ("ann", "p")),
        ('{"client_id": "id", "client_secret": "s"}', ("id", "s")),
    ],
)
async def test_a_login_has_one_of_three_forms(tmp_path, text, login):
    (tmp_path / "login").write_text(text)
    (tmp_path / "login").chmod(0o600)
    assert await secret_store.login(SecretReference(file=str(tmp_path / "login"))) == login


@pytest.mark.parametrize("text", ["nothing", "{", '{"username": "ann"}', "[]"])
async def test_another_form_is_refused_without_quoting_it(tmp_path, text):
    (tmp_path / "login").write_text(text)
    (tmp_path / "login").chmod(0o600)
    with pytest.raises(MintFailed) as failed:
        await secret_store.login(SecretReference(file=str(tmp_path / "login")))
    assert "another form than expected" in failed.value.detail
