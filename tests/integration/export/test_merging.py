"""Exporting again keeps what a person changed, or says where that is impossible."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from datalab_pipelines.export import ExportError, MergeConflict
from gitrepos import PROJECT, Repository, export, isolate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BRANCH = "datalab/export-churn"
RECORD = "churn/.datalab-export.json"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository that is on the branch of a first export."""
    repository = Repository(tmp_path / "work")
    repository.export(switch=True)
    return repository


def changed(text: str, line: int, new: str) -> str:
    """Return ``text`` with one line (from 1) replaced."""
    lines = text.splitlines(keepends=True)
    lines[line - 1] = new
    return "".join(lines)


TRAIN = PROJECT["stages/train.py"]


def test_an_edited_stage_is_kept_and_the_generated_change_comes_in(
    repository: Repository,
) -> None:
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    done = repository.export({**PROJECT, "stages/train.py": changed(TRAIN, 17, "new cell\n")})
    text = (repository.path / "churn/stages/train.py").read_text()
    assert text == changed(changed(TRAIN, 3, "edited by Ada\n"), 17, "new cell\n")
    assert done.updated
    assert "Kept: stages/train.py" in repository.git("log", "-1", "--format=%B")


def test_edits_survive_one_export_after_another(repository: Repository) -> None:
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    for number in range(3):
        new = changed(TRAIN, 17, f"cell of export {number}\n")
        repository.export({**PROJECT, "stages/train.py": new})
        text = (repository.path / "churn/stages/train.py").read_text()
        assert text == changed(new, 3, "edited by Ada\n")


