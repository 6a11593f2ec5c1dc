"""The branch of an export: which one, where it starts, how it moves."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ExportError
from .command import GitFailed, uninterrupted
from .place import Place, check_branch

DEFAULT = "datalab/export-"
_LOOKED_AT = 500  # commits of a folder's history


@dataclass(frozen=True)
class Start:
    """A branch, its tip ("" when it is new), and the commit that the export's will follow."""

    branch: str
    tip: str
    parent: str
    here: bool  # it is checked out in this working tree

    @property
    def ref(self) -> str:
        """Return the branch's full name."""
        return f"refs/heads/{self.branch}"


def start(place: Place, name: str, chosen: str = "", remote: str = "") -> Start:
    """Return where the export of pipeline ``name`` goes; ``chosen`` is the person's branch.

    A branch that is there is continued. One whose commits are all in HEAD (its pull request was
    merged) moves up to HEAD first. One that was squashed into HEAD is left alone: the next free
    name is taken, since moving it would lose its commits.
    """
    head = place.head()
    branch = chosen or DEFAULT + name
    check_branch(place.git, branch)
    number = 2
    while not chosen and _squashed(place, branch, head):
        branch = f"{DEFAULT}{name}-{number}"
        number += 1
    tip = place.commit(f"refs/heads/{branch}")
    _check_directories(place, branch, tip)
    there = place.checked_out().get(branch)
    here = place.current() == branch
    if there is not None and not here:
        raise ExportError(
            f"the branch {branch} is checked out in {there}",
            hint="Export from there, or choose another branch with --branch.",
        )
    parent = tip
    known = place.commit(f"refs/remotes/{remote}/{branch}") if remote else ""
    if known and known != tip:
        if not tip or place.is_ancestor(tip, known):
            parent = known
        elif not place.is_ancestor(known, tip):
            raise ExportError(
                f"{branch} and {remote}/{branch} have both moved on",
                hint=f"git switch {branch} && git merge {remote}/{branch}, then export again.",
            )
    if not parent or (head and place.is_ancestor(parent, head)):
        parent = head
    return Start(branch, tip, parent, here)


def move(place: Place, start: Start, commit: str, why: str) -> None:
    """Let the branch point at ``commit``; where it is checked out, the files follow.

    Raises ``ExportError``, with nothing changed, when it moved meanwhile, or when files would be
    overwritten that are in no commit.
    """
    try:
        if start.here:
            words = ("--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures")
            with uninterrupted():
                place.git.run("merge", *words, commit)
        else:
            place.git.run("update-ref", "-m", why, start.ref, commit, start.tip)
    except GitFailed as error:
        if start.here:
            raise ExportError(
                f"{start.branch} is checked out, and the export would overwrite what is in no "
                f"commit:\n{error.said}",
                hint="Commit or stash it, or choose another branch with --branch.",
            ) from None
        raise ExportError(
            f"the branch {start.branch} cannot be moved: {error.said}",
            hint="Did it move meanwhile? Export again.",
        ) from None


def _squashed(place: Place, branch: str, head: str) -> bool:
    """Say whether what a branch holds in the folder is in HEAD's history, in other commits."""
    tip = place.commit(f"refs/heads/{branch}")
    if not tip or not head or place.is_ancestor(tip, head) or place.current() == branch:
        return False
    folder = place.commit_folder(tip)
    words = ("log", f"--max-count={_LOOKED_AT}", "--format=%H", head)
    path = ("--", place.prefix) if place.prefix else ()
    commits = place.git.text(*words, *path).split()
    return bool(folder) and any(place.commit_folder(one) == folder for one in commits)


def _check_directories(place: Place, branch: str, tip: str) -> None:
    """Refuse ``a/b`` beside a branch ``a``, as git does, but before anything else."""
    parts = branch.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    clash = next((one for one in above if place.commit(f"refs/heads/{one}")), "")
    below = place.git.text(
        "for-each-ref", "--count=1", "--format=%(refname)", f"refs/heads/{branch}/"
    )
    if clash or (below and not tip):
        raise ExportError(
            f"there cannot be a branch {branch}: there is {clash or below}",
            hint="Choose another with --branch.",
        )
