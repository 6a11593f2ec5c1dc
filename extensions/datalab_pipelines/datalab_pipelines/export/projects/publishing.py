"""A project goes into a folder, a new repository, or onto a branch; to a remote, and for review."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..code.writing import Files
from ..errors import ExportError
from ..git import branches, commits, remotes
from ..git.command import Git, GitFailed, uninterrupted
from ..git.options import GitOptions
from ..git.place import Place, author
from ..git.record import NAME as RECORD
from ..git.record import Record, plain
from ..git.trees import listing
from ..github.client import GitHub
from ..github.forge import find_token, need_token
from ..github.pull_requests import open_or_update
from . import project as projects
from .project import Site

Progress = Callable[[str], None]
_CODEOWNERS = ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True)
class Work:
    """What is exported: ``render`` gives the project's files for where it will be.

    ``message`` is the commit's, told which files keep a person's changes. ``derived`` files are
    made of the others by ``renew``. ``data`` are files that git may ignore. ``title`` and ``body``
    are a pull request's; ``marks`` enclose the body.
    """

    name: str
    render: Callable[[Site], Files]
    message: Callable[[list[str]], str]
    renew: Callable[[dict[str, bytes]], dict[str, bytes]]
    derived: tuple[str, ...]
    data: tuple[str, ...]
    title: str
    body: str
    marks: tuple[str, str]


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


def to_folder(work: Work, target: Path, progress: Progress) -> Exported:
    """Write the project; the folder must be new or empty."""
    projects.check_free(target)
    progress("writing the project")
    files = _with_record(work.render(Site()))
    projects.place(files, target)
    return Exported(target, sorted(files), True, undo=f"rm -r {shlex.quote(str(target))}")


def _with_record(files: Files) -> Files:
    """Return the files of a folder without git, for a merge once it is in one."""
    return {**files, RECORD: Record({name: plain(text) for name, text in files.items()}).to_bytes()}


def new_repository(work: Work, target: Path, options: GitOptions, progress: Progress) -> Exported:
    """Write the project as a repository of its own."""
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
    files = work.render(Site())
    made = target.exists()
    projects.place(files, target)
    try:
        git = Git(target)
        git.run("init", "--quiet", f"--initial-branch={branch}")
        place = Place(target.resolve(), "", git)
        progress("committing")
        start = branches.Start(branch, "", "", here=False)
        commit = commits.make(place, start, files, work.message)
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


def to_branch(
    work: Work, place: Place, target: Path, options: GitOptions, progress: Progress
) -> Exported:
    """Commit the project beside a person's work, and push it when that is wanted."""
    author(place.git)
    wanted = options.branch or branches.DEFAULT + work.name
    remote, github = _remote(place, options)
    if remote:
        progress(f"asking {remote.name} for news")
        remote.fetch(wanted)
    start = branches.start(place, work.name, options.branch, remote.name if remote else "")
    if remote and start.branch != wanted:
        remote.fetch(start.branch)
        start = branches.start(place, work.name, start.branch, remote.name)
    site = _site(place, start.parent)
    progress("writing the project")
    files = work.render(site)
    progress("committing")
    commit = commits.make(
        place,
        start,
        files,
        work.message,
        derived=work.derived,
        renew=work.renew,
        conflicts=options.conflicts,
        data=work.data,
    )
    if commit.id:
        branches.move(place, start, commit.id, f"datalab-export: {work.name}")
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
    if site.owners and site.folder and commit.id and not commit.merged:
        done.notes.append(f"{site.owners} is there already: add who approves /{site.folder}/ to it")
    if not commit.id:
        done.notes.append("nothing changed since the last export")
    if options.switch and not start.here and done.branch:
        _switch(done, place)
    # A branch that is part of HEAD, with nothing new, has been merged: there is nothing to review.
    if remote and (
        commit.id or (start.tip and start.parent == start.tip and not _merged(place, start))
    ):
        _publish(done, work, remote, github, options, progress)
    return done


def _site(place: Place, commit: str) -> Site:
    """Return where the project will be; a CODEOWNERS file that we wrote is still ours."""
    there = listing(place.git, commit, "")
    record = commits.last_export(place, there)
    ours = set(record.files) if record else set()
    return Site(
        place.prefix,
        next((one for one in _CODEOWNERS if one in there and f"/{one}" not in ours), ""),
    )


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


def _merged(place: Place, start: branches.Start) -> bool:
    return not start.here and start.tip == place.head()


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
        with uninterrupted():
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
    work: Work,
    remote: remotes.Remote,
    github: GitHub | None,
    options: GitOptions,
    progress: Progress,
) -> None:
    """Push, and ask for a review. What fails is told; the commit stands."""
    try:
        known = remote.place.commit(f"refs/remotes/{remote.name}/{done.branch}")
        progress(f"pushing to {remote.name}")
        remote.push(done.branch)
        done.pushed = remote.name
        if done.undo and not known:
            done.undo += (
                f"\ngit push {shlex.quote(remote.name)} --delete {shlex.quote(done.branch)}"
            )
        if github:
            progress("asking for a review")
            found = open_or_update(
                github, done.branch, options.base, work.title, work.body, work.marks
            )
            done.pull_request = found.url
    except ExportError as error:
        done.problem = {
            "message": f"committed on {done.branch}, but {error.message}",
            "hint": error.hint,
        }
