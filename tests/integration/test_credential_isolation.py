"""Nobody gets what is another's: each attempt is refused, and stands in the audit.

Attempts at the agent are in test_agent.py; these are at the broker, at the hub's answers to the
broker, and across accounts of one machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from credhub import ADMIN, SECRETS, site_with_sources
from datalab_workspace import wire
from hubproc import until
from probes import needs_root

INTROSPECT = "/hub/datalab/api/credentials"
OTHER = 54321  # a uid that is nobody's


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with site_with_sources(tmp_path_factory.mktemp("isolation")) as site:
        yield site


@pytest.fixture(scope="module")
def bobs(site):
    """Tokens that Bob can get hold of, or make up."""
    made = site.admin.post("/hub/api/users/bob/tokens", json={"note": "bob's own"}).json()["token"]
    scopes = ["access:servers!server=bob/", "users:activity!user=bob"]
    like = site.admin.post("/hub/api/users/bob/tokens", json={"scopes": scopes}).json()["token"]
    note = {"note": "Server at /user/bob/", "scopes": scopes}
    disguised = site.admin.post("/hub/api/users/bob/tokens", json=note).json()["token"]
    mine = site.token("bob")
    brief = {"expires_in": 1, "scopes": scopes}
    return {
        "a token of the person": made,
        "one with a workspace's scopes": like,
        "one with a workspace's note": disguised,
        "one that has ended": site.admin.post("/hub/api/users/bob/tokens", json=brief).json()[
            "token"
        ],
        "an administrator service's": ADMIN,
        "made up": "0" * 32,
        "shortened": mine[:-1],
        "prolonged": mine + "0",
        "in capitals": mine.upper(),
        "the prefix that the database shows": mine[:4],
        "very long": "a" * 5000,
        "with a quote": "' OR '1'='1",
    }


def refusals(site):
    return [event for event in site.audit() if event["outcome"] == "refused"]


@pytest.mark.parametrize("number", range(12))
def test_only_a_live_workspaces_own_token_opens(site, bobs, number):
    token = list(bobs.values())[number]
    before = len(refusals(site))
    answer = site.ask(token, "maps")
    assert answer.status_code == 401, list(bobs)[number]
    assert SECRETS["maps"] not in answer.text
    if len(token) < 500:  # what cannot be a token is not worth a question to the hub
        assert len(refusals(site)) == before + 1
        assert token not in json.dumps(site.audit())


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-User": "ann"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-User": "ann", "Remote-User": "ann"},
        {"Cookie": "jupyterhub-session-id=x; jupyterhub-hub-login=ann"},
        {"X-JupyterHub-User": "ann", "X-JupyterHub-Groups": "sales"},
        {"Host": "ann.example"},
    ],
)
def test_no_header_makes_bob_ann(site, headers):
    answer = site.ask(site.token("bob"), "sales", headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (403, "group")
    event = refusals(site)[-1]
    assert (event["user"], event["reason"]) == ("bob", "group")


def test_two_authorizations_are_none(site):
    body = wire.encode(wire.CredentialRequest("sales"))
    headers = [
        ("Authorization", f"token {site.token('bob')}"),
        ("Authorization", f"token {site.token('ann')}"),
    ]
    before = len(refusals(site))
    answer = httpx.post(f"{site.broker}/v1/credentials", content=body, headers=headers)
    assert answer.status_code == 401
    assert len(refusals(site)) == before + 1


@pytest.mark.parametrize(
    "where",
    ["?token={token}", "?Authorization=token+{token}", "/{token}", "?user=ann&source=sales"],
)
def test_a_token_in_the_address_counts_for_nothing(site, where):
    body = wire.encode(wire.CredentialRequest("sales"))
    path = "/v1/credentials" + where.format(token=site.token("ann"))
    before = len(refusals(site))
    answer = httpx.post(f"{site.broker}{path}", content=body)
    assert answer.status_code in (401, 404)
    assert len(refusals(site)) == before + 1
    assert site.token("ann") not in json.dumps(site.audit())


@pytest.mark.parametrize(
    ("source", "access"),
    [
        ("sales", "read"),
        ("sales", "write"),
        ("lake", "write"),
        ("weather", "read"),
        ("archive", "write"),
        ("maps", "admin"),
        ("SALES", "read"),
        ("sales\n", "read"),
        ("../sales", "read"),
        ("maps/../sales", "read"),
        ("*", "read"),
        ("", "read"),
        ("sales\u0000", "read"),
    ],
)
def test_no_name_and_no_mode_leads_past_the_groups(site, source, access):
    before = len(refusals(site))
    answer = site.ask(site.token("bob"), source, access)
    assert answer.status_code in (403, 404), answer.text
    assert len(refusals(site)) == before + 1
    assert refusals(site)[-1]["user"] == "bob"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"version":1,"type":"credentialrequest"}',
        b'{"version":1,"type":"credentialrequest","source":["sales"]}',
        b'{"version":99,"type":"credentialrequest","source":"sales"}',
        b'{"version":1,"type":"credential","source":"sales"}',
        b'{"version":1,"type":"credentialrequest","source":"' + b"a" * 20_000 + b'"}',
    ],
)
def test_what_is_not_the_protocol_is_refused(site, body):
    headers = {"Authorization": f"token {site.token('ann')}"}
    before = len(refusals(site))
    answer = httpx.post(f"{site.broker}/v1/credentials", content=body, headers=headers)
    assert answer.status_code in (400, 413)
    assert answer.json()["type"] == "refusal"
    assert len(refusals(site)) == before + 1


def test_a_field_that_names_another_person_is_ignored(site):
    body = {"version": 1, "type": "credentialrequest", "source": "sales"}
    more = {"user": "ann", "groups": ["sales"], "run": 1, "server": ""}
    headers = {"Authorization": f"token {site.token('bob')}"}
    answer = httpx.post(f"{site.broker}/v1/credentials", json=body | more, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["workspaces", "runs", "person"])
def test_the_hub_answers_the_broker_and_nobody_else(site, path):
    body = {"tokens": [site.token("ann")], "run": 1}
    for token in (site.token("bob"), site.token("ann"), ADMIN, "0" * 32, None):
        headers = {"Authorization": f"token {token}"} if token else {}
        before = len(refusals(site))
        answer = httpx.post(f"{site.url}{INTROSPECT}/{path}", json=body, headers=headers)
        assert answer.status_code == 403
        assert "groups" not in answer.text
        assert len(refusals(site)) == before + 1
        assert refusals(site)[-1]["reason"] == "broker"


def test_the_proxy_does_not_lead_to_the_broker(site):
    for path in ("/services/datalab-credentials/health", "/services/datalab-credentials/"):
        assert httpx.get(f"{site.url}{path}").status_code in (302, 403, 404)


def test_the_brokers_own_token_opens_nothing_in_the_hubs_api(site):
    token = _broker(site).environ()["JUPYTERHUB_API_TOKEN"]
    headers = {"Authorization": f"token {token}"}
    for path in ("users", "users/ann", "groups", "services", "proxy", "users/ann/tokens"):
        answer = httpx.get(f"{site.url}/hub/api/{path}", headers=headers)
        assert answer.status_code in (403, 404), path
    assert site.ask(token, "maps").status_code == 401


def _broker(site):
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        if "datalab_hub.credentials.service" in command and process.info["cwd"] == str(
            site.directory
        ):
            return process
    raise AssertionError("no broker")


# -- nothing secret lies about ----------------------------------------------------------------


def test_no_secret_is_in_a_log_a_command_line_an_address_or_the_database(site):
    """After everything was handed out once, looks everywhere that others look."""
    minted = [
        value
        for source in ("lake", "sales", "weather", "maps", "vault")
        for key, value in site.values("ann", source).items()
        if key not in ("AccessKeyId", "Username")
    ]
    agent = _agent_token(site, "ann")
    secrets = [*minted, *SECRETS.values(), "broker-aws-secret-key", agent, site.token("ann")]
    site.ask(site.token("ann"), "open")
    places = {
        path: path.read_bytes()
        for root in (site.directory / "data", site.directory)
        for path in root.rglob("*")
        if path.is_file()
        and not path.is_relative_to(site.directory / "secrets")
        and not path.is_relative_to(site.directory / "data" / "homes")
        and path.name != "moto-recording"
    }
    assert any(path.name == "jupyterhub.sqlite" for path in places)
    assert any(path.name == "audit.jsonl" for path in places)
    postgres = Path(httpx.URL(site.database).params["host"])
    places[postgres / "log"] = (postgres / "log").read_bytes()
    assert b"CREATE ROLE" in places[postgres / "log"]  # it does log statements
    for process in psutil.process_iter(["cmdline", "pid"]):
        places[Path(f"pid {process.info['pid']}")] = " ".join(
            process.info["cmdline"] or []
        ).encode()
    for secret in secrets:
        for place, content in places.items():
            assert secret.encode() not in content, place
    for entry in json.loads(json.dumps(site.sts_requests())):
        assert "broker-aws-secret-key" not in entry.values()


def test_nothing_minted_is_in_the_environment_of_a_server_or_kernel(site):
    environment = site.environment("ann")
    values = [
        value for source in ("lake", "sales") for value in site.values("ann", source).values()
    ]
    everything = json.dumps(environment)
    for secret in (*values, *SECRETS.values(), "broker-aws-secret-key", _agent_token(site, "ann")):
        assert secret not in everything


def test_what_the_agent_writes_is_for_its_owner_alone(site):
    token_file = Path(site.environment("ann")["DATALAB_AGENT_TOKEN_FILE"])
    service = site.home("ann") / ".pg_service.conf"
    until(service.exists)
    for path in (token_file, service, site.home("ann") / ".aws" / "config"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.root
@needs_root
def test_another_account_of_the_machine_reaches_the_port_and_gets_nothing(site):
    environment = site.environment("ann")
    code = f"""
import urllib.request, urllib.error, pathlib, os
for path in ({environment["DATALAB_AGENT_TOKEN_FILE"]!r}, "/proc/{_agent_pid(site)}/environ"):
    try:
        pathlib.Path(path).read_bytes()
        print("READ", path)
    except PermissionError:
        print("closed")
for path in ("/v1/aws/default", "/v1/credentials/sales", "/v1/sources"):
    try:
        urllib.request.urlopen({environment["DATALAB_AGENT_URL"]!r} + path)
        print("OPEN", path)
    except urllib.error.HTTPError as error:
        print(error.code)
"""
    done = subprocess.run(
        ["/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable, "-c", code],
        user=OTHER,
        group=OTHER,
        extra_groups=[],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["closed", "closed", "403", "403", "403"], done.stderr


def _agent_token(site, name):
    return Path(site.environment(name)["DATALAB_AGENT_TOKEN_FILE"]).read_text()


def _agent_pid(site):
    return site.kernel("ann").ppid()
