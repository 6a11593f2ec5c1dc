"""The server extension in a real Jupyter Server, over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
import pytest
from datalab_pipelines import export
from datalab_pipelines.export.proof.verifying import without_boundary
from datalab_pipelines.server import edits
from fakes.ports import free_port
from probes import alive

TOKEN = "a-token-of-this-test"
API = "datalab-export/api"
SLEEPER = """\
import os, subprocess, sys
from pathlib import Path
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
)
Path({told!r}).write_text(str(child.pid))
child.wait()
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("server") / "root"
    root.mkdir()
    _notebook(root / "sales.ipynb", ["import math", "rows = [1, 2, 3]", "total = math.fsum(rows)"])
    _notebook(root / "broken.ipynb", ["x = 1", "y = 2\nfor in x"])
    _notebook(
        root / "three.ipynb",
        *[["# Load", "rows = [3, 1, 2]", "# Sort", "rows.sort()", "# Sum", "total = sum(rows)"]],
    )
    made = [{"tag": "parameters", "source": "low = 2\nhigh = 5"}, "# Use", "print(low + high)"]
    _notebook(root / "parameters.ipynb", made)
    _notebook(root / "sleeper.ipynb", [SLEEPER.format(told=str(root.parent / "pid"))])
    _notebook(root.parent / "outside.ipynb", ["secret = 1"])
    (root / "way-out").symlink_to(root.parent)
    return root


@contextlib.contextmanager
def server(
    root: Path, *more: str, **environment: str
) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    port = free_port()
    config = root.parent / "config"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *(f"--ServerApp.root_dir={root}", f"--port={port}", "--ServerApp.port_retries=0"),
            "--ServerApp.jpserver_extensions={'datalab_pipelines.server': True}",
            *more,
        ],
        env={
            **os.environ,
            **environment,
            "JUPYTER_TOKEN": TOKEN,
            "JUPYTER_CONFIG_DIR": str(config),
        },
    )
    headers = {"Authorization": f"token {TOKEN}"}
    url = f"http://127.0.0.1:{port}/"
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=120) as client:

            def answers() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return client.get("api/status").is_success
                return False

            _until(answers, "the server's answer")
            yield client, process
    finally:
        _until(lambda: _ended(process), "the server's end")


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Ask a server to end; again, since a signal that interrupts a log line is lost on it."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    return process.poll() is not None


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[httpx.Client]:
    with server(root) as (client, _):
        yield client


# -- the preview ----------------------------------------------------------------------------


def test_the_preview_shows_stages_and_the_text_of_cells(client: httpx.Client) -> None:
    found = _preview(client, "sales.ipynb")
    assert found["plan"]["name"] == "sales"
    assert [cell["source"] for cell in found["plan"]["cells"]][1] == "rows = [1, 2, 3]"
    assert found["presets"][0]["value"] == ""


def test_stages_are_renamed_merged_and_given_compute_at_once(client: httpx.Client) -> None:
    stages = _preview(client, "three.ipynb")["plan"]["stages"]
    assert [min(one["cells"]) for one in stages] == [1, 3, 5]
    lambda_ = "Lambda(memory=2048)"
    wanted = {
        "boundaries": [3],
        "stages": {
            "1": {"name": "read_it"},
            "3": {"name": "total_up", "compute": lambda_},
            "5": {"name": "gone"},  # no stage begins here any more
        },
    }
    stages = _preview(client, "three.ipynb", wanted)["plan"]["stages"]
    assert [one["name"] for one in stages] == ["read_it", "total_up"]
    assert [one["compute"] for one in stages] == ["", lambda_]


def test_a_parameter_that_is_off_is_a_constant_of_the_code(
    client: httpx.Client, root: Path
) -> None:
    found = _preview(client, "parameters.ipynb", {"parameters": ["high"]})
    assert [one["name"] for one in found["plan"]["parameters"]] == ["high"]
    assert [one["name"] for one in found["parameters"]] == ["low", "high"]
    order = {"edits": {"parameters": ["high"]}, "verify": True}
    events = _events(client, _start(client, "parameters.ipynb", "one-parameter", **order)["id"])
    assert events[-2]["result"]["verification"]["status"] == "equal"
    script = (root / "one-parameter/pipeline.py").read_text()
    assert "high: int = 5" in script and "low:" not in script


