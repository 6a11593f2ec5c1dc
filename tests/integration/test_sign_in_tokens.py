"""The person's own token, through the broker: refreshed with what the sign-in left in the hub.

A real hub with oauthenticator, and a real OpenID Connect provider on loopback, which signs people
in for seconds.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime

import httpx
import psutil
import pytest
from credhub import Site, answers_health
from fakes.ports import free_port
from hubproc import answers, running_hub, until

LIFE = 20  # seconds
CATALOG = """
profiles: [{name: small, title: Small}]
data_sources:
  - {name: mine, title: Mine, kind: http, url: "https://mine.example"}
"""
CONFIG = """
import json
from datalab_hub.config import configure
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "datalab"
c.GenericOAuthenticator.client_secret = "secret-of-the-client"
c.GenericOAuthenticator.basic_auth = True  # all that this provider takes for a refresh
c.GenericOAuthenticator.oauth_callback_url = os.environ["SITE"] + "/hub/oauth_callback"
endpoints = json.loads(os.environ["ENDPOINTS"])
c.GenericOAuthenticator.authorize_url = endpoints["authorization_endpoint"]
c.GenericOAuthenticator.token_url = endpoints["token_endpoint"]
c.GenericOAuthenticator.userdata_url = endpoints["userinfo_endpoint"]
c.GenericOAuthenticator.scope = ["openid", "profile"]
c.GenericOAuthenticator.username_claim = "sub"
c.GenericOAuthenticator.allow_all = True
c.Authenticator.enable_auth_state = True
c.JupyterHub.services = [{"name": "test", "api_token": "a" * 32, "admin": True}]
c.JupyterHub.load_roles = [{
    "name": "test-enters", "services": ["test"], "scopes": ["access:servers", "read:metrics"]
}]
c.Authenticator.auth_refresh_age = 3
c.CredentialBroker.requests_per_minute = 1000
configure(c, catalog="datalab.yaml", data_dir="data")
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--token-max-age", str(LIFE), "--user-claims", json.dumps({"sub": "ann"})]
    with (tmp_path_factory.mktemp("oidc") / "log").open("w") as log:
        process = psutil.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{url}/.well-known/openid-configuration"))
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def site(provider, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sign-in")
    (directory / "datalab.yaml").write_text(CATALOG)
    environment = {
        "ENDPOINTS": httpx.get(f"{provider}/.well-known/openid-configuration").text,
        "JUPYTERHUB_CRYPT_KEY": "0" * 64,
    }
    with running_hub(directory, CONFIG, environment) as (url, _):
        with httpx.Client(base_url=url, follow_redirects=True, timeout=60) as ann:
            page = ann.get("/hub/oauth_login")
            assert str(page.url).startswith(provider)
            assert ann.post(str(page.url), data={"sub": "ann"}).status_code == 200
            site = Site(url, directory, "", "")
            until(lambda: answers_health(site))
            site.start("ann")
            yield site
        assert "secret-of-the-client" not in (directory / "hub.log").read_text()


def mine(site):
    answer = site.ask(site.token("ann"), "mine")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["values"]["Token"], datetime.fromisoformat(body["expires"])


def test_a_token_that_has_ended_is_refreshed_and_its_end_is_the_providers(site, provider):
    first, end = mine(site)
    assert (end - datetime.now(UTC)).total_seconds() <= LIFE
    until(lambda: mine(site)[0] != first or time.sleep(1), LIFE + 60)
    second, later = mine(site)
    assert later > end
    me = httpx.get(f"{provider}/userinfo", headers={"Authorization": f"Bearer {second}"})
    assert me.json()["sub"] == "ann"  # and the provider takes it


def test_a_refresh_token_never_leaves_the_hub(site):
    answer = site.ask(site.token("ann"), "mine")
    assert set(answer.json()["values"]) == {"Token"}
    kernel = json.dumps(site.environment("ann"))
    assert "refresh" not in kernel.lower()


def test_a_sign_in_that_the_provider_has_revoked_is_said_in_words(site, provider):
    mine(site)
    assert httpx.post(f"{provider}/users/ann/revoke-tokens").status_code < 400
    token = site.token("ann")
    until(lambda: site.ask(token, "mine").status_code != 200 or time.sleep(1), LIFE + 60)
    refused = site.ask(token, "mine")
    assert (refused.status_code, refused.json()["reason"]) == (502, "sign_in")
    assert "Sign out of Datalab and in again" in refused.json()["message"]
