"""Pushing and asking for a review: a real git over HTTP, and GitHub's API on the same host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from datalab_pipelines.export import ExportError, git_state
from datalab_pipelines.export.git.remotes import parse
from datalab_pipelines.export.github.client import GitHub
from datalab_pipelines.export.github.forge import Token, api, find_token
from datalab_pipelines.export.projects.publishing import Exported
from fakes.github import FakeGitHub, git
from gitrepos import PROJECT, Repository, isolate

BRANCH = "datalab/export-churn"
TOKEN = "ghp_0123456789abcdefTheToken"
PULLS = "/api/v3/repos/acme/churn/pulls"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    with FakeGitHub(tmp_path / "github") as fake:
        fake.repository("acme/churn")
        fake.tokens[TOKEN] = {"contents", "pull_requests"}
        monkeypatch.setenv("GH_HOST", fake.host)
        monkeypatch.setenv("GH_ENTERPRISE_TOKEN", TOKEN)
        yield fake
        assert fake.leaks == []


@pytest.fixture
def repository(github: FakeGitHub, tmp_path: Path) -> Repository:
    """Return a clone whose main branch is on the fake."""
    repository = Repository(tmp_path / "work")
    repository.git("remote", "add", "origin", f"{github.url}/acme/churn.git")
    bare = github.folder / "acme" / "churn.git"
    repository.git("push", "-q", f"file://{bare}", "main")
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    return repository


def on_github(github: FakeGitHub, name: str = BRANCH) -> str:
    return git(github.folder / "acme" / "churn.git", "rev-parse", "-q", "--verify", name)


def test_the_branch_is_pushed_and_a_review_asked_for(
    repository: Repository, github: FakeGitHub
) -> None:
    before = repository.own()
    done = repository.export(pull_request=True)
    assert repository.own() == before
    assert done.problem is None
    assert on_github(github) == done.commit
    (pull,) = github.pulls["acme/churn"]
    assert done.pull_request == pull["html_url"]
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (BRANCH, "main")
    assert pull["title"] == "Export churn" and pull["body"] == "<b>The export</b><e>"
    assert repository.git("rev-parse", "--abbrev-ref", f"{BRANCH}@{{upstream}}") == (
        f"origin/{BRANCH}"
    )
    subprocess.run(done.undo, shell=True, check=False, cwd=repository.path, capture_output=True)
    assert repository.git("branch", "--list", BRANCH) == ""


def test_an_open_pull_request_is_brought_up_to_date_and_peoples_words_stay(
    repository: Repository, github: FakeGitHub
) -> None:
    first = repository.export(pull_request=True)
    (pull,) = github.pulls["acme/churn"]
    pull |= {"title": "Better title", "body": "Why: …\n\n<b>old</b><e>\n\nCloses #7"}
    again = repository.export({**PROJECT, "README.md": "# New\n"}, pull_request=True)
    assert again.pull_request == first.pull_request and len(github.pulls["acme/churn"]) == 1
    assert pull["title"] == "Better title"
    assert pull["body"] == "Why: …\n\n<b>The export</b><e>\n\nCloses #7"
    assert on_github(github) == again.commit


def test_a_closed_pull_request_is_not_woken_up(repository: Repository, github: FakeGitHub) -> None:
    repository.export(pull_request=True)
    github.pulls["acme/churn"][0]["state"] = "closed"
    done = repository.export({**PROJECT, "README.md": "# New\n"}, pull_request=True)
    assert done.pull_request.endswith("/pull/2")


def test_the_token_is_nowhere_but_in_the_environment(
    repository: Repository, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    monkeypatch.setenv("GIT_TRACE_CURL", str(trace))
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(tmp_path / "events"))
    commands = tmp_path / "commands"
    real = shutil.which("git")
    _program(tmp_path / "bin" / "git", f'echo "$@" >> {commands}; exec {real} "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    repository.git("config", "credential.helper", f"store --file={tmp_path}/stored")
    done = repository.export(pull_request=True)
    assert done.problem is None and done.pull_request
    secrets = [TOKEN, b64encode(f"x-access-token:{TOKEN}".encode()).decode()]
    for path in [*tmp_path.rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert not any(one.encode() in content for one in secrets), path
    assert not (tmp_path / "stored").exists()
    assert TOKEN not in str(vars(done))
    assert "push --quiet" in commands.read_text()
    assert "Authorization" in trace.read_text()  # the trace is one that would have shown it


def test_the_token_of_gh_is_used(
    repository: Repository, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GH_ENTERPRISE_TOKEN")
    monkeypatch.delenv("GH_HOST")
    monkeypatch.setenv("GH_TOKEN", "one-for-github.com-only")
    _program(
        tmp_path / "bin" / "gh",
        f'[ "$*" = "auth token --hostname {github.host}" ] && [ -z "$GH_TOKEN" ] || exit 1\n'
        f"echo {TOKEN}",
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert repository.export(pull_request=True).pull_request


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "there is no token for 127.0.0.1"),
        ({"GH_TOKEN": TOKEN}, "there is no token for 127.0.0.1"),
        ({"GH_ENTERPRISE_TOKEN": TOKEN}, "there is no token for 127.0.0.1"),
        ({"GH_ENTERPRISE_TOKEN": TOKEN, "GH_HOST": "github.acme.com"}, "there is no token"),
        ({"GH_ENTERPRISE_TOKEN": "two words", "GH_HOST": "HERE"}, "is not a token"),
    ],
)
def test_no_token_leaves_for_a_host_that_the_person_did_not_name(
    repository: Repository,
    github: FakeGitHub,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    problem: str,
) -> None:
    for name in ("GH_ENTERPRISE_TOKEN", "GH_HOST"):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, github.host if value == "HERE" else value)
    before = repository.own()
    with pytest.raises(ExportError, match=problem) as said:
        repository.export(pull_request=True)
    assert said.value.hint
    assert repository.own() == before and github.calls == []
    assert repository.git("branch", "--list", BRANCH) == ""
    assert problem in git_state(repository.path / "churn", "churn").no_pull_request


def test_no_remote_or_several_are_told_before_anything_is_written(repository: Repository) -> None:
    repository.git("remote", "rename", "origin", "one")
    repository.git("remote", "add", "two", "https://github.com/acme/other.git")
    with pytest.raises(ExportError, match="2 remotes") as said:
        repository.export(push=True)
    assert said.value.hint == "Choose one with --remote: one, two."
    with pytest.raises(ExportError, match="no remote 'three'"):
        repository.export(push=True, remote="three")
    assert repository.export(push=True, remote="one").pushed == "one"
    for name in ("one", "two"):
        repository.git("remote", "remove", name)
    with pytest.raises(ExportError, match="nowhere to push"):
        repository.export(push=True)


def test_a_remote_that_is_a_folder_can_be_pushed_to_and_not_asked(
    repository: Repository, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    repository.git("remote", "set-url", "origin", str(tmp_path / "bare"))
    with pytest.raises(ExportError, match="no repository on GitHub"):
        repository.export(pull_request=True)
    done = repository.export(push=True)
    assert done.pushed == "origin" and done.problem is None
    assert git(tmp_path / "bare", "rev-parse", BRANCH) == done.commit


def _problem(repository: Repository) -> tuple[Exported, str]:
    done = repository.export(pull_request=True)
    assert repository.git("rev-parse", BRANCH) == done.commit  # the commit stands
    assert done.problem and done.problem["hint"]
    return done, f"{done.problem['message']}\n{done.problem['hint']}"


def test_a_token_that_is_not_known_any_more_is_told_before_anything_is_written(
    repository: Repository, github: FakeGitHub
) -> None:
    github.tokens.clear()
    with pytest.raises(ExportError, match=r"origin .* cannot be read") as said:
        repository.export(pull_request=True)
    assert "GH_ENTERPRISE_TOKEN" in said.value.hint and TOKEN not in str(said.value)
    assert repository.git("branch", "--list", BRANCH) == ""


def test_401_of_the_api_says_which_token(repository: Repository, github: FakeGitHub) -> None:
    github.faults["/api/v3/repos/acme/churn"] = (401, {}, {"message": "Bad credentials"})
    done, said = _problem(repository)
    assert done.pushed == "origin"
    assert "does not accept the token of GH_ENTERPRISE_TOKEN" in said and TOKEN not in said


def test_403_says_what_the_token_lacks(repository: Repository, github: FakeGitHub) -> None:
    github.tokens[TOKEN] = {"contents"}
    _, said = _problem(repository)
    assert "Resource not accessible by personal access token" in said
    assert "write pull requests and contents of acme/churn" in said


def test_403_for_pushing_leaves_the_commit_and_says_so(
    repository: Repository, github: FakeGitHub
) -> None:
    github.tokens[TOKEN] = {"pull_requests"}
    done, said = _problem(repository)
    assert done.pushed == "" and "cannot be pushed to" in said and "403" in said
    assert on_github(github) == ""
    github.tokens[TOKEN] = {"pull_requests", "contents"}
    again = repository.export(pull_request=True)  # the same command goes on from there
    assert (again.commit, again.problem) == ("", None)
    assert again.pull_request and on_github(github) == done.commit


def test_403_of_a_rate_limit_and_of_single_sign_on_say_what_to_do(
    repository: Repository, github: FakeGitHub
) -> None:
    limited = {"X-RateLimit-Remaining": "0"}
    github.faults[PULLS] = (403, limited, {"message": "API rate limit exceeded"})
    assert "takes no more calls for now: API rate limit exceeded" in _problem(repository)[1]
    sso = {"X-GitHub-SSO": "required; url=https://github.com/orgs/acme/sso?x=1"}
    github.faults[PULLS] = (403, sso, {"message": "Resource protected by organization SAML"})
    done = repository.export({**PROJECT, "README.md": "# New\n"}, pull_request=True)
    assert done.problem and "https://github.com/orgs/acme/sso?x=1" in done.problem["hint"]


def test_404_says_that_the_token_may_not_see_it(repository: Repository, github: FakeGitHub) -> None:
    github.faults["/api/v3/repos/acme/churn"] = (404, {}, {"message": "Not Found"})
    assert "no repository acme/churn that the token" in _problem(repository)[1]
    repository.git("remote", "set-url", "origin", f"{github.url}/acme/nothing.git")
    with pytest.raises(ExportError, match="cannot be read") as said:
        repository.export(pull_request=True)
    assert "git remote -v" in said.value.hint


def test_422_says_githubs_reason(repository: Repository, github: FakeGitHub) -> None:
    done = repository.export(pull_request=True, base="nowhere")
    assert done.problem and "base invalid" in done.problem["message"]
    assert "--base" in done.problem["hint"]


def test_two_who_ask_at_once_get_one_pull_request(
    repository: Repository, github: FakeGitHub
) -> None:
    first = repository.export(pull_request=True)
    github.faults[PULLS] = (200, {}, [])  # the listing came too early
    done = repository.export({**PROJECT, "README.md": "# New\n"}, pull_request=True)
    assert done.pull_request == first.pull_request and done.problem is None


def test_a_server_error_or_no_api_is_told(repository: Repository, github: FakeGitHub) -> None:
    github.faults[PULLS] = (502, {}, {"message": "Server Error"})
    assert "with 502: Server Error" in _problem(repository)[1]


def test_offline_is_told_and_nothing_is_written(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_HOST", "127.0.0.1:1")  # where nobody listens
    repository.git("remote", "set-url", "origin", "http://127.0.0.1:1/acme/churn.git")
    before = repository.own()
    with pytest.raises(ExportError, match=r"origin .* cannot be read") as said:
        repository.export(pull_request=True)
    assert "online" in said.value.hint
    assert repository.own() == before and repository.git("branch", "--list", BRANCH) == ""


def test_an_api_that_cannot_be_reached_leaves_the_pushed_branch(github: FakeGitHub) -> None:
    address = parse("http://127.0.0.1:1/acme/churn.git")
    assert address is not None
    with pytest.raises(ExportError, match=r"cannot be reached: .*refused") as said:
        GitHub(address, Token(TOKEN, "GH_TOKEN")).repository()
    assert "HTTPS_PROXY" in said.value.hint


def test_a_repository_that_moved_is_followed_on_its_own_host_only(
    repository: Repository, github: FakeGitHub, tmp_path: Path
) -> None:
    github.repository("acme/leaving")
    bare = github.folder / "acme" / "leaving.git"
    repository.git("push", "-q", f"file://{bare}", "main")
    github.moved["acme/churn"] = "acme/leaving"
    done = repository.export(pull_request=True)
    assert done.pull_request == f"{github.url}/acme/leaving/pull/1"
    with FakeGitHub(tmp_path / "elsewhere") as other:
        elsewhere = {"Location": f"{other.url}/api/v3/repos/acme/churn"}
        github.faults["/api/v3/repos/acme/churn"] = (301, elsewhere, {})
        done = repository.export({**PROJECT, "README.md": "# New\n"}, pull_request=True)
        assert done.problem and other.calls == []


def test_commits_that_a_reviewer_pushed_are_merged_first(
    repository: Repository, github: FakeGitHub, tmp_path: Path
) -> None:
    repository.export(pull_request=True)
    other = tmp_path / "reviewer"
    bare = github.folder / "acme" / "churn.git"
    subprocess.run(["git", "clone", "-q", "-b", BRANCH, f"file://{bare}", other], check=True)
    Repository.at(other).commit({"churn/stages/load.py": "suggested\n"})
    Repository.at(other).git("push", "-q")
    done = repository.export({**PROJECT, "README.md": "# New\n"}, pull_request=True)
    assert done.problem is None
    assert on_github(github) == done.commit
    assert repository.files(done.commit)["churn/stages/load.py"] == "suggested"


def test_a_branch_that_moved_on_both_sides_is_told(
    repository: Repository, github: FakeGitHub, tmp_path: Path
) -> None:
    test_commits_that_a_reviewer_pushed_are_merged_first(repository, github, tmp_path)
    other = Repository.at(tmp_path / "reviewer")
    other.git("fetch", "-q")
    other.git("reset", "-q", "--hard", f"origin/{BRANCH}")
    other.commit({"churn/stages/load.py": "another\n"})
    other.git("push", "-q")
    repository.export({**PROJECT, "README.md": "# Here\n"})
    with pytest.raises(ExportError, match="have both moved on") as said:
        repository.export({**PROJECT, "README.md": "# Newer\n"}, push=True)
    assert said.value.hint.startswith(f"git switch {BRANCH} && git merge origin/{BRANCH}")


def test_a_fresh_clone_goes_on_with_the_branch_of_the_remote(
    repository: Repository, github: FakeGitHub, tmp_path: Path
) -> None:
    first = repository.export(pull_request=True)
    bare = github.folder / "acme" / "churn.git"
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", f"file://{bare}", clone], check=True)
    fresh = Repository.at(clone)
    fresh.git("remote", "set-url", "origin", f"{github.url}/acme/churn.git")
    done = fresh.export({**PROJECT, "README.md": "# New\n"}, pull_request=True)
    assert done.problem is None and done.pull_request == first.pull_request
    assert fresh.git("rev-parse", f"{done.commit}^") == first.commit


def test_a_server_that_refuses_the_branch_is_quoted(
    repository: Repository, github: FakeGitHub
) -> None:
    hook = github.folder / "acme" / "churn.git" / "hooks" / "pre-receive"
    _program(hook, "echo GH006: Protected branch update failed >&2; exit 1")
    done, said = _problem(repository)
    assert "GH006: Protected branch" in said and "--branch" in said
    assert done.pull_request == ""


def test_a_pre_push_hook_runs(repository: Repository) -> None:
    _program(repository.path / ".git" / "hooks" / "pre-push", "echo not today >&2; exit 1")
    assert "not today" in _problem(repository)[1]


def test_a_merged_branch_with_nothing_new_is_not_offered_again(
    repository: Repository, github: FakeGitHub
) -> None:
    repository.export(pull_request=True)
    repository.git("merge", "-q", "--ff-only", BRANCH)
    github.pulls["acme/churn"][0]["state"] = "closed"
    done = repository.export(pull_request=True)
    assert (done.commit, done.pull_request, done.problem) == ("", "", None)
    assert len(github.pulls["acme/churn"]) == 1


class _Agent(BaseHTTPRequestHandler):
    """A workspace's credential agent with one source."""

    url = ""

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == "agent"
        facts = {"url": self.url}
        common = {"title": "GitHub", "access": "write", "description": "", "problem": ""}
        sources = [
            {"name": "lake", "kind": "s3", "facts": {"bucket": "b"}, **common},
            {"name": "github", "kind": "http", "facts": facts, **common},
        ]
        answer = {"/v1/sources": {"sources": sources}}.get(self.path, {"values": {"Token": TOKEN}})
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize("mine", [True, False])
def test_a_data_source_of_the_workspace_gives_the_token_for_its_own_host(
    repository: Repository,
    github: FakeGitHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mine: bool,
) -> None:
    monkeypatch.delenv("GH_ENTERPRISE_TOKEN")
    monkeypatch.setattr(_Agent, "url", github.url if mine else "http://127.0.0.1:2")
    (tmp_path / "agent-token").write_text("agent")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Agent) as agent:
        threading.Thread(target=agent.serve_forever, daemon=True).start()
        monkeypatch.setenv("DATALAB_AGENT_URL", f"http://127.0.0.1:{agent.server_port}")
        monkeypatch.setenv("DATALAB_AGENT_TOKEN_FILE", str(tmp_path / "agent-token"))
        try:
            if mine:
                assert repository.export(pull_request=True).pull_request
            else:
                with pytest.raises(ExportError, match="there is no token"):
                    repository.export(pull_request=True)
        finally:
            agent.shutdown()


