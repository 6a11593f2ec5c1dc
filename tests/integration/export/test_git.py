"""An export becomes a commit beside a person's work, in whatever state their repository is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from datalab_pipelines.export import ExportError, git_state
from gitrepos import AUTHOR, PROJECT, Repository, export, isolate

BRANCH = "datalab/export-churn"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "work")


def test_the_export_is_one_commit_on_a_branch_of_its_own(repository: Repository) -> None:
    before = repository.own()
    done = repository.export()
    assert repository.own() == before
    assert done.branch == BRANCH and not done.in_folder
    assert repository.git("rev-parse", BRANCH) == done.commit
    assert repository.git("log", "--format=%P %an <%ae>", "-1", BRANCH) == (
        f"{repository.git('rev-parse', 'main')} {AUTHOR}"
    )
    assert repository.files(BRANCH)["churn/pipeline.py"] + "\n" == PROJECT["pipeline.py"]
    assert repository.files(BRANCH)["notes.md"] == "# Notes"
    assert set(repository.files(BRANCH, "churn/")) == {f"churn/{name}" for name in done.files}
    assert repository.git("fsck", "--strict") == ""


def test_what_undo_says_takes_it_back(repository: Repository) -> None:
    before = repository.own()
    subprocess.run(repository.export().undo, shell=True, check=True, cwd=repository.path)
    assert repository.git("branch", "--format=%(refname:short)") == "main"
    first = repository.export()
    again = repository.export({**PROJECT, "README.md": "# Other\n"}, switch=True)
    assert (repository.path / "churn/README.md").read_text() == "# Other\n"
    subprocess.run(again.undo, shell=True, check=True, cwd=repository.path)
    assert repository.git("rev-parse", BRANCH) == first.commit
    assert repository.own() == before
    repository.git("switch", "-q", BRANCH)
    here = repository.export({**PROJECT, "README.md": "# Third\n"})
    assert here.in_folder
    subprocess.run(here.undo, shell=True, check=True, cwd=repository.path)
    assert (repository.path / "churn/README.md").read_text() == "# Churn\n"
    assert repository.git("status", "--porcelain") == ""


def test_a_dirty_tree_a_full_index_and_a_stash_stay_as_they_are(repository: Repository) -> None:
    repository.write({"notes.md": "stashed\n"})
    repository.git("stash")
    repository.write({"notes.md": "staged\n", "new.txt": "staged\n"})
    repository.git("add", "--all")
    repository.write({"notes.md": "changed\n", "untracked.txt": "mine\n", "churn/mine.txt": "mine"})
    before = repository.own()
    done = repository.export()
    assert repository.own() == before
    assert "untracked.txt" not in repository.files(done.commit)
    assert "churn/mine.txt" not in repository.files(done.commit)
    assert repository.files(done.commit)["notes.md"] == "# Notes"


def test_the_same_again_makes_no_commit(repository: Repository) -> None:
    first = repository.export()
    again = repository.export()
    assert again.commit == "" and again.updated
    assert again.notes == ["nothing changed since the last export"]
    assert repository.git("rev-parse", BRANCH) == first.commit


def test_a_detached_head_stays_detached(repository: Repository) -> None:
    repository.git("checkout", "-q", "--detach")
    before = repository.own()
    done = repository.export()
    assert repository.own() == before
    switched = repository.export({**PROJECT, "README.md": "# Other\n"}, switch=True)
    subprocess.run(switched.undo, shell=True, check=True, cwd=repository.path)
    assert repository.own() == before
    assert repository.git("rev-parse", BRANCH) == done.commit


def test_a_repository_without_a_commit_gets_a_branch_of_its_own(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "new", empty=True)
    repository.write({"notes.md": "mine\n"})
    repository.git("add", "notes.md")
    before = repository.own()
    done = repository.export()
    assert repository.own() == before
    assert repository.git("log", "--format=%P", BRANCH) == ""
    assert set(repository.files(BRANCH)) == {f"churn/{name}" for name in done.files}


def test_a_branch_that_does_not_exist_yet_and_is_checked_out_is_born(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "new", empty=True)
    repository.write({"notes.md": "mine\n"})
    done = repository.export(branch="main")
    assert done.in_folder
    assert repository.git("rev-parse", "main") == done.commit
    assert (repository.path / "churn/README.md").read_text() == "# Churn\n"
    assert repository.git("status", "--porcelain") == "?? notes.md"


def test_the_branch_that_is_checked_out_moves_with_its_files(repository: Repository) -> None:
    repository.write({"notes.md": "changed\n", "untracked.txt": "mine\n"})
    done = repository.export(branch="main")
    assert done.in_folder and done.next == ""
    assert repository.git("symbolic-ref", "--short", "HEAD") == "main"
    assert (repository.path / "churn/pipeline.py").read_text() == PROJECT["pipeline.py"]
    assert repository.git("status", "--porcelain") == " M notes.md\n?? untracked.txt"


def test_files_in_no_commit_are_never_overwritten(repository: Repository) -> None:
    repository.export(branch="main")
    tip = repository.git("rev-parse", "main")
    repository.write({"churn/README.md": "# My words\n"})
    before = repository.own()
    with pytest.raises(ExportError, match=r"(?s)in no commit:.*churn/README\.md") as refused:
        repository.export({**PROJECT, "README.md": "# Other\n"}, branch="main")
    assert "stash" in refused.value.hint
    assert repository.own() == before
    assert repository.git("rev-parse", "main") == tip


def test_untracked_files_in_the_way_are_never_overwritten(repository: Repository) -> None:
    repository.write({"churn/README.md": "# My words\n"})
    before = repository.own()
    with pytest.raises(ExportError, match=r"churn/README\.md"):
        repository.export(branch="main")
    assert repository.own() == before
    done = repository.export(switch=True)
    assert repository.own() == before  # committed, but not checked out
    assert done.problem and "cannot be checked out" in done.problem["message"]
    assert repository.git("rev-parse", BRANCH) == done.commit


def test_a_branch_that_another_working_tree_has_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "-q", "-b", "review", str(tmp_path / "other tree"))
    with pytest.raises(ExportError, match=r"checked out in .*other tree"):
        repository.export(branch="review")
    done = export(PROJECT, tmp_path / "other tree" / "churn", branch="review")
    assert done.in_folder  # from there it is the branch that is checked out


def test_an_ignored_folder_is_refused(repository: Repository) -> None:
    repository.commit({".gitignore": "build/\n*.csv\n"})
    with pytest.raises(ExportError, match=r"build/churn is ignored by git"):
        repository.export(to="build/churn")
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_ignored_data_is_left_out_and_named(repository: Repository) -> None:
    repository.commit({".gitignore": "*.csv\n"})
    files = {**PROJECT, "data/people.csv": "secret\n", "data/towns.txt": "public\n"}
    done = repository.export(files, data=("data/people.csv", "data/towns.txt"))
    assert "churn/data/people.csv" not in repository.files(done.commit)
    assert repository.files(done.commit)["churn/data/towns.txt"] == "public"
    assert "git ignores data/people.csv" in done.notes[0]


def test_a_submodule_gets_the_commit_and_its_outer_repository_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    repository.git("submodule", "add", "-q", str(inner.path), "models")
    repository.git("commit", "-qm", "Add models")
    before = repository.own()
    done = repository.export(to="models/churn")
    assert done.repository == repository.path / "models"
    assert repository.own() == before
    assert Repository.at(repository.path / "models").git("rev-parse", BRANCH) == done.commit
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_a_submodule_that_is_not_checked_out_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    repository.git("submodule", "add", "-q", str(inner.path), "models")
    repository.git("commit", "-qm", "Add models")
    repository.git("submodule", "deinit", "-f", "models")
    with pytest.raises(ExportError, match="models is a submodule that is not checked out") as said:
        repository.export(to="models/churn")
    assert said.value.hint == "git submodule update --init -- models"


def test_a_bare_repository_and_gits_own_folder_are_refused(
    repository: Repository, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare.git"], check=True)
    with pytest.raises(ExportError, match="bare repository"):
        export(PROJECT, tmp_path / "bare.git" / "churn")
    with pytest.raises(ExportError, match="git's own folder"):
        repository.export(to=".git/churn")


def test_no_repository_becomes_one(tmp_path: Path) -> None:
    done = export(PROJECT, tmp_path / "deep" / "churn")
    made = Repository.at(tmp_path / "deep" / "churn")
    assert made.git("rev-parse", "main") == done.commit
    assert made.git("status", "--porcelain") == ""
    assert (made.path / "pipeline.py").read_text() == PROJECT["pipeline.py"]
    subprocess.run(done.undo, shell=True, check=True)
    assert not made.path.exists()


def test_a_repository_that_cannot_be_made_leaves_nothing(tmp_path: Path, home: Path) -> None:
    hook = home / "hooks" / "commit-msg"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    hook.chmod(0o755)
    subprocess.run(["git", "config", "--global", "core.hooksPath", str(hook.parent)], check=True)
    with pytest.raises(ExportError, match="commit-msg hook refuses"):
        export(PROJECT, tmp_path / "churn")
    assert not (tmp_path / "churn").exists()


def test_a_folder_with_something_in_it_and_no_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn" / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="not empty"):
        export(PROJECT, tmp_path / "churn")
    assert [one.name for one in (tmp_path / "churn").iterdir()] == ["mine.txt"]


def test_files_that_no_export_wrote_are_never_merged_with(repository: Repository) -> None:
    repository.commit({"churn/README.md": "# Mine\n"})
    with pytest.raises(ExportError, match=r"churn/README.md is in git already"):
        repository.export()
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_other_files_in_the_folder_stay_where_they_are(repository: Repository) -> None:
    repository.commit({"churn/thoughts.md": "mine\n"})
    done = repository.export()
    assert repository.files(done.commit)["churn/thoughts.md"] == "mine"


def test_the_top_of_a_repository_can_be_the_project(repository: Repository) -> None:
    done = repository.export(to=".")
    assert repository.files(done.commit)["stages/train.py"]
    assert repository.files(done.commit)["notes.md"] == "# Notes"
    again = repository.export({**PROJECT, "README.md": "# Other\n"}, to=".")
    assert repository.files(again.commit)["README.md"] == "# Other"
    assert repository.files(again.commit)["notes.md"] == "# Notes"


def test_an_author_is_needed_and_nothing_is_guessed(
    repository: Repository, home: Path, tmp_path: Path
) -> None:
    (home / ".gitconfig").write_text("")
    for target in (repository.path / "churn", tmp_path / "elsewhere"):
        with pytest.raises(ExportError, match="git does not know who you are") as said:
            export(PROJECT, target)
        assert "git config --global user.email" in said.value.hint
        problem = git_state(target, "churn").problem
        assert "needs an author. Tell it once: git config" in problem
    repository.git("config", "user.name", "Grace")
    repository.git("config", "user.email", "grace@example.org")
    done = repository.export()
    assert repository.git("log", "-1", "--format=%an <%ae>", done.commit) == (
        "Grace <grace@example.org>"
    )


@pytest.mark.parametrize(
    "folder", ["a b'c\"d", "ü–日本", "-rf", ":(top)x", "new\nline", "star*[a]", "$HOME", "tab\tx"]
)
def test_names_with_odd_characters_work(repository: Repository, folder: str) -> None:
    files = {**PROJECT, "data/ümläut 'x'.txt": "1\n", "-n": "2\n"}
    first = repository.export(files, to=folder)
    assert f"{folder}/-n" in _names(repository, first.commit)
    again = repository.export({**files, "-n": "3\n"}, to=folder, switch=True)
    assert again.updated and again.problem is None
    assert (repository.path / folder / "-n").read_text() == "3\n"
    assert (repository.path / folder / "data" / "ümläut 'x'.txt").read_text() == "1\n"


@pytest.mark.parametrize("branch", ["a b", "-x", "a..b", "x.lock", "~", "", "a/"])
def test_a_branch_needs_a_name_that_git_takes(repository: Repository, branch: str) -> None:
    if not branch:
        assert repository.export(branch=branch).branch == BRANCH
        return
    with pytest.raises(ExportError, match="not a name for a branch"):
        repository.export(branch=branch)


def test_a_branch_in_the_way_of_ours_is_named(repository: Repository) -> None:
    repository.git("branch", "datalab")
    with pytest.raises(ExportError, match=r"there cannot be a branch .*: there is datalab"):
        repository.export()


def test_an_outer_gits_environment_does_not_lead_elsewhere(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git" / "index"))
    done = repository.export()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert done.repository == repository.path
    assert repository.git("rev-parse", BRANCH) == done.commit
    assert other.git("branch", "--format=%(refname:short)") == "main"


def test_the_commit_message_hook_is_asked_and_may_change_it(repository: Repository) -> None:
    _hook(repository, "commit-msg", 'grep -q JIRA "$1" || { echo "JIRA-1 wanted" >&2; exit 1; }')
    with pytest.raises(ExportError, match="JIRA-1 wanted") as said:
        repository.export()
    assert "--message" in said.value.hint
    assert repository.git("branch", "--format=%(refname:short)") == "main"
    _hook(repository, "commit-msg", 'echo "Change-Id: I1" >> "$1"')
    done = repository.export()
    assert repository.git("log", "-1", "--format=%B", done.commit).endswith("Change-Id: I1")


def test_a_pre_commit_hook_is_not_run_and_that_is_said(repository: Repository) -> None:
    _hook(repository, "pre-commit", "touch ran; exit 1")
    done = repository.export()
    assert not (repository.path / "ran").exists()
    assert "pre-commit hook was not run" in done.notes[0]


def test_the_filters_of_lfs_are_applied(repository: Repository) -> None:
    repository.commit({".gitattributes": "*.bin filter=lfs -text\n"})
    files = {**PROJECT, "data/big.bin": b"\x00\x01" * 500}
    with pytest.raises(ExportError, match="goes through the filter 'lfs'") as said:
        repository.export(files)
    assert said.value.hint == "git lfs install"
    clean = "sed -n '1s/.*/version lfs pointer/p' | head -1; echo size"
    repository.git("config", "filter.lfs.clean", clean)
    repository.git("config", "filter.lfs.required", "true")
    done = repository.export(files)
    assert "size" in repository.files(done.commit)["churn/data/big.bin"]
    again = repository.export(files)
    assert again.commit == ""


def test_line_ends_are_stored_as_the_repository_wants(repository: Repository) -> None:
    repository.commit({".gitattributes": "* text=auto\n"})
    done = repository.export({**PROJECT, "windows.txt": "a\r\nb\r\n"})
    blob = subprocess.check_output(
        ["git", "cat-file", "blob", f"{done.commit}:churn/windows.txt"], cwd=repository.path
    )
    assert blob == b"a\nb\n"


def test_commits_are_signed_where_a_person_signs(repository: Repository, home: Path) -> None:
    key = home / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = home / "allowed"
    allowed.write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "commit.gpgSign": "true",
        "gpg.ssh.allowedSignersFile": str(allowed),
    }.items():
        repository.git("config", name, value)
    done = repository.export()
    assert repository.git("log", "-1", "--format=%G?", done.commit) == "G"
    again = repository.export({**PROJECT, "README.md": "# Other\n"})
    assert repository.git("log", "-1", "--format=%G?", again.commit) == "G"


def test_a_signature_that_cannot_be_made_is_an_error(repository: Repository) -> None:
    repository.git("config", "commit.gpgSign", "true")
    repository.git("config", "gpg.program", "false")
    with pytest.raises(ExportError, match="git cannot sign the commit"):
        repository.export()
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_a_rebase_in_the_middle_of_a_conflict_is_not_disturbed(repository: Repository) -> None:
    repository.git("switch", "-qc", "side")
    repository.commit({"notes.md": "side\n"})
    repository.git("switch", "-q", "main")
    repository.commit({"notes.md": "main\n"})
    repository.git("rebase", "-q", "side", check=False)
    assert (repository.path / ".git" / "rebase-merge").is_dir()
    before = repository.own()
    repository.export()
    assert repository.own() == before
    assert (repository.path / ".git" / "rebase-merge").is_dir()


def test_a_sparse_working_tree_loses_nothing_in_the_commit(repository: Repository) -> None:
    repository.commit({"docs/a.md": "a\n", "big/b.md": "b\n"})
    repository.git("sparse-checkout", "set", "docs")
    assert not (repository.path / "big").exists()
    before = repository.own()
    done = repository.export()
    assert repository.own() == before
    assert repository.files(done.commit)["big/b.md"] == "b"


def test_a_branch_that_moves_meanwhile_is_not_overwritten(repository: Repository) -> None:
    repository.export()

    def somebody_else() -> None:
        repository.git("branch", "-f", BRANCH, "main")

    with pytest.raises(ExportError, match="cannot be moved") as said:
        repository.export({**PROJECT, "README.md": "# Other\n"}, meanwhile=somebody_else)
    assert "Export again" in said.value.hint
    assert repository.git("rev-parse", BRANCH) == repository.git("rev-parse", "main")


def test_git_that_is_missing_or_old_is_told(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.export(switch=True)
    repository.commit({"churn/README.md": "# Mine\n"})
    real = shutil.which("git")
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo git version 2.34.1 || exec {real} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(ExportError, match=r"older than 2\.38"):
        repository.export({**PROJECT, "pipeline.py": "changed\n"})
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ExportError, match="git is not installed"):
        export(PROJECT, repository.path / "other")
    assert "Git is not installed" in git_state(repository.path / "other", "churn").problem


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_export_that_is_ended_while_files_change_changes_all_of_them(
    repository: Repository, tmp_path: Path, number: signal.Signals
) -> None:
    repository.commit({".gitattributes": "*.md filter=slow\n"})
    repository.git("config", "filter.slow.clean", "cat")
    repository.git("config", "filter.slow.smudge", f"touch {tmp_path}/writing; sleep 1; cat")
    script = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "from gitrepos import PROJECT, Path, export\n"
        f"export(PROJECT, Path({str(repository.path / 'churn')!r}), branch='main')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    while not (tmp_path / "writing").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)  # as a terminal does: git gets it too
    assert process.wait(60) != 0
    assert repository.git("status", "--porcelain") == ""
    assert repository.files("main")["churn/README.md"] == "# Churn"
    assert (repository.path / "churn/template.yaml").exists()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder away")
def test_a_repository_of_somebody_else_is_refused_with_gits_own_advice(
    repository: Repository,
) -> None:
    for path in [repository.path, *repository.path.rglob("*")]:
        os.chown(path, 12345, 12345)
    with pytest.raises(ExportError, match="dubious ownership") as said:
        repository.export()
    assert "safe.directory" in str(said.value)
    assert "dubious ownership" in git_state(repository.path / "churn", "churn").problem


def test_a_repository_of_sha256_works(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--object-format=sha256", tmp_path / "new"], check=True)
    repository = Repository(tmp_path / "new")
    assert len(repository.export().commit) == 64
    again = repository.export({**PROJECT, "README.md": "# Other\n"})
    assert repository.files(again.commit)["churn/README.md"] == "# Other"


def test_a_symbolic_link_to_the_repository_leads_there(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(repository.path)
    done = export(PROJECT, tmp_path / "link" / "churn")
    assert done.repository == repository.path
    assert "churn/README.md" in repository.files(done.commit)


def test_the_state_for_a_dialog_is_told_without_a_change(
    repository: Repository, tmp_path: Path
) -> None:
    before = repository.own()
    state = git_state(repository.path / "churn", "churn")
    assert (state.repository, state.folder, state.current) == (
        str(repository.path),
        "churn",
        "main",
    )
    assert (state.branch, state.exists, state.author) == (BRANCH, False, AUTHOR)
    assert "no remote" in state.no_pull_request and state.problem == ""
    repository.export()
    assert git_state(repository.path / "churn", "churn").exists
    assert repository.own() == before
    nowhere = git_state(tmp_path / "nowhere", "churn")
    assert (nowhere.repository, nowhere.problem, nowhere.author) == ("", "", AUTHOR)


def _names(repository: Repository, commit: str) -> list[str]:
    return repository.git("ls-tree", "-r", "-z", "--name-only", commit).split("\0")


def _hook(repository: Repository, name: str, script: str) -> None:
    hook = repository.path / ".git" / "hooks" / name
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    assert os.access(hook, os.X_OK)
