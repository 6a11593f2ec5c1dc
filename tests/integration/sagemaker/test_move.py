"""From a start that takes minutes to another card, with a real hub: nothing stays behind."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from datalab_hub.catalog import load_catalog
from fakes.sagemaker.errors import ApiError, Fault
from hubproc import until
from sagemaker_hub import a_site
from sagemaker_site import secrets_of

PROFILES = """
  - {name: here, title: Here}
  - {name: few, title: For the few, allowed_groups: [few]}
"""
CONFIG = """
c.JupyterHub.load_groups = {"few": {"users": ["ben"]}}
c.JupyterHub.load_roles = [{"name": "boss", "scopes": ["admin:servers"], "users": ["boss"]}]
"""
DENIED = ApiError("AccessDeniedException", "User: x is not authorized to perform: y", 403)
NEVER = 600  # seconds between a machine's states


@pytest.fixture(scope="module")
def site(tmp_path_factory, moto):
    with _site(tmp_path_factory.mktemp("move"), moto) as site, site.running():
        yield site


@contextmanager
def _site(directory, moto):
    patient = {"stop_patience": 120.0}
    with a_site(directory, moto, profiles=PROFILES, config=CONFIG, settings=patient) as site:
        site.aws.timing.steps = NEVER
        yield site


class Mover:
    """Somebody who has clicked a card whose machine does not come. Each test has its own."""

    def __init__(self, site, name):
        self.site, self.name, self.http = site, name, site.person(name)

    def post(self, path="", **fields):
        fields["_xsrf"] = self.http.cookies.get("_xsrf", path="/hub/")
        return self.http.post(f"/hub/datalab/workspaces{path}", data=fields)

    def begin(self):
        """Return the progress page."""
        page = self.post(profile="gpu", title="Churn")
        assert "/spawn-pending/" in page.url.path
        until(self.jobs)
        return page

    def move(self, profile, server="", **fields):
        return self.post("/move", server=server, profile=profile, **fields)

    def server(self):
        return self.site.server(self.name)

    def jobs(self):
        """The jobs that go on."""
        return [job for job in self.all_jobs() if not job.over]

    def all_jobs(self):
        jobs = self.site.aws.all_jobs()
        return [job for job in jobs if job.tags["datalab:user"] == self.name]

    def secrets(self):
        return [name for name in secrets_of(self.site.moto) if f"-{self.name}-" in name]

    def audit(self):
        return [entry for entry in self.site.audit() if entry["user"] == self.name]

    def starts(self):
        return [
            (entry["outcome"], entry.get("detail", {}).get("profile"))
            for entry in self.audit()
            if entry["kind"] == "start"
        ]

    def runs_here_and_nothing_is_left(self):
        until(lambda: self.server().get("ready"), 60)
        assert self.server()["user_options"] == {"profile": "here", "title": "Churn"}
        until(lambda: not self.jobs())
        assert [job.status for job in self.all_jobs()] == ["Stopped"]
        assert self.secrets() == []
        self.site.stop(self.name)


def test_one_click_ends_the_slow_start_and_the_workspace_runs_on_the_other_card(site):
    ann = Mover(site, "ann")
    page = ann.begin()
    assert 'id="move-here"' in page.text
    assert "For the few" not in page.text
    page = ann.move("here")
    assert page.url.path.startswith(("/user/ann/lab", "/hub/spawn-pending/ann"))
    ann.runs_here_and_nothing_is_left()
    assert ann.starts() == [
        *(("begun", "gpu"), ("cancelled", None)),
        *(("begun", "here"), ("ok", "here")),
    ]


def test_what_the_groups_do_not_allow_is_refused_and_the_slow_start_goes_on(site):
    cleo = Mover(site, "cleo")
    cleo.begin()
    for profile, says in (
        ("few", "is for the group few, and you are not in it"),
        ("nothing", "There is no workspace called"),
    ):
        page = cleo.move(profile)
        assert page.status_code == 403
        assert says in page.text
    page = cleo.move("")
    assert page.status_code == 400
    assert "Which card?" in page.text
    reply = cleo.http.post("/hub/datalab/workspaces/move", data={"profile": "here"})
    assert reply.status_code == 403
    assert "_xsrf" in reply.text  # the form of another site does not have it
    assert cleo.server()["pending"] == "spawn"
    assert len(cleo.jobs()) == 1
    refused = [entry for entry in cleo.audit() if entry["kind"] == "refusal"]
    assert [(entry["reason"], entry["detail"]["profile"]) for entry in refused] == [
        ("group", "few"),
        ("profile", "nothing"),
    ]
    cleo.move("here")
    cleo.runs_here_and_nothing_is_left()


def test_a_workspace_that_runs_or_is_gone_is_not_moved(site):
    dora = Mover(site, "dora")
    dora.post(profile="here")
    until(lambda: dora.server().get("ready"))
    page = dora.move("gpu")
    assert page.status_code == 409
    assert "is running meanwhile" in page.text
    assert dora.server()["ready"]
    page = dora.move("gpu", server="never-was")
    assert page.status_code == 404
    assert "Start one from a card" in page.text
    assert dora.all_jobs() == []
    site.stop("dora")


def test_nobody_moves_the_workspace_of_somebody_else_but_who_may_start_it(site):
    emil, ben, boss = Mover(site, "emil"), Mover(site, "ben"), Mover(site, "boss")
    emil.begin()
    assert ben.move("here", user="emil").status_code == 404
    # The groups that count are those of the person whose workspace it is.
    assert boss.move("few", user="emil").status_code == 403
    assert emil.server()["pending"] == "spawn"
    boss.move("here", user="emil")
    emil.runs_here_and_nothing_is_left()
    (entry,) = (entry for entry in emil.audit() if entry["kind"] == "admin")
    assert (entry["actor"], entry["reason"]) == ("boss", "move")


def test_clicking_twice_starts_once_and_the_last_thought_counts(site):
    finn = Mover(site, "finn")
    finn.begin()
    site.aws.reachable = False  # the first start cannot be ended yet
    for profile, title in (("gpu", "GPU"), ("here", "Here")):
        page = finn.move(profile)
        assert "What was under way is being ended" in page.text
        assert f"Then it starts on {title}." in page.text
    assert finn.server()["pending"]
    site.aws.reachable = True
    finn.http.get("/hub/datalab/workspaces/move", params={"server": ""})
    finn.runs_here_and_nothing_is_left()
    assert [start for start in finn.starts() if start[0] == "begun"] == [
        ("begun", "gpu"),
        ("begun", "here"),
    ]


def test_a_job_that_could_not_be_stopped_is_not_taken_for_the_moved_workspaces(site):
    hans = Mover(site, "hans")
    hans.begin()
    (left,) = hans.jobs()
    site.aws.faults.append(Fault(lambda: DENIED, "sagemaker", "StopTrainingJob"))
    try:
        hans.move("here")
        until(lambda: hans.server().get("ready"), 60)
    finally:
        site.aws.faults.clear()
    assert hans.jobs() == [left]
    found = site.api.post("../datalab/orphans", json={"apply": True}).json()["findings"]
    assert [(one["name"], one["action"]) for one in found] == [(left.name, "removed")]
    assert hans.server()["ready"]  # it has the same key, and goes on
    hans.runs_here_and_nothing_is_left()


def test_after_a_start_that_failed_the_page_offers_the_other_cards(site):
    image = load_catalog(site.directory / "datalab.yaml").images["lab"].reference
    site.aws.missing_images.add(image)
    site.aws.timing.steps = 0.1
    try:
        gina = Mover(site, "gina")
        gina.post(profile="gpu", title="Churn")
        until(lambda: not gina.server().get("pending"), 60)
        page = gina.http.get("/hub/spawn-pending/gina")
        assert "Your workspace did not start" in page.text
        assert 'id="move-here"' in page.text
        gina.move("here")
        until(lambda: gina.server().get("ready"))
        site.stop("gina")
    finally:
        site.aws.missing_images.clear()
        site.aws.timing.steps = NEVER


@pytest.mark.parametrize("click", ["cancel", "move"])
def test_a_start_that_an_earlier_hub_began_is_ended_as_well(tmp_path, moto, click):
    with _site(tmp_path, moto) as site:
        with site.running() as process:
            ann = Mover(site, "ann")
            ann.begin()
            process.kill()
            process.wait()
        with site.running():
            assert ann.server()["pending"]
            ann = Mover(site, "ann")
            if click == "move":
                ann.move("here")
                ann.runs_here_and_nothing_is_left()
            else:
                ann.post("/stop", server="")
                until(lambda: not ann.server().get("pending"))
                assert [job.status for job in ann.all_jobs()] == ["Stopped"]
                assert ann.secrets() == []
