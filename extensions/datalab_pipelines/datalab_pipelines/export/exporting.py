"""From a plan to a project in a folder, a commit on a branch, and a pull request."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from .code.data_files import placed
from .code.withholding import notes, withheld
from .errors import ExportError
from .git.command import GitFailed
from .git.options import GitOptions
from .git.place import find
from .model import Plan
from .projects import project as projects
from .projects.describing import BEGIN, END, commit_message, pull_request_text
from .projects.project import ProjectOptions
from .projects.publishing import Exported, Progress, Work, new_repository, to_branch, to_folder
from .proof.verifying import Verification

DIFFERS = "the pipeline is not the notebook"
NOT_PUSHED = {"unfinished": "the pipeline was not compared with the notebook to the end"}


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
    that is checked out. Where there is no repository the folder becomes one. What ``verification``
    found to be different is committed, and not pushed.

    Raises ``ExportError`` (``MergeConflict``) with nothing written and no branch moved.
    """
    target = Path(target).absolute()
    first = git.message if git else ""
    work = Work(
        plan.name,
        partial(projects.render_project, plan, project),
        partial(commit_message, plan, verification, first),
        projects.generate,
        projects.DERIVED,
        tuple(placed(plan).keys() - withheld(plan).keys()),
        first or f"Export {plan.analysis.notebook.path.name} as a pipeline",
        pull_request_text(plan, verification),
        (BEGIN, END),
    )
    wrong = verification is not None and verification.status not in ("equal", "not compared")
    asked = git is not None and (git.push or git.pull_request)
    if git and asked and wrong:
        found = NOT_PUSHED.get(verification.status if verification else "", DIFFERS)
        done = export_work(work, target, replace(git, push=False, pull_request=False), progress)
        done.problem = done.problem or {
            "message": f"committed, but not pushed: {found}",
            "hint": "See what was found; push the branch yourself to show it to others.",
        }
    else:
        done = export_work(work, target, git, progress)
    done.notes += notes(plan)
    return done


def export_work(
    work: Work, target: Path, git: GitOptions | None, progress: Progress = lambda text: None
) -> Exported:
    """Do what ``export_project`` does, with a project that is rendered by ``work``."""
    if git is None:
        return to_folder(work, target, progress)
    try:
        place = find(target)
        if place is None:
            return new_repository(work, target, git, progress)
        return to_branch(work, place, target, git, progress)
    except GitFailed as error:
        raise ExportError(f"git failed: {error}", hint="Nothing was committed.") from None
