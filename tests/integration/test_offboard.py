"""Somebody leaves: a real hub, a real workspace, a real home."""

from __future__ import annotations

import json

import httpx
import pytest
from hubproc import Datalab, Person, until


@pytest.fixture
def site(tmp_path):
    site = Datalab(tmp_path / "data").start()
    yield site
    site.stop()


@pytest.fixture
def owner(site):
    person = Person(site)
    person.sign_in(site.link())
    return person


def api(person, method, path, **body):
    xsrf = person.http.cookies.get("_xsrf", path="/hub/")
    headers = {"X-XSRFToken": xsrf, "Referer": f"{person.site.url}/hub/home"}
    return person.http.request(method, f"/hub/api/{path}", json=body or None, headers=headers)


def offboard(site, *arguments):
    return site.datalab("offboard", *arguments)


def test_a_dry_run_changes_nothing_and_apply_leaves_nothing_but_the_gift(site, owner):
    name = owner.http.get("/hub/api/user").json()["name"]
    owner.start("small")
    assert api(owner, "POST", "users/ann").status_code == 201
    token = api(owner, "POST", "users/ann/tokens", note="ann's").json()["token"]
    assert api(owner, "POST", "users/ann/server", profile="small").status_code in (201, 202)
    home = site.data_dir / "homes" / "ann"
    until(lambda: len(site.workspaces()) == 2)
    (home / "results.csv").write_text("1,2\n")

    dry = offboard(site, "ann", "--home", f"give:{name}")
    assert dry.returncode == 0, dry.stderr
    for step in ("stop the workspace", "delete the account of ann", "move the home to"):
        assert step in dry.stdout
    assert "Nothing has been changed" in dry.stdout
    assert len(site.workspaces()) == 2

    done = offboard(site, "ann", "--home", f"give:{name}", "--apply")
    assert done.returncode == 0, done.stderr
    until(lambda: len(site.workspaces()) == 1)
    with_token = {"Authorization": f"token {token}"}
    assert httpx.get(f"{site.url}/hub/api/user", headers=with_token).status_code == 403
    assert not home.exists()
    assert (site.data_dir / "homes" / name / "from-ann" / "results.csv").read_text() == "1,2\n"
    events = [
        json.loads(line)
        for line in (site.data_dir / "logs" / "audit.jsonl").read_text().splitlines()
    ]
    assert [e for e in events if e.get("reason") == "offboard" and e["user"] == "ann"]
    again = offboard(site, "ann")
    assert again.returncode == 1
    assert "nobody called 'ann'" in again.stderr


def test_what_cannot_be_done_is_said_before_anything_is_done(site, owner):
    name = owner.http.get("/hub/api/user").json()["name"]
    refused = offboard(site, name, "--apply")
    assert refused.returncode == 1
    assert "administrates this Datalab" in refused.stderr
    api(owner, "POST", "users/ann")
    (site.data_dir / "homes" / "ann").mkdir(parents=True)
    for home, text in {
        "burn": "expected keep, remove or give:NAME",
        "give:nobody": "nobody called 'nobody'",
        f"give:{name}": "has no home yet",
    }.items():
        refused = offboard(site, "ann", "--home", home, "--apply")
        assert refused.returncode == 1
        assert text in refused.stderr
    assert offboard(site, "ann", "--home", "remove", "--apply").returncode == 0
    assert not (site.data_dir / "homes" / "ann").exists()


def test_running_it_again_goes_on_where_it_failed(site, owner):
    """The account went, then the home could not be settled: only the home is left to do."""
    home = site.data_dir / "homes" / "ann"
    home.mkdir(parents=True)
    rest = offboard(site, "ann", "--home", "remove", "--apply")
    assert rest.returncode == 0, rest.stderr
    assert "delete the account" not in rest.stdout
    assert not home.exists()
    assert "nobody called 'ann'" in offboard(site, "ann").stderr
