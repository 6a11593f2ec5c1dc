"""``datalab-export`` from a shell: into folders and git, with pleasant and exact answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from datalab_pipelines.export.command import main
from exporting import notebook
from gitrepos import Repository, isolate

CELLS = [
    "# Churn",
    "rate = 2",
    "## Load",
    "rows = [1, 2, 3]",
    "## Prepare",
    "doubled = [rate * one for one in rows]",
    "## Report",
    "total = sum(doubled)\nprint(total)",
]
BRANCH = "datalab/export-churn"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "work")
    notebook(repository.path / "churn.ipynb", CELLS)
    repository.git("add", "churn.ipynb")
    repository.git("commit", "-qm", "A notebook")
    return repository


def export(repository: Repository, *words: str) -> int:
    return main([str(repository.path / "churn.ipynb"), *words])


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    found = capsys.readouterr()
    return found.out, found.err


def test_a_project_is_committed_edited_and_exported_again(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(repository, "--switch", "--rename", "prepare=double", "--owner", "@acme/ml") == 0
    out, _ = said(capsys)
    assert f"on {BRANCH}" in out and "to undo it: git switch main && git branch -D" in out
    files = repository.files(BRANCH)
    assert "churn/stages/double.py" in files
    assert "/churn/ @acme/ml" in files[".github/CODEOWNERS"]
    assert 'working-directory: "churn"' in files[".github/workflows/churn.yml"]
    message = repository.git("log", "-1", "--format=%B")
    assert message.startswith("Export churn.ipynb as the pipeline churn\n")
    assert "- double: cell 6" in message and "Not verified" in message

    stage = repository.path / "churn/stages/load.py"
    stage.write_text(stage.read_text() + "\n\ndef helper() -> int:\n    return 1\n")
    readme = repository.path / "churn/README.md"
    readme.write_text(readme.read_text().replace("# Churn\n", "# Churn, by Ada\n"))
    repository.git("commit", "-qam", "A helper")
    cells = [one.replace("print(total)", "print('total', total)") for one in CELLS]
    notebook(repository.path / "churn.ipynb", cells)
    again = ["--branch", BRANCH, "--rename", "prepare=double", "--owner", "@acme/ml"]
    assert export(repository, *again) == 0
    assert "def helper()" in stage.read_text()
    assert readme.read_text().startswith("# Churn, by Ada\n")
    assert "'total'" in (repository.path / "churn/stages/report.py").read_text().replace('"', "'")
    message = repository.git("log", "-1", "--format=%B")
    assert "Kept the changes made in README.md, stages/load.py." in message
    assert repository.git("status", "--porcelain") == " M churn.ipynb"
    run = subprocess.run(
        [sys.executable, "pipeline.py", "generate", "--check"], cwd=repository.path / "churn"
    )
    assert run.returncode == 0


def test_a_persons_stage_in_the_pipeline_is_in_the_template_after_the_next_export(
    repository: Repository,
) -> None:
    assert export(repository, "--switch") == 0
    project = repository.path / "churn"
    (project / "stages" / "notify.py").write_text(
        "from datalab_pipelines import stage\n\n\n@stage\ndef notify() -> None:\n"
        '    """Say that it is done."""\n'
    )
    text = (project / "pipeline.py").read_text()
    text = text.replace(
        "from stages.report", "from stages.notify import notify\nfrom stages.report"
    )
    lines = text.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "__main__" in line)
    lines[at - 2 : at - 2] = ["    notify()\n"]
    (project / "pipeline.py").write_text("".join(lines))
    subprocess.run([sys.executable, "pipeline.py", "generate"], cwd=project, check=True)
    repository.git("add", "churn")
    repository.git("commit", "-qm", "Notify")
    cells = [one.replace("sum(doubled)", "sum(doubled) + 1") for one in CELLS]
    notebook(repository.path / "churn.ipynb", cells)
    assert export(repository, "--commit") == 0
    assert "sum(doubled) + 1" in (project / "stages/report.py").read_text()
    assert "notify" in (project / "template.yaml").read_text()
    check = subprocess.run([sys.executable, "pipeline.py", "generate", "--check"], cwd=project)
    assert check.returncode == 0


def test_a_merge_that_would_not_run_is_refused(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(repository, "--switch") == 0
    pipeline = repository.path / "churn/pipeline.py"
    pipeline.write_text("import no_such_thing\n" + pipeline.read_text())
    repository.git("commit", "-qam", "Break it")
    tip = repository.git("rev-parse", "HEAD")
    notebook(repository.path / "churn.ipynb", [*CELLS, "last = 1"])
    assert export(repository, "--commit") == 2
    assert "No module named 'no_such_thing'" in said(capsys)[1]
    assert repository.git("rev-parse", "HEAD") == tip


def test_conflicts_are_told_with_file_and_line(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(repository, "--switch") == 0
    stage = repository.path / "churn/stages/report.py"
    line = next(n for n, one in enumerate(stage.read_text().split("\n"), 1) if "sum(" in one)
    stage.write_text(stage.read_text().replace("sum(doubled)", "sum(doubled) * 1"))
    repository.git("commit", "-qam", "Mine")
    cells = [one.replace("sum(doubled)", "sum(doubled) + 1") for one in CELLS]
    notebook(repository.path / "churn.ipynb", cells)
    capsys.readouterr()
    assert export(repository, "--commit", "--json") == 2
    out, err = said(capsys)
    (conflict,) = json.loads(err)["error"]["conflicts"]
    assert conflict["path"] == "churn/stages/report.py" and [line, line] in conflict["lines"]
    assert out == ""
    assert export(repository, "--commit", "--conflicts", "mine") == 0
    assert "sum(doubled) * 1" in stage.read_text()


def test_a_dry_run_says_where_it_would_go_and_writes_nothing(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    before = repository.own()
    assert export(repository, "--dry-run", "--commit", "--json") == 0
    document = json.loads(said(capsys)[0])
    assert document["git"]["branch"] == BRANCH and document["git"]["exists"] is False
    assert [one["name"] for one in document["plan"]["stages"]][-1] == "report"
    assert export(repository, "--dry-run", "--commit") == 0
    assert f"would be committed on {BRANCH}, by Ada Lovelace" in said(capsys)[0]
    assert repository.own() == before and repository.git("branch", "--list", BRANCH) == ""


def test_without_commit_it_is_a_folder(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(repository, "--json") == 0
    document = json.loads(said(capsys)[0])
    assert document["export"]["in_folder"] and document["export"]["commit"] == ""
    assert all(Path(one).is_file() for one in document["files"])
    assert repository.git("status", "--porcelain") == "?? churn/"
    assert export(repository) == 2
    assert "--commit merges an export with the last one" in said(capsys)[1]


def test_verification_goes_into_the_commit(repository: Repository) -> None:
    assert export(repository, "--commit", "--verify") == 0
    message = repository.git("log", "-1", "--format=%B", BRANCH)
    assert "Verified: the notebook ran twice" in message


def test_a_codeowners_file_of_the_repository_is_left_alone(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({"CODEOWNERS": "* @acme/all\n"})
    assert export(repository, "--commit", "--owner", "@acme/ml") == 0
    assert "CODEOWNERS is there already: add who approves /churn/" in said(capsys)[0]
    files = repository.files(BRANCH)
    assert files["CODEOWNERS"] == "* @acme/all" and ".github/CODEOWNERS" not in files


def test_a_notebook_with_large_outputs_is_kept_without_them(repository: Repository) -> None:
    path = repository.path / "churn.ipynb"
    document = json.loads(path.read_text())
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 6 * 2**20}
    document["cells"][1] |= {"outputs": [output], "execution_count": 1}
    path.write_text(json.dumps(document))
    assert export(repository) == 0
    kept = repository.path / "churn/churn.ipynb"
    assert kept.stat().st_size < 10_000
    sources = [cell["source"] for cell in json.loads(kept.read_text())["cells"]]
    assert sources == CELLS


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--no-commit", "--push"], "--no-commit and --push cannot both be"),
        (["--rename", "load"], "--rename 'load' is not NAME=VALUE"),
        (["--rename", "nothing=x"], "there is no stage 'nothing'"),
        (["--compute", "load=Lamda()"], "there is no Lamda"),
        (["--compute", "load=Lambda("], "not where a stage can run"),
        (["--compute", "load=Lambda(memory=1)"], "Lambda"),
        (["--compute", "load=__import__('os').system('x')"], "not where a stage can run"),
        (["--begin", "99"], "has no cell 99"),
        (["--owner", "not an owner", "--commit"], "is no owner for CODEOWNERS"),
        (["--wheel", "nothing.whl", "--commit"], "is no wheel"),
        (["--branch", "a b"], "is not a name for a branch"),
    ],
)
def test_a_wrong_option_is_told_with_what_to_do(
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    problem: str,
) -> None:
    before = repository.own()
    assert export(repository, *words) == 2
    err = said(capsys)[1]
    assert problem in err
    assert repository.own() == before


def test_cells_and_compute_are_chosen(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--begin", "6", "--rename", "prepare=work", "--compute", "prepare=Lambda(memory=512)"]
    assert export(repository, "--json", *words) == 0
    stages = json.loads(said(capsys)[0])["plan"]["stages"]
    assert [(one["name"], one["compute"]) for one in stages][1:] == [("work", "Lambda(memory=512)")]
    assert "Lambda(memory=512)" in (repository.path / "churn/stages/work.py").read_text()


def test_help_says_every_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = said(capsys)[0]
    for text in ("exit status:", "GH_ENTERPRISE_TOKEN", "--conflicts"):
        assert text in out


def test_an_export_that_is_ended_half_way_leaves_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = repository.own()
    process = subprocess.Popen(
        [sys.executable, "-m", "datalab_pipelines.export.command", "churn.ipynb", "--commit"],
        cwd=repository.path,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing the project\n"
    process.send_signal(2)
    assert process.wait(60) == 130
    assert repository.own() == before
    assert repository.git("branch", "--list", BRANCH) == ""
    assert list(scratch.iterdir()) == []
