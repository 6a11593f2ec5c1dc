"""Where an export goes in git: the repository, the folder in it, and the branch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import ExportError
from .command import Git, GitFailed

NO_COMMIT = "0" * 40


@dataclass(frozen=True)
class Place:
    """A folder in the working tree of a repository.

    ``top`` is where the working tree begins, ``prefix`` the folder relative to it ("" for the top
    itself, else without a slash at its end).
    """

    top: Path
    prefix: str
    git: Git

    def path(self, name: str) -> str:
        """Return a project's file relative to ``top``; one with a leading slash is so already."""
        if name.startswith("/"):
            return name[1:]
        return f"{self.prefix}/{name}" if self.prefix else name

    def head(self) -> str:
        """Return the commit that is checked out, "" in a repository without one."""
        return self.commit("HEAD")

    def commit(self, name: str) -> str:
        """Return the commit that ``name`` means, "" when there is none."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        status, out, _ = self.git.attempt(*words)
        return "" if status else out.decode().strip()

    def commit_folder(self, commit: str) -> str:
        """Return the id of the folder's tree in ``commit``, "" where it is not."""
        status, out, _ = self.git.attempt(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}:{self.prefix}"
        )
        return "" if status else out.decode().strip()

    def current(self) -> str:
        """Return the branch that is checked out, "" when HEAD is detached."""
        status, out, _ = self.git.attempt("symbolic-ref", "--quiet", "HEAD")
        return "" if status else out.decode().strip().removeprefix("refs/heads/")

    def checked_out(self) -> dict[str, Path]:
        """Return the branches that are checked out, and in which working tree."""
        found, where = {}, Path()
        for line in self.git.text("worktree", "list", "--porcelain").split("\n"):
            if line.startswith("worktree "):
                where = Path(line.removeprefix("worktree "))
            elif line.startswith("branch refs/heads/"):
                found[line.removeprefix("branch refs/heads/")] = where
        return found

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Say whether the commit ``older`` is part of the history of ``newer``."""
        return self.git.attempt("merge-base", "--is-ancestor", older, newer)[0] == 0

    def ignored(self, paths: list[str]) -> set[str]:
        """Return those of ``paths`` (relative to the top) that git is told to ignore."""
        # It takes pathspecs, but not literal ones: "./" keeps a leading colon from meaning more.
        status, out, said = self.git.within(GIT_LITERAL_PATHSPECS="0").attempt(
            *("check-ignore", "--no-index", "--stdin", "-z"),
            given="".join(f"./{path}\0" for path in paths).encode(errors="surrogateescape"),
        )
        if status not in (0, 1):
            raise GitFailed("check-ignore", status, said)
        return {path[2:] for path in out.decode(errors="surrogateescape").split("\0") if path}


def find(target: Path) -> Place | None:
    """Return the place of ``target``, which need not exist; None when no repository is there.

    Raises ``ExportError`` where nobody could commit a folder: a bare repository, git's own folder,
    a repository of somebody else, a submodule that is not checked out, a folder that is ignored.
    """
    folder = target.resolve()
    near = nearest(folder)
    git = Git(near)
    status, out, said = git.attempt(
        "rev-parse", "--is-bare-repository", "--is-inside-git-dir", "--is-inside-work-tree"
    )
    if status:
        if "not a git repository" in said and "environment" not in said:
            return None
        raise ExportError(
            f"git cannot work in {near}: {said.strip()}", hint="git status says the same there."
        )
    bare, inside, work = out.decode().split()
    if work != "true":
        what = "git's own folder" if inside == "true" and bare != "true" else "a bare repository"
        raise ExportError(f"{near} is {what}, and has no files", hint="Choose a working tree.")
    top = Path(git.text("rev-parse", "--show-toplevel")).resolve()
    prefix = "" if folder == top else os.path.relpath(folder, top).replace(os.sep, "/")
    place = Place(top, prefix, Git(top))
    _check(place)
    return place


def _check(place: Place) -> None:
    parts = place.prefix.split("/")
    for count in range(1, len(parts) + 1) if place.prefix else ():
        parent = "/".join(parts[:count])
        entry = place.git.text("ls-files", "--stage", "-z", "--", parent).split("\0")[0]
        if entry.startswith("160000 ") and entry.endswith(f"\t{parent}"):
            raise ExportError(
                f"{parent} is a submodule that is not checked out",
                hint=f"git submodule update --init -- {parent}",
            )
        if entry.startswith("120000 ") and entry.endswith(f"\t{parent}"):
            raise ExportError(f"{parent} is a symbolic link in git", hint="Choose another folder.")
    if place.prefix and place.ignored([place.prefix, place.path("pipeline.py")]):
        raise ExportError(
            f"{place.prefix} is ignored by git (git check-ignore -v says which rule)",
            hint="Choose another folder with --to, or export without a commit.",
        )


def nearest(folder: Path) -> Path:
    """Return the folder itself, or the nearest above it that is there."""
    while not folder.is_dir():
        folder = folder.parent
    return folder


def author(git: Git) -> str:
    """Return who commits: ``Ada Lovelace <ada@example.org>``, from the person's git settings.

    Raises ``ExportError`` when they say nothing: git's guess from account and host is no author.
    """
    for which in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
        status, out, _ = git.attempt("-c", "user.useConfigOnly=true", "var", which)
        if status:
            raise ExportError(
                "git does not know who you are, and a commit needs an author",
                hint='Tell it once: git config --global user.name "Your Name"; '
                "git config --global user.email you@example.org",
            )
    return out.decode(errors="replace").rsplit(" ", 2)[0].strip()


def check_branch(git: Git, name: str) -> None:
    """Raise ``ExportError`` when ``name`` cannot be a branch's."""
    if name.startswith("-") or git.attempt("check-ref-format", f"refs/heads/{name}")[0]:
        raise ExportError(
            f"{name!r} is not a name for a branch",
            hint="Letters, digits, - and /; no spaces. git help check-ref-format has the rules.",
        )
