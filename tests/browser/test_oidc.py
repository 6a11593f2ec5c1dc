"""Sign-in through an OpenID Connect provider: a real one on loopback, and oauthenticator.

Groups come from the provider and decide which profiles a person may start, in the form and in
the API.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from fakes.ports import free_port
from hubproc import answers, running_hub, until
from playwright.sync_api import APIResponse, Browser, Page, expect

CATALOG = """
profiles:
  - {name: small, title: Small}
  - {name: secret, title: For the few, allowed_groups: [few]}
"""
CONFIG = """
import json
from datalab_hub.config import configure

# From here on: what docs/how-to/sign-in.md says.
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "datalab"
c.GenericOAuthenticator.client_secret = os.environ["OIDC_CLIENT_SECRET"]
c.GenericOAuthenticator.oauth_callback_url = os.environ["SITE"] + "/hub/oauth_callback"
endpoints = json.loads(os.environ["ENDPOINTS"])
c.GenericOAuthenticator.authorize_url = endpoints["authorization_endpoint"]
c.GenericOAuthenticator.token_url = endpoints["token_endpoint"]
c.GenericOAuthenticator.userdata_url = endpoints["userinfo_endpoint"]
c.GenericOAuthenticator.scope = ["openid", "profile", "groups"]
c.GenericOAuthenticator.username_claim = "sub"
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
c.GenericOAuthenticator.allow_all = True

configure(c, catalog="datalab.yaml", data_dir="data")
"""
PEOPLE = [{"sub": "ann", "groups": ["few"]}, {"sub": "bob", "groups": ["many"]}]
SECRET = "the-client-secret-of-this-test"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    for person in PEOPLE:
        command += ["--user-claims", json.dumps(person)]
    log = tmp_path_factory.mktemp("oidc") / "provider.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{url}/.well-known/openid-configuration"))
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def hub(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("hub")
    (directory / "datalab.yaml").write_text(CATALOG)
    environment = {
        "OIDC_CLIENT_SECRET": SECRET,
        "ENDPOINTS": httpx.get(f"{provider}/.well-known/openid-configuration").text,
    }
    with running_hub(directory, CONFIG, environment) as (url, _process):
        yield url
    assert SECRET not in (directory / "hub.log").read_text()


def sign_in(browser: Browser, hub: str, name: str) -> Page:
    """Sign in at the provider, as that person."""
    page = browser.new_context().new_page()
    page.goto(hub)
    page.get_by_role("link", name="Sign in").or_(page.get_by_role("button", name="Sign in")).click()
    page.wait_for_url("**/oauth2/authorize**")
    page.locator("input[name=sub]").first.fill(name)
    page.get_by_role("button", name="Authorize").first.click()
    page.wait_for_url("**/hub/home")
    return page


def start(page: Page, hub: str, profile: str) -> APIResponse:
    """Ask the API for a workspace, with the person's cookies."""
    http = page.context.request
    name = http.get(f"{hub}/hub/api/user").json()["name"]
    headers = {"Referer": page.url, "X-XSRFToken": page.evaluate("document.body.dataset.xsrf")}
    return http.post(
        f"{hub}/hub/api/users/{name}/server", headers=headers, data={"profile": profile}
    )


def test_groups_arrive_and_open_what_they_should(browser: Browser, hub: str) -> None:
    page = sign_in(browser, hub, "ann")
    expect(page.get_by_role("heading", name="For the few")).to_be_visible()
    page.click("#start-secret")
    page.wait_for_selector(".jp-Launcher-body", timeout=60_000)
    page.goto(f"{hub}/hub/home")
    me = page.context.request.get(f"{hub}/hub/api/user").json()
    assert (me["name"], me["groups"]) == ("ann", ["few"])
    page.get_by_role("button", name="Stop").first.click()
    expect(page.locator(".state.running")).to_have_count(0)
    page.context.close()


def test_others_are_refused_through_the_form_and_through_the_api(
    browser: Browser, hub: str
) -> None:
    page = sign_in(browser, hub, "bob")
    expect(page.get_by_text("For the few")).to_have_count(0)
    refused = start(page, hub, "secret")
    assert refused.status == 403
    assert "is for the group few" in refused.text()
    page.evaluate("document.querySelector('form[data-start] [name=profile]').value = 'secret'")
    page.locator("form[data-start] button").first.click()
    expect(page.get_by_role("alert")).to_contain_text("is for the group few")
    page.context.close()