ADDRESSES = {
    "https://github.com/acme/churn.git": (
        "https://github.com/acme/churn",
        "https://api.github.com",
    ),
    "https://x:y@github.com/acme/churn/": (
        "https://github.com/acme/churn",
        "https://api.github.com",
    ),
    "git@github.com:acme/churn.git": ("https://github.com/acme/churn", "https://api.github.com"),
    "ssh://git@ssh.github.com:443/acme/churn": (
        "https://github.com/acme/churn",
        "https://api.github.com",
    ),
    "git@acme.ghe.com:team/churn": (
        "https://acme.ghe.com/team/churn",
        "https://api.acme.ghe.com",
    ),
    "ssh://git@git.acme.com:2222/team/churn.git": (
        "https://git.acme.com/team/churn",
        "https://git.acme.com/api/v3",
    ),
    "https://git.acme.com:8443/team/churn": (
        "https://git.acme.com:8443/team/churn",
        "https://git.acme.com:8443/api/v3",
    ),
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_the_address_of_a_remote_leads_to_its_pages_and_its_api(url: str) -> None:
    address = parse(url)
    assert address is not None
    assert (address.web, api(address)) == ADDRESSES[url]


@pytest.mark.parametrize(
    "url", ["/srv/git/churn.git", "../churn", "file:///srv/churn.git", "C:\\churn", "churn", ""]
)
def test_a_folder_is_no_address(url: str) -> None:
    assert parse(url) is None


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("https://github.com/a/b", "GITHUB_TOKEN"),
        ("git@github.com:a/b", "GH_TOKEN"),
        ("https://acme.ghe.com/a/b", "GH_TOKEN"),
        ("https://github.com.evil.org/a/b", None),
        ("https://evilghe.com/a/b", None),
        ("https://git.acme.com/a/b", "GH_ENTERPRISE_TOKEN"),
        ("https://git.evil.org/a/b", None),
    ],
)
def test_tokens_go_where_gh_would_send_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, variable: str | None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GH_HOST", "git.acme.com")
    for name in ("GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN"):
        monkeypatch.setenv(name, f"of-{name}")
    if variable == "GH_TOKEN":
        monkeypatch.setenv("GH_TOKEN", "of-GH_TOKEN")
    address = parse(url)
    assert address is not None
    found = find_token(address)
    assert (found and found.value) == (f"of-{variable}" if variable else None)
    assert "of-" not in repr(found)


def test_a_token_is_never_sent_unencrypted_to_another_machine(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("remote", "set-url", "origin", "http://git.acme.com/acme/churn.git")
    monkeypatch.setenv("GH_HOST", "git.acme.com")
    with pytest.raises(ExportError, match="not encrypted"):
        repository.export(pull_request=True)


def _program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
