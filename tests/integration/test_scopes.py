"""Who may do what in the hub's API: each token against a table."""

from __future__ import annotations

import httpx
import pytest
from hubproc import Datalab, Person

OWNER = "users/{owner}"
# (method, path): who is let through; everybody else is refused with 403 or, where JupyterHub
# does not tell that something exists, 404.
TABLE = {
    ("GET", "users"): {"culler"},
    ("GET", OWNER): {"culler", "operator", "workspace"},
    ("GET", "user"): {"culler", "operator", "workspace", "broker"},  # who am I
    ("GET", f"{OWNER}/tokens"): set(),
    ("POST", f"{OWNER}/tokens"): set(),
    ("POST", f"{OWNER}/servers/new"): set(),
    ("POST", f"{OWNER}/activity"): {"workspace"},
    ("DELETE", "users/spare/server"): {"culler", "operator"},
    ("POST", "users/somebody"): set(),
    ("PATCH", OWNER): set(),
    ("DELETE", "users/spare"): {"operator"},
    ("GET", "groups"): set(),
    ("GET", "proxy"): set(),
    ("GET", "services"): set(),
    ("POST", "shutdown"): set(),
}
TOKEN = "JUPYTERHUB_API_TOKEN"
CATALOG = """
profiles: [{name: small, title: Small}]
data_sources: [{name: maps, title: Maps, kind: static, secret: {file: /nowhere}}]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("scopes")
    (directory / "datalab.yaml").write_text(CATALOG)  # a data source brings the broker
    site = Datalab(directory / "data", catalog=directory / "datalab.yaml").start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def person(site):
    person = Person(site)
    person.sign_in(site.link())
    person.start("small")
    return person


@pytest.fixture(scope="module")
def owner(person):
    return person.http.get("/hub/api/user").json()["name"]


@pytest.fixture(scope="module")
def tokens(site, person, owner):
    """The tokens that are about, as their holders have them."""
    (workspace,) = site.workspaces()
    headers = {"X-XSRFToken": person.http.cookies.get("_xsrf", path=f"/user/{owner}/")}
    assert person.http.post(f"/user/{owner}/api/kernels", headers=headers).status_code == 201
    return {
        "culler": site.helper("jupyterhub_idle_culler").environ()[TOKEN],
        "broker": site.helper("datalab_hub.credentials.service").environ()[TOKEN],
        "operator": (site.data_dir / "hub" / "operator_token").read_text(),
        "workspace": workspace.children()[0].environ()[TOKEN],
        "nobody": "0" * 32,
    }


@pytest.fixture
def spare(site, person):
    """Create somebody who may be deleted, when called."""
    headers = {
        "X-XSRFToken": person.http.cookies.get("_xsrf", path="/hub/"),
        "Referer": f"{site.url}/hub/home",
    }
    return lambda: person.http.post("/hub/api/users/spare", headers=headers)


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_a_token_opens_what_it_is_for_and_nothing_else(site, owner, spare, tokens, method, path):
    for holder, token in tokens.items():
        assert spare().status_code in (201, 409)
        answer = httpx.request(
            method,
            f"{site.url}/hub/api/{path.format(owner=owner)}",
            headers={"Authorization": f"token {token}"},
            json={} if method in ("POST", "PATCH") else None,
        )
        let_through = answer.status_code not in (403, 404)
        expected = holder in TABLE[method, path]
        assert let_through is expected, (holder, answer.status_code, answer.text)
