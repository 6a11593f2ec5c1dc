"""Datalab on one machine, as a person at the terminal and in the browser meets it."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from hubproc import Datalab, Person, datalab, until

CATALOG = """
profiles:
  - {name: small, title: Small, idle_timeout: 2h, price_per_hour: 1.50}
  - {name: secret, title: For the few, allowed_groups: [few]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("dl")
    catalog = directory / "datalab.yaml"
    catalog.write_text(CATALOG)
    site = Datalab(directory / "data", catalog=catalog).start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def person(site):
    person = Person(site)
    assert person.sign_in(site.link()).status_code == 200
    return person


def test_a_link_signs_in_once_and_its_code_is_in_no_log(site):
    link = site.link()
    first, second = Person(site), Person(site)
    assert "Start a workspace" in first.sign_in(link).text
    refused = second.sign_in(link)
    assert refused.status_code == 403
    assert "used already" in refused.text
    assert link.split("#")[1] not in site.log()


def test_a_made_up_code_is_refused_and_audited(site):
    assert Person(site).sign_in(f"{site.url}/hub/datalab/signin#made-up").status_code == 403
    events = (site.data_dir / "logs" / "audit.jsonl").read_text().splitlines()
    assert any(
        json.loads(line)["kind"] == "sign_in" and json.loads(line)["outcome"] == "refused"
        for line in events
    )


def test_a_click_leads_into_lab_and_stop_leaves_nothing(site, person):
    page = person.start("small")
    assert page.url.path.endswith("/lab"), page.url
    assert "jupyter-config-data" in page.text
    assert len(site.workspaces()) == 1
    home = person.http.get("/hub/home").text
    assert "running" in home
    assert "EUR so far" in home
    person.stop()
    until(lambda: not site.workspaces())


def test_only_offered_profiles_are_shown_and_the_form_refuses_others(site, person):
    assert "For the few" not in person.http.get("/hub/home").text
    refused = person.start("secret")
    assert refused.status_code == 403
    assert "is for the group few" in refused.text


def test_the_api_refuses_a_profile_outside_the_groups(site, person):
    name = site_owner(person)
    xsrf = person.http.cookies.get("_xsrf", path="/hub/")
    answer = person.http.post(
        f"/hub/api/users/{name}/server",
        json={"profile": "secret"},
        headers={"X-XSRFToken": xsrf, "Referer": f"{site.url}/hub/home"},
    )
    assert answer.status_code == 403
    assert "is for the group few" in answer.text
    assert not site.workspaces()


def site_owner(person):
    return person.http.get("/hub/api/user").json()["name"]


def test_a_second_workspace_gets_a_name_of_its_own(site, person):
    person.start("small")
    second = person.start("small", title="Second Thoughts")
    assert "/second-thoughts/lab" in second.url.path
    assert len(site.workspaces()) == 2
    person.stop("second-thoughts")
    person.stop()
    until(lambda: not site.workspaces())


def test_the_admin_page_shows_who_runs_what_and_the_ledger_downloads(site, person):
    person.start("small", title="Watched")
    page = person.http.get("/hub/datalab/admin")
    assert page.status_code == 200
    assert "Watched" in page.text
    ledger = person.http.get("/hub/datalab/admin/ledger.csv")
    assert ledger.text.splitlines()[0].startswith("user,server,title,profile")
    person.stop()


def test_metrics_hold_the_phases_of_a_start(site, person):
    person.start("small")
    person.stop()
    text = person.http.get("/hub/metrics").text
    assert 'datalab_start_phase_seconds_count{backend="local",phase="boot"}' in text
    assert "datalab_starts_total{" in text


def test_state_is_private(site):
    for name in ("hub", "run", "logs"):
        assert stat.S_IMODE((site.data_dir / name).stat().st_mode) == 0o700
    for name in ("hub/operator_token", "logs/audit.jsonl", "logs/hub.log"):
        assert not (site.data_dir / name).stat().st_mode & 0o077


def test_a_second_start_prints_a_link_to_the_first(site):
    again = datalab("up", *site.arguments)
    assert again.returncode == 0
    assert "running already" in again.stdout
    assert "signin#" in again.stdout


def test_a_killed_hub_comes_back_and_adopts_the_workspace(site, person):
    person.start("small")
    before = [process.pid for process in site.workspaces()]
    hub = site.hub()
    hub.kill()
    until(lambda: site.hub().pid != hub.pid and "The hub is back" in site.text(), 60)
    assert [process.pid for process in site.workspaces()] == before
    until(lambda: _home_answers(person))
    assert "running" in person.http.get("/hub/home").text
    person.stop()
    until(lambda: not site.workspaces())


def test_a_killed_proxy_is_said_once_and_replaced(site, person):
    site.helper("configurable-http-proxy").kill()
    until(lambda: "The proxy ended" in site.text())
    until(lambda: _home_answers(person))


def _home_answers(person):
    try:
        return person.http.get("/hub/home").status_code == 200
    except httpx.TransportError:
        return False


def test_a_port_in_use_is_one_clear_message(site, tmp_path):
    other = datalab("up", "--data-dir", tmp_path / "d", "--port", site.port)
    assert other.returncode == 1
    assert f"Port {site.port} is in use" in other.stderr
    assert "--port" in other.stderr


def test_a_broken_catalog_is_named_with_all_its_problems(tmp_path):
    broken = tmp_path / "c.yaml"
    broken.write_text("profiles:\n  - {name: A B, titel: x}\n")
    for command in (["check"], ["up", "--data-dir", tmp_path / "d", "--catalog"]):
        answer = datalab(*command, broken)
        assert answer.returncode == 1
        assert "did you mean 'title'" in answer.stderr
        assert "profiles[0].name" in answer.stderr


def test_a_directory_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    answer = datalab("up", "--data-dir", tmp_path / "file" / "data")
    assert answer.returncode == 1
    assert str(tmp_path / "file") in answer.stderr


def test_ctrl_c_ends_everything(tmp_path, monkeypatch, request):
    scratch = Path(tempfile.mkdtemp(prefix="short-"))
    request.addfinalizer(lambda: shutil.rmtree(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    deep = tmp_path.joinpath(*["a-long-name"] * 10)  # longer than the address of a socket may be
    deep.mkdir(parents=True)
    site = Datalab(deep / "data")
    request.addfinalizer(site.stop)  # whatever fails below
    site.start()
    person = Person(site)
    person.sign_in(site.link())
    person.start("small")
    everything = [*site.helpers(), *site.workspaces()]
    assert len(everything) >= 4  # hub, proxy, culler, standby, workspace
    assert list(scratch.glob("datalab-*/standby-0.sock"))
    site.stop()
    assert site.process.returncode == 0
    until(lambda: not [p for p in everything if p.is_running() and p.status() != "zombie"])
    assert not list(scratch.glob("datalab-*"))


def killed_at_random(tmp_path, rounds):
    """SIGKILL hub, proxy, standby or workspace at random instants of a start.

    After each round everything answers again, what the hub lists runs, and nothing else does.
    """
    site = Datalab(tmp_path / "data").start()
    person = Person(site)
    person.sign_in(site.link())
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    hub_killed = -HUB_PAUSE
    try:
        for _ in range(rounds):
            victims = ["datalab_workspace.zygote", "configurable-http-proxy", "workspace"]
            if time.monotonic() - hub_killed > HUB_PAUSE:
                victims += ["local_config.py"] * 2
            victim = chance.choice(victims)
            if victim == "local_config.py":
                hub_killed = time.monotonic()
            _start_and_kill(site, person, victim, chance.uniform(0, 0.5))
            until(lambda: _home_answers(person), 60)
            servers = until(lambda: _settled(site, person), 60)
            for server in servers:
                person.stop(server)
            until(lambda: not site.workspaces(), 30)
    finally:
        site.stop()
    until(lambda: not _of_this_site(site))


HUB_PAUSE = 21  # seconds; the supervisor gives up on a hub that ends four times in a minute


def _of_this_site(site):
    """Return the processes that still know this installation: its directory, or its hub."""
    ports = json.loads((site.data_dir / "hub" / "ports.json").read_text())
    marks = (str(site.data_dir), f"127.0.0.1:{ports['hub']}/")
    found = []
    for process in psutil.process_iter():
        try:
            known = [*process.cmdline(), *process.environ().values()]
            if any(mark in text for mark in marks for text in known):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _start_and_kill(site, person, victim, after):
    xsrf = person.xsrf(person.http.get("/hub/home"))
    data = {"profile": "small", "_xsrf": xsrf}

    def click():
        try:
            person.http.post("/hub/datalab/workspaces", data=data)
        except httpx.TransportError as error:  # the proxy may be the victim
            print("click:", error)

    thread = threading.Thread(target=click)
    thread.start()
    time.sleep(after)
    candidates = site.workspaces() if victim == "workspace" else site.helpers()
    for process in candidates:
        try:
            if victim == "workspace" or victim in " ".join(process.cmdline()):
                process.kill()
                break
        except psutil.Error:
            continue
    thread.join()


def _settled(site, person):
    """Return the names of the running workspaces once none is on its way, else nothing."""
    answer = person.http.get(f"/hub/api/users/{site_owner(person)}")
    if answer.status_code != 200:
        return None
    servers = answer.json()["servers"]
    if any(server["pending"] for server in servers.values()):
        return None
    if len(site.workspaces()) != len(servers):
        return None  # the hub has not noticed yet
    return Settled(servers)


class Settled(list):
    """A list that is true even when it is empty."""

    def __bool__(self):
        return True


def test_nothing_is_left_after_kills_at_random_instants(tmp_path):
    killed_at_random(tmp_path, 5)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_nothing_is_left_after_many_kills_at_random_instants(tmp_path):
    killed_at_random(tmp_path, 100)


def test_the_environment_of_the_hub_is_not_in_the_standby(site):
    standby = site.helper("datalab_workspace.zygote")
    assert not any(name.startswith("DATALAB") for name in standby.environ())
    assert os.environ.get("HOME") is None or "HOME" not in standby.environ()