def test_edits_survive_a_pull_request_that_was_squashed_and_a_clone_of_one_commit(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    repository.export({**PROJECT, "stages/train.py": changed(TRAIN, 17, "second\n")})
    repository.git("switch", "-q", "main")
    repository.git("merge", "-q", "--squash", BRANCH)
    repository.git("commit", "-qm", "Squashed")
    source = f"file://{repository.path}"
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", "-b", "main", source, clone], check=True)
    fresh = Repository.at(clone)
    done = fresh.export({**PROJECT, "stages/train.py": changed(TRAIN, 17, "third\n")})
    assert fresh.files(done.commit)["churn/stages/train.py"] + "\n" == changed(
        changed(TRAIN, 3, "edited by Ada\n"), 17, "third\n"
    )


def test_a_branch_that_was_squashed_is_not_gone_on_with(repository: Repository) -> None:
    tip = repository.git("rev-parse", BRANCH)
    repository.git("switch", "-q", "main")
    repository.git("merge", "-q", "--squash", BRANCH)
    repository.git("commit", "-qm", "Squashed")
    repository.commit({"churn/stages/load.py": "load of main\n"})
    done = repository.export({**PROJECT, "README.md": "# Other\n"})
    assert done.branch == f"{BRANCH}-2"
    assert repository.files(done.commit)["churn/stages/load.py"] == "load of main"
    assert repository.git("rev-parse", BRANCH) == tip
    assert repository.git("rev-parse", f"{done.branch}^") == repository.git("rev-parse", "main")


def test_a_branch_that_was_merged_goes_on_from_there(repository: Repository) -> None:
    repository.git("switch", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "--no-edit", BRANCH)
    repository.commit({"churn/stages/load.py": "load of main\n"})
    done = repository.export({**PROJECT, "README.md": "# Other\n"})
    assert done.branch == BRANCH
    assert repository.files(done.commit)["churn/stages/load.py"] == "load of main"
    assert repository.git("rev-parse", f"{BRANCH}^") == repository.git("rev-parse", "main")


def test_the_same_lines_changed_twice_stop_the_export_and_are_named(
    repository: Repository,
) -> None:
    mine = "one more line at the top\n" + changed(TRAIN, 5, "mine\nand a second line\n")
    repository.commit({"churn/stages/train.py": mine})
    before, tip = repository.own(), repository.git("rev-parse", BRANCH)
    new = {**PROJECT, "stages/train.py": changed(TRAIN, 5, "generated\n"), "README.md": "# New\n"}
    with pytest.raises(MergeConflict) as stopped:
        repository.export(new)
    assert repository.own() == before and repository.git("rev-parse", BRANCH) == tip
    (conflict,) = stopped.value.conflicts
    assert (conflict.path, conflict.lines) == ("churn/stages/train.py", [(6, 7)])
    assert "churn/stages/train.py, line 6-7: you and the new export changed" in str(stopped.value)
    assert "--conflicts mine" in stopped.value.hint
    assert json.loads(json.dumps(stopped.value.to_json()))["conflicts"] == [
        {
            "path": "churn/stages/train.py",
            "reason": "you and the new export changed the same lines",
            "lines": [[6, 7]],
        }
    ]


@pytest.mark.parametrize("side", ["mine", "generated"])
def test_a_person_can_settle_conflicts_and_all_else_is_merged(
    repository: Repository, side: str
) -> None:
    mine = changed(changed(TRAIN, 2, "only mine\n"), 10, "mine\n")
    repository.commit({"churn/stages/train.py": mine})
    new = changed(changed(TRAIN, 18, "only generated\n"), 10, "generated\n")
    repository.export({**PROJECT, "stages/train.py": new}, conflicts=side)
    text = (repository.path / "churn/stages/train.py").read_text()
    assert text == changed(
        changed(changed(TRAIN, 2, "only mine\n"), 18, "only generated\n"), 10, f"{side}\n"
    )
    again = repository.export({**PROJECT, "stages/train.py": new})
    assert again.commit == ""  # settled once and for all


def test_a_stage_renamed_in_the_notebook_takes_the_edits_along(repository: Repository) -> None:
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    new = {name: text for name, text in PROJECT.items() if name != "stages/train.py"}
    repository.export({**new, "stages/fit.py": changed(TRAIN, 17, "new cell\n")})
    assert not (repository.path / "churn/stages/train.py").exists()
    text = (repository.path / "churn/stages/fit.py").read_text()
    assert text == changed(changed(TRAIN, 3, "edited by Ada\n"), 17, "new cell\n")


def test_a_stage_renamed_by_a_person_gets_the_changes_again_and_again(
    repository: Repository,
) -> None:
    repository.git("mv", "churn/stages/train.py", "churn/stages/fit_model.py")
    repository.commit({"churn/stages/fit_model.py": changed(TRAIN, 3, "edited by Ada\n")})
    for number in range(3):
        new = changed(TRAIN, 17, f"cell {number}\n")
        repository.export({**PROJECT, "stages/train.py": new})
        assert not (repository.path / "churn/stages/train.py").exists()
        text = (repository.path / "churn/stages/fit_model.py").read_text()
        assert text == changed(new, 3, "edited by Ada\n")


def test_a_project_that_was_moved_is_found_again(repository: Repository) -> None:
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    (repository.path / "pipelines").mkdir()
    repository.git("mv", "churn", "pipelines/leaving")
    repository.git("commit", "-qm", "Move")
    new = changed(TRAIN, 17, "new cell\n")
    done = repository.export({**PROJECT, "stages/train.py": new}, to="pipelines/leaving")
    assert done.updated
    text = (repository.path / "pipelines/leaving/stages/train.py").read_text()
    assert text == changed(new, 3, "edited by Ada\n")


def test_files_that_a_person_deleted_stay_deleted(repository: Repository) -> None:
    repository.commit({"churn/README.md": None})
    for number in range(2):
        repository.export({**PROJECT, "pipeline.py": f"changed {number}\n"})
        assert not (repository.path / "churn/README.md").exists()


def test_a_deleted_file_that_the_new_export_changes_is_a_conflict(repository: Repository) -> None:
    repository.commit({"churn/README.md": None})
    new = {**PROJECT, "README.md": "# Churn, anew\n"}
    with pytest.raises(MergeConflict, match=r"churn/README.md: you deleted or renamed it"):
        repository.export(new)
    repository.export(new, conflicts="mine")
    assert not (repository.path / "churn/README.md").exists()
    newer = {**PROJECT, "README.md": "# Churn, newer\n"}
    repository.export(newer, conflicts="generated")
    assert (repository.path / "churn/README.md").read_text() == "# Churn, newer\n"


def test_an_edited_stage_that_is_gone_from_the_notebook_is_a_conflict(
    repository: Repository,
) -> None:
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    new = {name: text for name, text in PROJECT.items() if name != "stages/train.py"}
    with pytest.raises(MergeConflict, match="the new export has no such file"):
        repository.export(new)
    repository.export(new, conflicts="mine")
    assert (repository.path / "churn/stages/train.py").exists()


def test_stages_come_and_go_with_the_notebook(repository: Repository) -> None:
    repository.commit({"churn/notes.md": "mine\n"})
    new = {name: text for name, text in PROJECT.items() if name != "stages/train.py"}
    repository.export({**new, "stages/report.py": "entirely different\n"})
    stages = sorted(one.name for one in (repository.path / "churn/stages").iterdir())
    assert stages == ["load.py", "report.py"]
    assert (repository.path / "churn/notes.md").read_text() == "mine\n"


def test_the_template_is_made_of_the_merged_pipeline(repository: Repository) -> None:
    text = PROJECT["pipeline.py"]
    repository.commit({"churn/pipeline.py": changed(text, 1, "my_step()\n")})
    repository.export({**PROJECT, "pipeline.py": changed(text, 11, "new_step()\n")})
    merged = changed(changed(text, 1, "my_step()\n"), 11, "new_step()\n")
    assert (repository.path / "churn/template.yaml").read_text() == f"made of: {merged}"
    assert (
        repository.export({**PROJECT, "pipeline.py": changed(text, 11, "new_step()\n")}).commit
        == ""
    )


def test_a_changed_parameter_beside_a_persons_own_is_merged_or_told(
    repository: Repository,
) -> None:
    text = (
        "def main(\n    seed: int = 7,\n    rows: int = 100,\n) -> None:\n" + PROJECT["pipeline.py"]
    )
    repository.export({**PROJECT, "pipeline.py": text})
    repository.commit({"churn/pipeline.py": text.replace("rows: int = 100", "rows: int = 500")})
    with pytest.raises(MergeConflict) as stopped:
        repository.export(
            {**PROJECT, "pipeline.py": text.replace("rows: int = 100", "rows: int = 9")}
        )
    assert stopped.value.conflicts[0].lines == [(3, 3)]
    repository.export({**PROJECT, "pipeline.py": text.replace("step_9", "step_nine")})
    merged = (repository.path / "churn/pipeline.py").read_text()
    assert "rows: int = 500" in merged and "step_nine" in merged


def test_two_changed_copies_of_the_notebook_are_never_mixed(repository: Repository) -> None:
    cells = "".join(f'"cell {number}"\n' for number in range(20))
    repository.export({**PROJECT, "a.ipynb": cells})
    repository.commit({"churn/a.ipynb": changed(cells, 2, '"mine"\n')})
    new = {**PROJECT, "a.ipynb": changed(cells, 18, '"new"\n')}
    with pytest.raises(MergeConflict, match=r"churn/a.ipynb: you changed the copy"):
        repository.export(new)
    repository.export(new, conflicts="generated")
    assert (repository.path / "churn/a.ipynb").read_text() == new["a.ipynb"]


def test_binary_files_that_both_changed_are_a_conflict(repository: Repository) -> None:
    repository.export({**PROJECT, "data.bin": b"\x00one"})
    (repository.path / "churn/data.bin").write_bytes(b"\x00mine")
    repository.git("commit", "-qam", "Change")
    with pytest.raises(MergeConflict, match=r"churn/data.bin: you and the new export changed it"):
        repository.export({**PROJECT, "data.bin": b"\x00two"})
    repository.export({**PROJECT, "data.bin": b"\x00two"}, conflicts="mine")
    assert (repository.path / "churn/data.bin").read_bytes() == b"\x00mine"


def test_a_persons_mode_of_a_file_is_kept(repository: Repository) -> None:
    (repository.path / "churn/pipeline.py").chmod(0o755)
    repository.git("commit", "-qam", "Make it a program")
    done = repository.export({**PROJECT, "pipeline.py": "changed\n"})
    assert repository.git("ls-tree", done.commit, "churn/pipeline.py").startswith("100755")


def test_uncommitted_edits_of_the_project_are_not_lost(repository: Repository) -> None:
    repository.write({"churn/stages/load.py": "not committed\n"})
    done = repository.export({**PROJECT, "README.md": "# Other\n"})
    assert (repository.path / "churn/stages/load.py").read_text() == "not committed\n"
    assert done.in_folder
    with pytest.raises(ExportError, match=r"(?s)would overwrite.*churn/stages/load\.py"):
        repository.export({**PROJECT, "stages/load.py": "generated\n"})
    assert (repository.path / "churn/stages/load.py").read_text() == "not committed\n"


def test_a_lost_or_damaged_record_is_no_licence_to_overwrite(repository: Repository) -> None:
    repository.commit({"churn/stages/train.py": "mine\n", RECORD: None})
    with pytest.raises(ExportError, match="no export wrote it") as said:
        repository.export({**PROJECT, "README.md": "# Other\n"})
    assert ".datalab-export.json" in said.value.hint
    for text in ("{", "[]", '{"format": 99}', '{"format": 1, "files": {"a": 1}, "kept": {}}'):
        repository.commit({RECORD: text})
        with pytest.raises(ExportError, match=r"\.datalab-export\.json cannot be read"):
            repository.export({**PROJECT, "README.md": "# Other\n"})


def test_a_base_that_is_not_in_the_repository_is_told(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    clone = tmp_path / "clone"
    source = f"file://{repository.path}"
    subprocess.run(["git", "clone", "-q", "--depth=1", source, clone], check=True)
    with pytest.raises(MergeConflict, match="git fetch --unshallow"):
        Repository.at(clone).export({**PROJECT, "stages/train.py": changed(TRAIN, 17, "new\n")})
    Repository.at(clone).git("fetch", "-q", "--unshallow")
    Repository.at(clone).export({**PROJECT, "stages/train.py": changed(TRAIN, 17, "new\n")})


def test_a_folder_that_was_exported_without_git_is_merged_once_it_is_committed(
    tmp_path: Path,
) -> None:
    repository = Repository(tmp_path / "work")
    export({**PROJECT}, repository.path / "churn", git=False)
    repository.git("add", "churn")
    repository.git("commit", "-qm", "Add it by hand")
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    new = changed(TRAIN, 17, "new cell\n")
    repository.export({**PROJECT, "stages/train.py": new}, branch="main")
    text = (repository.path / "churn/stages/train.py").read_text()
    assert text == changed(new, 3, "edited by Ada\n")


def test_a_merge_never_depends_on_a_persons_settings(repository: Repository, home: Path) -> None:
    with (home / ".gitconfig").open("a") as file:
        file.write("[merge]\n\trenames = false\n\tconflictStyle = diff3\n\tff = false\n")
        file.write(
            "[core]\n\tquotePath = true\n[diff]\n\tnoprefix = true\n[commit]\n\tgpgSign = false\n"
        )
    new = {name: text for name, text in PROJECT.items() if name != "stages/train.py"}
    new["stages/fit.py"] = changed(TRAIN, 17, "new cell\n")
    repository.commit({"churn/stages/train.py": changed(TRAIN, 3, "edited by Ada\n")})
    repository.export(new)
    merged = changed(new["stages/fit.py"], 3, "edited by Ada\n")
    assert (repository.path / "churn/stages/fit.py").read_text() == merged
    repository.commit({"churn/stages/fit.py": changed(merged, 10, "mine\n")})
    with pytest.raises(MergeConflict) as stopped:
        repository.export({**new, "stages/fit.py": changed(new["stages/fit.py"], 10, "new\n")})
    assert stopped.value.conflicts[0].lines == [(10, 10)]


LINES = st.lists(st.sampled_from("abcdef"), max_size=8).map(
    lambda all: "".join(f"{x}\n" for x in all)
)


def merged_by_git(folder: Path, base: str, mine: str, new: str) -> str | None:
    """Return what ``git merge`` makes of a file's versions; ``None`` for a conflict."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    file = folder / "x.txt"

    def git(*arguments: str) -> int:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode

    def commit(text: str) -> None:
        file.write_text(text)
        assert git("add", ".") == git("commit", "-q", "--allow-empty", "-m", "x") == 0

    assert git("init", "-q", "-b", "mine") == 0
    commit(base)
    assert git("switch", "-q", "-c", "new") == 0
    commit(new)
    assert git("switch", "-q", "mine") == 0
    commit(mine)
    return file.read_text() if git("merge", "-q", "--no-edit", "new") == 0 else None


@given(base=LINES, mine=LINES, new=LINES)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_both_sides_write_it_is_merged_as_git_does_or_nothing_happens(
    tmp_path: Path, base: str, mine: str, new: str
) -> None:
    shutil.rmtree(tmp_path / "work", ignore_errors=True)
    repository = Repository(tmp_path / "work")
    repository.export({**PROJECT, "x.txt": base}, switch=True)
    repository.write({"churn/x.txt": mine})
    repository.git("commit", "-qam", "Mine", "--allow-empty")
    tip, before = repository.git("rev-parse", "HEAD"), repository.own()
    expected = merged_by_git(tmp_path / "other", base, mine, new)
    try:
        repository.export({**PROJECT, "x.txt": new})
    except MergeConflict as error:
        assert expected is None and mine != new
        assert repository.own() == before and repository.git("rev-parse", "HEAD") == tip
        (conflict,) = error.conflicts
        total = mine.count("\n") + 1
        assert conflict.lines and all(1 <= a <= b <= total for a, b in conflict.lines)
    else:
        assert (repository.path / "churn/x.txt").read_text() == expected