def test_names_and_computes_outlive_a_proof_that_makes_the_plan_coarser(root: Path) -> None:
    analysis = export.analyse(export.read(root / "three.ipynb"))
    wanted = {"stages": {"1": {"name": "read_it"}, "5": {"compute": "Lambda(memory=2048)"}}}
    plan = without_boundary(edits.planned(analysis, wanted), 1, "they differ")
    first, last = plan.stages
    assert (first.name, last.compute) == ("read_it", "Lambda(memory=2048)")
    assert {giver for giver, _ in last.sources.values()} == {"read_it"}


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        ({"stages": {"1": {"name": "Two Words"}}}, "stages.1.name", "small letters"),
        ({"stages": {"1": {"name": "import"}}}, "stages.1.name", "means something else"),
        (
            {"stages": {"1": {"name": "same"}, "3": {"name": "same"}}},
            "stages.3.name",
            "Another stage",
        ),
        ({"stages": {"1": {"compute": "Toaster()"}}}, "stages.1.compute", "not among"),
        ({"stages": {"1": {"compute": "Lambda(memory=1)"}}}, "stages.1.compute", "128"),
        ({"stages": {"1": {"compute": "Lambda(x=1)"}}}, "stages.1.compute", "unexpected"),
        ({"stages": {"1": {"compute": "__import__('os')"}}}, "stages.1.compute", "not among"),
        ({"stages": {"1": {"compute": "Lambda(memory=open('x'))"}}}, "stages.1.compute", "plain"),
        ({"name": "My Pipeline"}, "name", "single dashes"),
    ],
)
def test_an_edit_that_cannot_be_is_told_at_its_field(
    client: httpx.Client, wanted: dict[str, Any], field: str, says: str
) -> None:
    found = client.post(f"{API}/preview", json={"notebook": "three.ipynb", "edits": wanted})
    assert found.status_code == 422, found.text
    assert says in found.json()["error"]["fields"][field]


def test_a_notebook_that_was_saved_again_is_planned_anew(client: httpx.Client, root: Path) -> None:
    _notebook(root / "changing.ipynb", ["a = 1"])
    assert _preview(client, "changing.ipynb")["plan"]["cells"][0]["source"] == "a = 1"
    _notebook(root / "changing.ipynb", ["b = 2"])
    assert _preview(client, "changing.ipynb")["plan"]["cells"][0]["source"] == "b = 2"


def test_a_syntax_error_names_cell_and_line_and_writes_nothing(
    client: httpx.Client, root: Path
) -> None:
    before = sorted(root.iterdir())
    found = client.post(f"{API}/preview", json={"notebook": "broken.ipynb"})
    assert found.status_code == 422
    error = found.json()["error"]
    assert (error["cell"], error["line"]) == (1, 2)
    assert sorted(root.iterdir()) == before


def test_planning_goes_on_after_its_process_was_killed(client: httpx.Client, root: Path) -> None:
    _preview(client, "sales.ipynb")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if line[-2:] == ["datalab_pipelines.server.worker", "plan"] and _child_of(
                process, client
            ):
                process.kill()
                process.wait(20)
    assert _preview(client, "sales.ipynb")["plan"]["name"] == "sales"


# -- who may ask for what -------------------------------------------------------------------


@pytest.mark.parametrize(
    "named", ["../outside.ipynb", "way-out/outside.ipynb", "/etc/passwd", "", "a\0b", 3, None, "."]
)
def test_no_path_leads_out_of_the_root(client: httpx.Client, root: Path, named: Any) -> None:
    assert client.post(f"{API}/preview", json={"notebook": named}).status_code == 400
    order = {"notebook": "sales.ipynb", "folder": named}
    found = client.post(f"{API}/jobs", json=order)
    assert found.status_code == 400
    assert "folder" in found.json()["error"]["fields"]


