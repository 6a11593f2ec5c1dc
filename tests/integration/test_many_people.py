"""Several people on one machine, each with a uid of their own: installed as a user would."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hubproc import Datalab, Person, until
from probes import needs_root


class PublicDatalab(Datalab):
    """``datalab up`` from the public environment."""

    def __init__(self, directory: Path, data: str) -> None:
        super().__init__(directory / data)
        self.python = str(directory / "src" / ".venv" / "bin" / "python")


@pytest.fixture(scope="module")
def site(public):
    site = PublicDatalab(public, "many-people").start()
    yield site
    site.stop()


@pytest.mark.slow
@pytest.mark.root
@needs_root
@pytest.mark.timeout(600)
def test_each_person_has_a_uid_and_cannot_look_at_anothers_workspace(site):
    assert "datalab user add" in site.text()
    people = {"owner": Person(site), "ann": Person(site), "bob": Person(site)}
    assert people["owner"].sign_in(site.link()).status_code == 200
    for name in ("ann", "bob"):
        password = site.datalab("user", "add", name).stdout.split()[-1]
        page = people[name].http.get("/hub/login")
        data = {"username": name, "password": password, "_xsrf": Person.xsrf(page)}
        signed_in = people[name].http.post("/hub/login", data=data)
        assert "Start a workspace" in signed_in.text
        wrong = people[name].http.post("/hub/login", data={**data, "password": "wrong"})
        assert "Start a workspace" not in wrong.text
        assert people[name].start("small").url.path.endswith("/lab")

    processes = {process.environ()["USER"]: process for process in _kernels(site, people)}
    uids = {name: process.uids().real for name, process in processes.items()}
    assert 0 not in uids.values()
    assert uids["ann"] != uids["bob"]
    for name in ("ann", "bob"):
        home = site.data_dir / "homes" / name
        assert (home.stat().st_uid, home.stat().st_mode & 0o777) == (uids[name], 0o700)
    assert _as(uids["bob"], "cat", f"/proc/{processes['bob'].pid}/environ")
    for secret in (f"/proc/{processes['ann'].pid}/environ", site.data_dir / "homes/ann/.bashrc"):
        assert not _as(uids["bob"], "cat", secret)
    for closed in ("hub", "run", "logs", "homes"):
        assert not _as(uids["bob"], "ls", site.data_dir / closed)


def _kernels(site, people):
    """Open a kernel in each workspace; return their processes."""
    for name in ("ann", "bob"):
        http = people[name].http
        headers = {"X-XSRFToken": http.cookies.get("_xsrf", path=f"/user/{name}/")}
        assert http.post(f"/user/{name}/api/kernels", headers=headers).status_code == 201
    servers = until(lambda: len(site.workspaces()) == 2 and site.workspaces())
    return [until(server.children)[0] for server in servers]


def _as(uid, *command):
    """Return what a command prints for another account; nothing where that is refused."""
    done = subprocess.run(
        [*map(str, command)], user=uid, group=uid, extra_groups=[], capture_output=True
    )
    return done.stdout
