"""What an export could do in git, for a dialog that is about to offer it; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..git import branches, remotes
from ..git.command import Git, GitFailed
from ..git.place import Place, author, find, nearest
from ..git.record import NAME as RECORD
from ..git.trees import listing
from ..github.forge import need_token


@dataclass
class GitState:
    """The repository that a folder is in ("" when exporting would make one), and what it allows.

    ``folder`` is the target relative to it, ``current`` the branch that is checked out, ``branch``
    the one that the export would take; ``exists``: it would be merged with an earlier export.
    ``remote`` is where it would be pushed to, ``web`` its page. ``problem`` says why nothing can
    be committed, ``no_pull_request`` why nobody can be asked for a review.
    """

    folder: str
    branch: str
    repository: str = ""
    current: str = ""
    exists: bool = False
    remote: str = ""
    web: str = ""
    author: str = ""
    problem: str = ""
    no_pull_request: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dict(vars(self))


def git_state(target: Path, name: str, branch: str = "", host: str = "") -> GitState:
    """Return what an export of pipeline ``name`` into ``target`` could do; asks no network."""
    target = Path(target).absolute()
    state = GitState(str(target), branch or branches.DEFAULT + name)
    try:
        place = find(target)
        if place is None:
            state.branch = branch or "main"
            state.no_pull_request = "The folder is in no git repository."
            state.author = author(Git(nearest(target)))
            return state
        state.repository, state.folder = str(place.top), place.prefix or "."
        state.current = place.current()
        _fill(state, place, name, branch, host)
    except ExportError as error:
        said = f"{error.message[:1].upper()}{error.message[1:]}"
        state.problem = f"{said}. {error.hint}" if error.hint else said  # a paragraph of the panel
    except GitFailed as error:
        state.problem = f"git failed: {error}"
    return state


def _fill(state: GitState, place: Place, name: str, branch: str, host: str) -> None:
    try:
        remote = remotes.choose(place)
        state.remote = remote.name
        if remote.address is None:
            state.no_pull_request = f"{remote.name} is not on GitHub."
        else:
            state.web = remote.address.web
            need_token(remote.address, host)
    except ExportError as error:
        state.no_pull_request = str(error)
    state.author = author(place.git)
    start = branches.start(place, name, branch, state.remote)
    state.branch = start.branch
    record = place.path(RECORD)
    state.exists = record in listing(place.git, start.parent, place.prefix)