def test_nobody_exports_without_signing_in_or_without_the_xsrf_token(client: httpx.Client) -> None:
    with httpx.Client(base_url=client.base_url) as stranger:
        for path in ("preview", "jobs", f"jobs/{'0' * 32}/cancel"):
            found = stranger.post(f"{API}/{path}", json={"notebook": "sales.ipynb"})
            assert found.status_code == 403
        for path in ("jobs?notebook=sales.ipynb", f"jobs/{'0' * 32}", f"jobs/{'0' * 32}/events"):
            assert stranger.get(f"{API}/{path}").status_code == 403
        stranger.get("login")
        stranger.post("login", data={"password": TOKEN, "_xsrf": stranger.cookies.get("_xsrf", "")})
        assert stranger.get("api/contents").status_code == 200  # signed in by cookie
        path, order = f"{API}/preview", {"notebook": "sales.ipynb"}
        assert stranger.post(path, json=order).status_code == 403
        right = {"X-XSRFToken": stranger.cookies["_xsrf"]}
        assert stranger.post(path, json=order, headers=right).status_code == 200


def test_a_server_that_keeps_notebooks_elsewhere_is_refused_in_one_sentence(root: Path) -> None:
    module = root.parent / "elsewhere.py"
    module.write_text(
        "from jupyter_server.services.contents.manager import ContentsManager\n"
        "class Bucket(ContentsManager):\n    pass\n"
    )
    option = "--ServerApp.contents_manager_class=elsewhere.Bucket"
    with server(root, option, PYTHONPATH=str(module.parent)) as (client, _):
        found = client.post(f"{API}/preview", json={"notebook": "sales.ipynb"})
    assert found.status_code == 409
    assert "keeps notebooks with Bucket" in found.json()["error"]["message"]


# -- exports --------------------------------------------------------------------------------


def test_an_export_sends_events_and_writes_the_project(client: httpx.Client, root: Path) -> None:
    job = _start(client, "three.ipynb", "out/three-pipeline", verify=True)
    events = _events(client, job["id"])
    phases = [event["phase"] for event in events if "phase" in event]
    assert phases[0] == "analyse" and phases[-1] == "write" and "verify" in phases
    result = events[-2]["result"]
    assert result["verification"]["status"] == "equal"
    assert "pipeline.py" in result["exported"]["files"]
    assert {one["stage"] for one in events if "stage" in one} >= {"load", "sort"}
    assert events[-1] == {"state": "done"}
    assert (root / "out/three-pipeline/pipeline.py").is_file()
    assert [one["at"] for one in events[:-1]] == sorted(one["at"] for one in events[:-1])


def test_events_go_on_where_a_browser_was_cut_off(client: httpx.Client) -> None:
    job = _start(client, "sales.ipynb", "cut-off")
    everything = _events(client, job["id"])
    assert _events(client, job["id"], since=1) == everything[1:]


def test_a_page_that_is_loaded_again_finds_the_export_and_its_result(client: httpx.Client) -> None:
    assert client.get(f"{API}/jobs", params={"notebook": "broken.ipynb"}).json() == {"job": None}
    job = _start(client, "sales.ipynb", "found-again")
    _events(client, job["id"])
    again = client.get(f"{API}/jobs", params={"notebook": "sales.ipynb"}).json()["job"]
    assert (again["id"], again["state"]) == (job["id"], "done")
    assert again["order"]["folder"] == "found-again"
    assert "pipeline.py" in again["events"][-1]["result"]["exported"]["files"]


def test_nothing_is_overwritten(client: httpx.Client, root: Path) -> None:
    (root / "mine").mkdir()
    (root / "mine/notes.txt").write_text("mine")
    events = _events(client, _start(client, "sales.ipynb", "mine")["id"])
    assert events[-1] == {"state": "failed"}
    assert "not empty" in events[-2]["error"]["message"]
    assert [one.name for one in (root / "mine").iterdir()] == ["notes.txt"]


