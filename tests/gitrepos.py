"""Real git repositories for tests, and exports into them whose project is a few short files."""

import os
import subprocess
from pathlib import Path

from datalab_pipelines.export.exporting import export_work
from datalab_pipelines.export.git.options import GitOptions
from datalab_pipelines.export.projects.publishing import Work

AUTHOR = "Ada Lovelace <ada@example.org>"


def isolate(monkeypatch, home):
    """Let git see no settings but those of a person called Ada; return her home."""
    for name in [one for one in os.environ if one.startswith(("GIT_", "GH_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("DATALAB_AGENT_URL", raising=False)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada Lovelace\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n'
    )
    return home


class Repository:
    """A working tree, and git in it."""

    def __init__(self, path, *, empty=False):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet")
        if not empty:
            self.commit({"analysis.ipynb": "{}\n", "notes.md": "# Notes\n"}, "Begin")

    @classmethod
    def at(cls, path):
        """Return the repository that is at ``path`` already."""
        found = cls.__new__(cls)
        found.path = Path(path)
        return found

    def git(self, *arguments, check=True):
        """Return what git says."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def write(self, files):
        """Write files; None takes one away."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)

    def commit(self, files, message="Change"):
        """Write files and commit them; return the commit."""
        self.write(files)
        self.git("add", "--all", "--force", "--", *files)
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def files(self, commit, folder=""):
        """Return the files of a commit, by path."""
        names = self.git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", commit)
        return {
            name: self.git("show", f"{commit}:{name}")
            for name in names.split("\n")
            if name.startswith(folder)
        }

    def own(self):
        """Return all that is a person's own: what an export must leave as it is."""
        tree = {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.path).parts
        }
        asked = ("ls-files --stage", "status --porcelain", "stash list", "symbolic-ref -q HEAD")
        said = [self.git(*words.split(), check=False) for words in asked]
        return tree, said, self.git("rev-parse", "-q", "--verify", "HEAD", check=False)

    def export(self, files=None, to="churn", name="churn", data=(), **options):
        """Export ``files`` (text by path) to a folder of the repository."""
        return export(files or PROJECT, self.path / to, name=name, data=data, **options)


PROJECT = {
    "pipeline.py": "".join(f"step_{number}()\n" for number in range(12)),
    "stages/train.py": "".join(f"line {number} of training\n" for number in range(20)),
    "stages/load.py": "".join(f"line {number} of loading\n" for number in range(20)),
    "README.md": "# Churn\n",
}


def export(files, target, *, name="churn", data=(), git=True, meanwhile=None, **options):
    """Export ``files`` to a folder. ``template.yaml`` is made of ``pipeline.py``.

    ``meanwhile`` is called when the files are there and the branch has not moved yet.
    """

    def message(edited):
        if meanwhile:
            meanwhile()
        return f"Export\n\nKept: {', '.join(edited)}\n"

    encoded = {path: one.encode() if isinstance(one, str) else one for path, one in files.items()}
    work = Work(
        name=name,
        render=lambda site: renew(encoded),
        message=message,
        renew=renew,
        derived=("template.yaml",),
        data=tuple(data),
        title="Export churn",
        body="<b>The export</b><e>",
        marks=("<b>", "<e>"),
    )
    return export_work(work, target, GitOptions(**options) if git else None)


def renew(files):
    """Return files with the derived one."""
    return {**files, "template.yaml": b"made of: " + files.get("pipeline.py", b"")}
