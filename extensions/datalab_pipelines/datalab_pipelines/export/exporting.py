"""From a plan to a project in a folder, a commit on a branch, and a pull request."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from . import project as projects
from .describing import BEGIN, END, commit_message, pull_request_text
from .errors import ExportError
from .git import branches, commits, remotes
from .git.command import Git, GitFailed
from .git.options import GitOptions
from .git.place import Place, author, find
from .git.record import NAME as RECORD
from .git.record import Record, plain
from .git.trees import listing
from .github.client import GitHub
from .github.forge import find_token, need_token
from .github.pull_requests import open_or_update
from .model import Plan
from .project import ProjectOptions, Site
from .verifying import Verification
from .writing import Files, data_files

Progress = Callable[[str], None]
_CODEOWNERS = ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS")


@dataclass
class Exported:
    """What an export did.

    ``files`` are relative to ``folder``; ``in_folder`` says whether they lie there now, or only on
    ``branch``. ``commit`` is "" without git, and when nothing changed. ``updated``: merged into an
    earlier export. ``undo`` and ``next`` are commands, one a line. ``problem`` (message, hint) says
    what failed after the commit was made: checking the branch out, pushing, the pull request.
    """

    folder: Path
    files: list[str]
    in_folder: bool
    repository: Path | None = None
    commit: str = ""
    branch: str = ""
    updated: bool = False
    pushed: str = ""
    pull_request: str = ""
    undo: str = ""
    next: str = ""
    notes: list[str] = field(default_factory=list)
    problem: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            key: str(value) if isinstance(value, Path) else value
            for key, value in vars(self).items()
        }


def export_project(
    plan: Plan,
    target: Path,
    *,
    git: GitOptions | None = None,
    project: ProjectOptions | None = None,
    verification: Verification | None = None,
    progress: Progress = lambda text: None,
) -> Exported:
    """Write the project of ``plan`` to ``target``; with ``git`` commit it, push, ask for a review.

    Without ``git`` the folder must be new or empty. With it the project becomes a commit on a
    branch of the repository that ``target`` is in, merged with what is there from an earlier
    export; index, working tree and current branch stay as they are, unless the branch is the one
    that is checked out. Where there is no repository the folder becomes one.

    Raises ``ExportError`` (``MergeConflict``) with nothing written and no branch moved.
    """
    target = Path(target).absolute()
    if git is None:
        return _to_folder(plan, target, project, progress)
    try:
        place = find(target)
        if place is None:
            return _new_repository(plan, target, git, project, verification, progress)
        return _to_branch(plan, place, target, git, project, verification, progress)
    except GitFailed as error:
        raise ExportError(f"git failed: {error}", hint="Nothing was committed.") from None


def _to_folder(
    plan: Plan, target: Path, project: ProjectOptions | None, progress: Progress
) -> Exported:
    projects.check_free(target)
    progress("writing the project")
    files = _with_record(projects.render_project(plan, project))
    projects.place(files, target)
    return Exported(target, sorted(files), True, undo=f"rm -r {shlex.quote(str(target))}")


def _with_record(files: Files) -> Files:
    """Return the files of a folder without git, for a merge once it is in one."""
    return {**files, RECORD: Record({name: plain(text) for name, text in files.items()}).to_bytes()}


def _new_repository(
    plan: Plan,
    target: Path,
    options: GitOptions,
    project: ProjectOptions | None,
    verification: Verification | None,
    progress: Progress,
) -> Exported:
    if options.push or options.pull_request:
        raise ExportError(
            f"{target} is in no git repository, so there is nowhere to push to",
            hint="Clone the repository, and export into a folder of it with --to.",
        )
    projects.check_free(target)
    near = target.parent
    while not near.is_dir():
        near = near.parent
    git = Git(near)
    author(git)
    branch = options.branch or git.config("init.defaultBranch") or "main"
    branches.check_branch(git, branch)
    progress("writing the project")
    files = projects.render_project(plan, project)
    made = target.exists()
    projects.place(files, target)
    try:
        git = Git(target)
        git.run("init", "--quiet", f"--initial-branch={branch}")
        place = Place(target.resolve(), "", git)
        progress("committing")
        start = branches.Start(branch, "", "", here=False)
        message = partial(commit_message, plan, verification, options.message)
        commit = commits.make(place, start, files, message)
        branches.move(place, start, commit.id, "datalab-export: a new repository")
        git.run("reset", "--quiet", "--hard")
    except BaseException:
        projects.remove(target, keep=made)
        raise
    return Exported(
        target,
        commit.files,
        True,
        repository=target,
        commit=commit.id,
        branch=branch,
        undo=f"rm -rf {shlex.quote(str(target))}",
        next=f"cd {shlex.quote(str(target))}",
        notes=commit.notes,
    )


def _to_branch(
    plan: Plan,
    place: Place,
    target: Path,
    options: GitOptions,
    project: ProjectOptions | None,
    verification: Verification | None,
    progress: Progress,
) -> Exported:
    author(place.git)
    wanted = options.branch or branches.DEFAULT + plan.name
    remote, github = _remote(place, options)
    if remote:
        progress(f"asking {remote.name} for news")
        remote.fetch(wanted)
    start = branches.start(place, plan.name, options.branch, remote.name if remote else "")
    if remote and start.branch != wanted:
        remote.fetch(start.branch)
        start = branches.start(place, plan.name, start.branch, remote.name)
    site = _site(place, start.parent)
    progress("writing the project")
    files = projects.render_project(plan, project, site)
    progress("committing")
    message = partial(commit_message, plan, verification, options.message)
    commit = commits.make(
        place,
        start,
        files,
        message,
        derived=projects.DERIVED,
        renew=projects.generate,
        conflicts=options.conflicts,
        data=tuple(data_files(plan)),
    )
    if commit.id:
        branches.move(place, start, commit.id, f"datalab-export: {plan.name}")
    done = Exported(
        target,
        _beside(commit.files, place.prefix),
        start.here,
        repository=place.top,
        commit=commit.id,
        branch=start.branch if commit.id or start.tip else "",
        updated=commit.merged,
        undo=_undo(start, commit.id),
        next="" if start.here else f"git switch {shlex.quote(start.branch)}",
        notes=commit.notes,
    )
    if not commit.id:
        done.notes.append("nothing changed since the last export")
    if options.switch and not start.here and done.branch:
        _switch(done, place)
    if remote and done.branch:
        _publish(done, plan, verification, remote, github, options, progress)
    return done


def _site(place: Place, commit: str) -> Site:
    """Return where the project will be; a CODEOWNERS file that we wrote is still ours."""
    there = listing(place.git, commit, "")
    record = commits.last_export(place, there)
    ours = set(record.files) if record else set()
    return Site(place.prefix, any(one in there and f"/{one}" not in ours for one in _CODEOWNERS))


def _remote(place: Place, options: GitOptions) -> tuple[remotes.Remote | None, GitHub | None]:
    """Return where to push and whom to ask for a review; raise before anything is written."""
    if not (options.push or options.pull_request):
        return None, None
    remote = remotes.choose(place, options.remote)
    address = remote.address
    if not options.pull_request:
        found = find_token(address, options.host) if address and address.private else None
        return replace(remote, token=found.value if found else ""), None
    if address is None:
        raise ExportError(
            f"{remote.name} ({remotes.shown(remote.url)}) is no repository on GitHub, so there is "
            "nobody to ask for a review",
            hint="Push without --pull-request, or choose another remote with --remote.",
        )
    token = need_token(address, options.host)
    authorities = os.environ.get("GIT_SSL_CAINFO") or place.git.config("http.sslCAInfo", "path")
    return replace(remote, token=token.value), GitHub(address, token, authorities)


def _beside(files: list[str], prefix: str) -> list[str]:
    """Return paths relative to the project, those from the repository's top too."""
    up = "../" * (prefix.count("/") + 1) if prefix else ""
    return sorted(f"{up}{name[1:]}" if name[:1] == "/" else name for name in files)