def test_a_notebook_is_exported_once_at_a_time_and_a_cancelled_export_leaves_nothing(
    client: httpx.Client, root: Path
) -> None:
    pid = _sleeping(client, root, "cancelled")
    order = {"notebook": "sleeper.ipynb", "folder": "second"}
    refused = client.post(f"{API}/jobs", json=order)
    assert refused.status_code == 409
    job = refused.json()["error"]["job"]
    began = datetime.now(UTC)

    def counts_as_activity() -> bool:
        status = client.get("api/status", params={"no_track_activity": "1"}).json()
        return datetime.fromisoformat(status["last_activity"]) > began

    _until(counts_as_activity, "the verification to count as activity")
    other = _start(client, "sales.ipynb", "another-notebook")
    assert _events(client, other["id"])[-1] == {"state": "done"}
    found = client.post(f"{API}/jobs/{job}/cancel", json={})
    assert found.json()["state"] == "cancelled"
    assert not alive(pid)
    assert not _of_job(job)
    assert not (root / "cancelled").exists()
    assert not list(root.glob(".new-pipeline-*"))
    assert _events(client, job)[-1] == {"state": "cancelled"}
    _events(client, _start(client, "sleeper.ipynb", "after")["id"])  # no longer busy


def test_an_export_that_is_killed_leaves_no_process_and_says_so(
    client: httpx.Client, root: Path
) -> None:
    (root / ".new-pipeline-of-somebody").mkdir()
    pid = _sleeping(client, root, "killed")
    (root / ".new-pipeline-of-this-job").mkdir()  # as a job that is killed while it writes
    job = client.get(f"{API}/jobs", params={"notebook": "sleeper.ipynb"}).json()["job"]
    for process in _of_job(job["id"]):
        if "datalab_pipelines.server.worker" in process.cmdline():
            process.send_signal(signal.SIGKILL)
    events = _events(client, job["id"])
    assert events[-1] == {"state": "failed"}
    assert "SIGKILL" in events[-2]["error"]["message"]
    assert [one.name for one in root.glob(".new-pipeline-*")] == [".new-pipeline-of-somebody"]
    (root / ".new-pipeline-of-somebody").rmdir()
    assert not alive(pid)
    assert not _of_job(job["id"])


def test_an_export_is_committed_to_the_repository_around_it(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "home/root"
    root.mkdir(parents=True)
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    _notebook(root / "sales.ipynb", ["rows = [1, 2, 3]", "total = sum(rows)"])
    git = ("git", "-C", str(root))
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    ident = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run([*git, *ident, "commit", "-q", "--allow-empty", "-m", "Begin"], check=True)
    with server(root, HOME=str(home)) as (client, _):
        state = _preview(client, "sales.ipynb")["git"]
        assert (state["branch"], state["problem"]) == ("datalab/export-sales", "")
        wrong = _start(client, "sales.ipynb", "x", git={"switch": "yes"})
        assert "git.switch" in _events(client, wrong["id"])[-2]["error"]["message"]
        order = {"message": "Sum up", "switch": True}
        events = _events(client, _start(client, "sales.ipynb", "sales", git=order)["id"])
    exported = events[-2]["result"]["exported"]
    log = subprocess.check_output([*git, "log", "-1", "--format=%H %an %s"], text=True)
    assert log.strip() == f"{exported['commit']} Ada Sum up"
    assert exported["folder"] == "sales" and exported["in_folder"]
    assert exported["undo"].startswith("cd ~/root\ngit switch main")
    assert [one["phase"] for one in events if "phase" in one][-1] == "commit"


def test_lines_that_both_have_changed_are_named_and_settled_as_a_person_says(
    tmp_path: Path,
) -> None:
    home, root = tmp_path / "home", tmp_path / "home/root"
    root.mkdir(parents=True)
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    _notebook(root / "sales.ipynb", ["rows = [1, 2, 3]", "total = sum(rows)\nprint(total)"])
    with server(root, HOME=str(home)) as (client, _):
        first = _events(client, _start(client, "sales.ipynb", "sales", git={})["id"])
        assert first[-1] == {"state": "done"}, first
        (stage,) = (root / "sales/stages").glob("[!_]*.py")
        stage.write_text(stage.read_text().replace("[1, 2, 3]", "[1, 2, 4]"))
        git = ("git", "-C", str(root / "sales"), "-c", "user.name=A", "-c", "user.email=a@b.org")
        subprocess.run([*git, "commit", "-qam", "Four"], check=True)
        _notebook(root / "sales.ipynb", ["rows = [1, 2, 5]", "total = sum(rows)\nprint(total)"])
        assert _preview(client, "sales.ipynb", folder="sales")["git"]["exists"]
        order = {"branch": "main"}
        second = _events(client, _start(client, "sales.ipynb", "sales", git=order)["id"])
        conflicts = second[-2]["error"]["conflicts"]
        assert stage.name in [Path(one["path"]).name for one in conflicts]
        assert "[1, 2, 4]" in stage.read_text()
        order["conflicts"] = "mine"
        third = _events(client, _start(client, "sales.ipynb", "sales", git=order)["id"])
    assert third[-2]["result"]["exported"]["updated"], third
    assert "[1, 2, 4]" in stage.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_export_ends_with_its_server(tmp_path: Path, number: signal.Signals) -> None:
    root = tmp_path / "root"
    root.mkdir()
    _notebook(root / "sleeper.ipynb", [SLEEPER.format(told=str(tmp_path / "pid"))])
    with server(root) as (client, process):
        pid = _sleeping(client, root, "unfinished")
        job = client.get(f"{API}/jobs", params={"notebook": "sleeper.ipynb"}).json()["job"]["id"]
        process.send_signal(number)
        process.wait(60)
        _until(lambda: not alive(pid), "the end of what the notebook started")
        _until(lambda: not _of_job(job), "the end of the job")
    assert [one.name for one in root.iterdir()] == ["sleeper.ipynb"]


def test_a_job_that_never_was_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"{API}/jobs/{'0' * 32}").status_code == 404
    assert client.get(f"{API}/jobs/{'0' * 32}/events").status_code == 404


