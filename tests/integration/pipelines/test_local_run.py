"""The local runner: real processes, resumed, stopped, killed; a record that says what happened."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SCRIPT = """\
import os, time
from pathlib import Path
from datalab_pipelines import *

HERE = Path(__file__).parent

def note(name):
    with (HERE / "calls").open("a") as file:
        file.write(name + "\\n")

@stage
def first(number: int) -> int:
    note("first")
    print("a line for the log")
    return number + 1

@stage
def second(number: int) -> Metric:
    note("second")
    if (HERE / "broken").exists():
        raise ValueError("the input is broken")
    return Metric(number * 2)

@stage(cache=False)
def third(score: Metric) -> str:
    note("third")
    report(f"score {score}", "summary")
    return "done"

@stage
def slow(number: int) -> int:
    note("slow")
    if not (HERE / "hurry").exists():
        import subprocess
        subprocess.Popen(["sleep", "300"])
        time.sleep(300)
    return number

@pipeline("small")
def small(number: int = 1) -> None:
    third(second(first(number)))

@pipeline("waiting")
def waiting() -> None:
    first(1)
    slow(2)

if __name__ == "__main__":
    (waiting if os.environ.get("WAITING") else small).main()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def run(project: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "script.py", *words],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def calls(project: Path) -> list[str]:
    path = project / "calls"
    found = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def shown(project: Path, *runs: str, **environment: str) -> list[dict]:
    return json.loads(run(project, "show", "--json", *runs, **environment).stdout)


def test_what_has_not_changed_is_not_run_again(project: Path) -> None:
    done = run(project, "run")
    assert done.returncode == 0, done.stderr
    assert calls(project) == ["first", "second", "third"]
    assert run(project, "run").returncode == 0
    assert calls(project) == ["third"]  # which says cache=False
    assert run(project, "run", "--param", "number=5").returncode == 0
    assert calls(project) == ["first", "second", "third"]
    assert run(project, "run", "--fresh").returncode == 0
    assert calls(project) == ["first", "second", "third"]
    [newest] = shown(project)
    statuses = {one["node"]: one["status"] for one in newest["stages"]}
    assert statuses == {"first": "succeeded", "second": "succeeded", "third": "succeeded"}


def test_a_change_of_the_code_runs_it_again_also_in_what_it_imports(project: Path) -> None:
    (project / "helper.py").write_text("FACTOR = 2\n")
    script = project / "script.py"
    script.write_text("import helper\n" + SCRIPT)
    assert run(project, "run").returncode == 0
    calls(project)
    (project / "helper.py").write_text("FACTOR = 3\n")
    assert run(project, "run").returncode == 0
    assert calls(project) == ["first", "second", "third"]
    (project / "unrelated.py").write_text("X = 1\n")
    assert run(project, "run").returncode == 0
    assert calls(project) == ["third"]


def test_a_failed_run_is_explained_and_goes_on_from_there(project: Path) -> None:
    (project / "broken").touch()
    failed = run(project, "run", "--param", "number=4")
    assert failed.returncode == 1
    assert "the stage second failed: ValueError: the input is broken" in failed.stderr
    assert "run --resume" in failed.stderr
    calls(project)
    [record] = shown(project)
    assert record["status"] == "failed"
    [second] = [one for one in record["stages"] if one["node"] == "second"]
    assert second["error"] == "ValueError: the input is broken"
    assert 'raise ValueError("the input is broken")' in second["trace"]
    text = run(project, "show").stdout
    assert "the input is broken" in text
    assert "log.txt" in text
    (project / "broken").unlink()
    resumed = run(project, "run", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert calls(project) == ["second", "third"]
    [again] = shown(project)
    assert (again["id"], again["status"]) == (record["id"], "succeeded")
    assert again["parameters"] == {"number": 4}


def test_metrics_logs_and_reports_are_kept(project: Path) -> None:
    assert run(project, "run", "--param", "number=2").returncode == 0
    [record] = shown(project)
    assert {one["node"]: one["metrics"] for one in record["stages"]} == {
        "first": {},
        "second": {"value": 6.0},
        "third": {},
    }
    folder = project / ".datalab" / "runs" / record["id"]
    assert "a line for the log" in (folder / "first" / "log.txt").read_text()
    assert (folder / "third" / "report" / "001-summary.txt").read_text() == "score 6.0\n"


def test_runs_are_listed_and_compared(project: Path) -> None:
    for number in ("1", "2"):
        assert run(project, "run", "--param", f"number={number}").returncode == 0
    listed = run(project, "runs").stdout.splitlines()
    assert len(listed) == 2
    assert "number=2" in listed[0]
    assert "second=6" in listed[0]
    ids = [line.split()[0] for line in listed]
    compared = run(project, "show", *ids).stdout
    changed = [line for line in compared.splitlines() if line.startswith("*")]
    assert any("number" in line and "2" in line and "1" in line for line in changed)
    assert any("value" in line and "6" in line and "4" in line for line in changed)
    missing = run(project, "show", "nothing")
    assert missing.returncode == 2
    assert "there is no run 'nothing'" in missing.stderr


def started(project: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "script.py", "run"],
        cwd=project,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "WAITING": "1"},
    )
    path = project / "calls"
    deadline = time.monotonic() + 60
    while not path.exists() or "slow" not in path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)
    return process


