"""Two people with a uid each on one machine: what one may use, the other cannot get at."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest
from hubproc import Person, until
from probes import needs_root

from .test_many_people import PublicDatalab

SECRET = "the-key-of-the-few-0123456789"
CATALOG = """
profiles: [{{name: small, title: Small}}]
data_sources:
  - {{name: maps, title: Maps, kind: static, variable: MAPS_KEY, allowed_groups: [few],
      secret: {{file: "{secret}"}}}}
"""
PROBE = """
import json, os, pathlib, sys, urllib.error, urllib.request
plan, said = json.load(sys.stdin), []
for kind, *what in plan:
    try:
        if kind == "read":
            with open(what[0], "rb") as file:
                said.append(["OPEN", what[0], file.read(20).hex()])
        elif kind == "list":
            said.append(["OPEN", what[0], os.listdir(what[0])])
        elif kind == "kill":
            os.kill(what[0], 0)
            said.append(["OPEN", what[0]])
        else:
            url, headers, body = what
            request = urllib.request.Request(url, body and body.encode(), headers)
            with urllib.request.urlopen(request) as answer:
                said.append(["OPEN", url, answer.read().decode()])
    except urllib.error.HTTPError as error:
        said.append([str(error.code), error.read().decode()])
    except PermissionError:
        said.append(["closed"])
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def site(public):
    secret = public / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    (public / "datalab.yaml").write_text(CATALOG.format(secret=secret))
    site = PublicDatalab(public, "people-and-sources")
    site.arguments += ["--catalog", str(public / "datalab.yaml")]
    yield site.start()
    site.stop()


@pytest.fixture(scope="module")
def people(site):
    """Ann is in the group, Bob is not; both have a kernel. Returns their kernels' processes."""
    owner = Person(site)
    owner.sign_in(site.link())
    people = {}
    for name in ("ann", "bob"):
        password = site.datalab("user", "add", name).stdout.split()[-1]
        person = people[name] = Person(site)
        xsrf = Person.xsrf(person.http.get("/hub/login"))
        data = {"username": name, "password": password, "_xsrf": xsrf}
        assert "Start a workspace" in person.http.post("/hub/login", data=data).text
    api = {"X-XSRFToken": Person.xsrf(owner.http.get("/hub/home")), "Referer": f"{site.url}/hub/"}
    for path, body in (("few", {}), ("few/users", {"users": ["ann"]})):
        made = owner.http.post(f"/hub/api/groups/{path}", json=body, headers=api)
        assert made.status_code in (200, 201), made.text
    found = {}
    for name, person in people.items():
        person.start("small")
        until(
            lambda p=person, n=name: p.http.get(f"/user/{n}/lab").url.path == f"/user/{n}/lab", 90
        )
        token = {"X-XSRFToken": person.http.cookies.get("_xsrf", path=f"/user/{name}/")}
        made = person.http.post(f"/user/{name}/api/kernels", headers=token)
        assert made.status_code == 201, made.text
        number = made.json()["id"]
        found[name] = until(lambda number=number: _process(number))
    return found


def _process(part: str) -> psutil.Process | None:
    for process in psutil.process_iter(["cmdline"]):
        if any(part in argument for argument in process.info["cmdline"] or ()):
            return process
    return None


@pytest.mark.slow
@pytest.mark.root
@needs_root
@pytest.mark.timeout(900)
def test_what_is_anns_stays_anns(site, people, public):
    ann, bob = people["ann"], people["bob"]
    hers, his = ann.environ(), bob.environ()
    uid = bob.uids().real
    assert uid not in (0, ann.uids().real)
    server, broker = ann.ppid(), site.helper("datalab_hub.credentials.service")
    pids = (ann.pid, server, broker.pid)
    # First that there is something to get: Ann's agent hands it to Ann.
    agent_token = Path(hers["DATALAB_AGENT_TOKEN_FILE"])
    own = httpx.get(
        f"{hers['DATALAB_AGENT_URL']}/v1/credentials/maps",
        headers={"Authorization": agent_token.read_text()},
    )
    assert own.json()["values"] == {"Value": SECRET}
    his_agent_token = Path(his["DATALAB_AGENT_TOKEN_FILE"]).read_text()
    ask = '{"version":1,"type":"credentialrequest","source":"maps","access":"read"}'
    address = f"{his['DATALAB_BROKER_URL']}/v1/credentials"
    plan = [
        ["read", str(agent_token)],
        ["list", str(agent_token.parent)],
        ["read", f"{hers['HOME']}/.aws/config"],
        ["list", hers["HOME"]],
        *[["read", f"/proc/{pid}/environ"] for pid in (*pids, site.hub().pid)],
        *[["read", f"/proc/{pid}/mem"] for pid in pids],
        *[["list", f"/proc/{pid}/fd"] for pid in pids],
        ["read", str(public / "secret")],
        *[["list", str(site.data_dir / name)] for name in ("hub", "logs", "run", "homes")],
        ["read", str(site.data_dir / "hub" / "jupyterhub.sqlite")],
        ["read", str(site.data_dir / "logs" / "audit.jsonl")],
        *[["kill", pid] for pid in pids],
        *[
            ["get", f"{hers['DATALAB_AGENT_URL']}/v1/{path}", headers, None]
            for path in ("credentials/maps", "sources", "aws/default")
            for headers in (
                {},
                {"Authorization": his_agent_token},
                {"Authorization": f"token {his['JUPYTERHUB_API_TOKEN']}"},
            )
        ],
        ["get", address, {"Authorization": f"token {his['JUPYTERHUB_API_TOKEN']}"}, ask],
        ["get", address, {"Authorization": f"token {his_agent_token}"}, ask],
        ["get", f"{his['DATALAB_AGENT_URL']}/v1/credentials/maps",
         {"Authorization": his_agent_token}, None],
    ]  # fmt: skip
    assert len(plan) > 30
    done = subprocess.run(
        [site.python, "-I", "-c", PROBE],
        input=json.dumps(plan),
        user=uid,
        group=uid,
        extra_groups=[],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
    )
    said = json.loads(done.stdout)
    opened = [
        (what, answer) for what, answer in zip(plan, said, strict=True) if answer[0] == "OPEN"
    ]
    assert opened == []
    assert SECRET not in done.stdout
    events = (site.data_dir / "logs" / "audit.jsonl").read_text().splitlines()
    refused = [json.loads(line) for line in events if '"refused"' in line]
    assert {event["reason"] for event in refused} >= {"agent", "group", "unknown"}