def _preview(
    client: httpx.Client, notebook: str, wanted: Any = None, folder: str = ""
) -> dict[str, Any]:
    order = {"notebook": notebook, "edits": wanted or {}, "folder": folder}
    found = client.post(f"{API}/preview", json=order)
    assert found.status_code == 200, found.text
    return dict(found.json())


def _start(client: httpx.Client, notebook: str, folder: str, **more: Any) -> dict[str, Any]:
    order = {"notebook": notebook, "folder": folder, **more}
    found = client.post(f"{API}/jobs", json=order)
    assert found.status_code == 201, found.text
    return dict(found.json())


def _events(client: httpx.Client, job: str, since: int = 0) -> list[dict[str, Any]]:
    """Return the job's events, read to the end of the stream."""
    path = f"{API}/jobs/{job}/events"
    with client.stream("GET", path, params={"since": since}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def _sleeping(client: httpx.Client, root: Path, folder: str) -> int:
    """Start to verify a notebook that sleeps; return the process that it has started."""
    told = root.parent / "pid"
    told.unlink(missing_ok=True)
    _start(client, "sleeper.ipynb", folder, verify=True)
    _until(lambda: told.exists() and told.read_text() != "", "the notebook's process")
    pid = int(told.read_text())
    assert alive(pid)
    return pid


def _of_job(job: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("DATALAB_EXPORT_JOB") == job:
                found.append(process)
    return found


def _child_of(process: psutil.Process, client: httpx.Client) -> bool:
    parent = process.parent()
    return parent is not None and f"--port={client.base_url.port}" in parent.cmdline()


def _until(true: Callable[[], bool], what: str) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")


def _notebook(path: Path, cells: Sequence[str | dict[str, str]]) -> None:
    """Write a notebook; texts that begin with # are markdown, dictionaries tagged code."""
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    for cell in cells:
        if isinstance(cell, dict):
            tags = {"tags": [cell["tag"]]}
            made.cells.append(nbformat.v4.new_code_cell(cell["source"], metadata=tags))
        elif cell.startswith("# "):
            made.cells.append(nbformat.v4.new_markdown_cell(cell))
        else:
            made.cells.append(nbformat.v4.new_code_cell(cell))
    nbformat.write(made, path)