def left_over(project: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(project) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_every_stage_and_leaves_a_run_that_goes_on(
    project: Path, number: signal.Signals
) -> None:
    process = started(project)
    assert len(left_over(project)) >= 3  # the runner, the stage, the stage's own child
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert left_over(project) == []
    assert "run --resume" in err
    [record] = shown(project, WAITING="1")
    assert record["status"] == "cancelled"
    assert {one["node"]: one["status"] for one in record["stages"]}["slow"] == "cancelled"
    (project / "hurry").touch()
    calls(project)
    resumed = run(project, "run", "--resume", WAITING="1")
    assert resumed.returncode == 0, resumed.stderr
    assert calls(project) == ["slow"]


def test_a_killed_runner_leaves_no_process(project: Path) -> None:
    process = started(project)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while left_over(project):
        assert time.monotonic() < deadline, left_over(project)
        time.sleep(0.1)
    (project / "hurry").touch()
    assert run(project, "run", "--resume", WAITING="1").returncode == 0


def test_a_run_cannot_be_resumed_while_it_runs(project: Path) -> None:
    process = started(project)
    try:
        second = run(project, "run", "--resume", WAITING="1")
        assert second.returncode == 2
        assert "is running already" in second.stderr
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_in_a_terminal_the_progress_is_drawn_and_erased(project: Path) -> None:
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "script.py", "run"], cwd=project, stderr=inner, stdout=inner
    )
    os.close(inner)
    seen = b""
    try:
        while chunk := os.read(outer, 4096):
            seen += chunk
    except OSError:
        pass  # the other side of the terminal is closed
    assert process.wait(60) == 0
    text = seen.decode()
    assert "✓\x1b[0m first" in text
    assert "⠙" in text or "⠹" in text
    assert text.rstrip().splitlines()[-1].startswith("succeeded in")


def test_the_command_names_what_is_wrong(project: Path) -> None:
    for words, message in (
        (["run", "--param", "number"], "is not NAME=VALUE"),
        (["run", "--param", "number=x"], "is int, and is given 'x'"),
        (["run", "--resume"], "no run of small failed or was stopped"),
        (["run", "--resume", "--param", "number=1"], "leave --param away"),
        (["show"], "nothing has run yet"),
        (["graph", "--output", "picture.bmp"], "a .svg, .mmd or .md file"),
        (["generate", "--check"], "is not what the script generates"),
    ):
        done = run(project, *words)
        assert done.returncode == 2, done
        assert message in done.stderr
    assert run(project, "generate").returncode == 0
    assert run(project, "generate", "--check").returncode == 0


def test_the_record_is_private(project: Path) -> None:
    assert run(project, "run").returncode == 0
    assert (project / ".datalab").stat().st_mode & 0o077 == 0


def test_importing_the_dsl_is_light() -> None:
    code = (
        "import sys, datalab_pipelines; "
        "print([one for one in ('jupyter_core', 'IPython', 'boto3', 'pandas', 'numpy', "
        "'sagemaker', 'yaml', 'sqlite3', 'asyncio') if one in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