def _undo(start: branches.Start, commit: str) -> str:
    if not commit:
        return ""
    branch = shlex.quote(start.branch)
    if start.here and start.tip:
        return f"git reset --keep {start.tip}"
    if start.tip:
        return f"git branch --force {branch} {start.tip}"
    return f"git update-ref -d refs/heads/{branch}" if start.here else f"git branch -D {branch}"


def _switch(done: Exported, place: Place) -> None:
    """Check the branch out; git refuses where it would lose something."""
    before, commit = place.current(), place.head()
    try:
        place.git.run("switch", "--quiet", done.branch)
        done.in_folder, done.next = True, ""
        back = shlex.quote(before) if before else f"--detach {commit}"
        done.undo = f"git switch {back}\n{done.undo}"
    except GitFailed as error:
        done.problem = {
            "message": f"committed, but {done.branch} cannot be checked out:\n{error.said}",
            "hint": f"Commit, stash or move these files; then: {done.next}",
        }


def _publish(
    done: Exported,
    plan: Plan,
    verification: Verification | None,
    remote: remotes.Remote,
    github: GitHub | None,
    options: GitOptions,
    progress: Progress,
) -> None:
    """Push, and ask for a review. What fails is told; the commit stands."""
    try:
        progress(f"pushing to {remote.name}")
        remote.push(done.branch)
        done.pushed = remote.name
        if github:
            progress("asking for a review")
            title = options.message or f"Export {plan.analysis.notebook.path.name} as a pipeline"
            text = pull_request_text(plan, verification)
            found = open_or_update(github, done.branch, options.base, title, text, (BEGIN, END))
            done.pull_request = found.url
    except ExportError as error:
        done.problem = {
            "message": f"committed on {done.branch}, but {error.message}",
            "hint": error.hint,
        }
