"""``datalab-export NOTEBOOK``: the notebook as a pipeline's project."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from . import (
    Choices,
    Exported,
    ExportError,
    GitOptions,
    Plan,
    ProjectOptions,
    Verification,
    analyse,
    export_project,
    git_state,
    plan,
    read,
    verify,
)
from .model import to_json
from .plans.choosing import computes, pairs
from .projects.describing import proof
from .proof.verifying import TIMEOUT

DIFFERENT, REFUSED, UNFINISHED, STOPPED = 1, 2, 3, 130
_EPILOG = """\
exit status:
  0    done
  1    exported, but not shown to be the notebook (--verify says where it differs, or that
       --timeout was too short)
  2    refused, and nothing was written
  3    committed, but checking the branch out, pushing, or the pull request failed
  130  stopped by Ctrl-C

examples:
  datalab-export churn.ipynb --dry-run
  datalab-export churn.ipynb --verify --begin 4 9 --rename part_2=prepare
  datalab-export churn.ipynb --verify --pull-request --owner @acme/data-science

A token for pull requests is taken from GH_TOKEN or GITHUB_TOKEN (GitHub Enterprise: GH_HOST and
GH_ENTERPRISE_TOKEN), from gh auth login, or from a data source of the workspace.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status that the help describes."""
    given = _parser().parse_args(arguments)
    try:
        return _export(given)
    except ExportError as error:
        print(json.dumps({"error": error.to_json()}) if given.json else error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("stopped; nothing was committed", file=sys.stderr)
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="datalab-export",
        description="Turn a notebook into the project of a pipeline: stages that run here and on "
        "AWS, tests, a template, a README. Nothing is overwritten.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("notebook", type=Path, help="an .ipynb file in Python 3, saved")
    add("--to", type=Path, metavar="FOLDER", help="the project's folder (NAME beside the notebook)")
    add("--name", default="", help="the pipeline's name (from the notebook's title)")
    add("--verify", action="store_true", help="run notebook and pipeline, and compare them")
    add(
        "--timeout",
        type=_seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long --verify lets each run take (%(default).0f)",
    )
    add("--dry-run", action="store_true", help="show the plan, write nothing")
    add("--json", action="store_true", help="say everything as JSON")

    stages = parser.add_argument_group("stages", "Without these they follow tags and headings.")
    add = stages.add_argument
    add(
        "--begin",
        type=int,
        nargs="+",
        action="extend",
        metavar="CELL",
        help="the cells that begin a stage after the first, counted from 1",
    )
    add("--rename", action="append", default=[], metavar="OLD=NEW", help="name a stage")
    add(
        "--compute",
        action="append",
        default=[],
        metavar="STAGE=KIND",
        help="where a stage runs on AWS: 'train=SageMakerTraining(instance=\"ml.m5.xlarge\")'",
    )

    project = parser.add_argument_group("project")
    add = project.add_argument
    add("--owner", action="append", default=[], help="who approves changes: @ada, @acme/ml")
    add(
        "--wheel",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="put this wheel, or a folder of wheels, into the project, for what no index has "
        "(DATALAB_WHEELS)",
    )

    git = parser.add_argument_group(
        "git",
        "A commit on a branch of its own; your files, index and branch stay as they are. Exporting "
        "again merges with what you changed.",
    )
    add = git.add_argument
    add(
        "--commit",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="commit the project (implied by the options below)",
    )
    add("--branch", default="", help="the branch (datalab/export-NAME)")
    add("--message", default="", help="the first line of the commit's message")
    add("--switch", action="store_true", help="check the branch out afterwards")
    add("--push", action="store_true", help="push the branch")
    add("--pull-request", action="store_true", help="push, and ask for a review on GitHub")
    add("--remote", default="", help="where to push (where git would, or origin)")
    add("--base", default="", help="the branch to merge into (the repository's default)")
    add("--github-host", default="", help="the GitHub Enterprise that may get your token (GH_HOST)")
    add(
        "--conflicts",
        choices=["stop", "mine", "generated"],
        default="stop",
        help="where you and the notebook changed the same lines (stop, and say where)",
    )
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")
    return seconds


def _git(given: argparse.Namespace) -> GitOptions | None:
    """Return the options for git, None when nothing is to be committed."""
    asked = [
        name
        for name in ("branch", "message", "switch", "push", "pull_request", "remote", "base")
        if getattr(given, name)
    ]
    if given.commit is False and asked:
        raise ExportError(
            f"--no-commit and --{asked[0].replace('_', '-')} cannot both be", hint="Leave one away."
        )
    if not (given.commit or asked):
        return None
    return GitOptions(
        branch=given.branch,
        message=given.message,
        switch=given.switch,
        push=given.push,
        pull_request=given.pull_request,
        remote=given.remote,
        base=given.base,
        host=given.github_host,
        conflicts=given.conflicts,
    )


def _export(given: argparse.Namespace) -> int:
    def say(text: str) -> None:
        if not given.json:
            print(text, flush=True)

    git = _git(given)
    choices = Choices(
        name=given.name,
        rename=pairs("--rename", given.rename),
        compute=computes(given.compute),
        boundaries=None if given.begin is None else [cell - 1 for cell in given.begin],
    )
    found = plan(analyse(read(given.notebook)), choices)
    target = given.to or given.notebook.parent / found.name
    checked = done = state = None
    if given.dry_run:
        state = git_state(target, found.name, given.branch, given.github_host) if git else None
    else:
        if given.verify:
            checked = verify(found, timeout=given.timeout, progress=say)
            found = checked.plan
        project = ProjectOptions(owners=tuple(given.owner), wheels=tuple(given.wheel))
        done = export_project(
            found, target, git=git, project=project, verification=checked, progress=say
        )
    if given.json:
        print(json.dumps(_document(found, checked, done, state), indent=1))
    else:
        _tell(found, checked, done, state)
    if checked and checked.status not in ("equal", "not compared"):
        print(proof(checked)[0], file=sys.stderr)
        return DIFFERENT
    if done and done.problem:
        print("{message}\n  {hint}".format(**done.problem), file=sys.stderr)
        return UNFINISHED
    return 0


def _document(
    found: Plan, checked: Verification | None, done: Exported | None, state: Any
) -> dict[str, Any]:
    document: dict[str, Any] = {"plan": found.to_json(), "files": []}
    if done:
        document["export"] = done.to_json()
        document["files"] = [str(done.folder / name) for name in done.files]
    if state:
        document["git"] = state.to_json()
    if checked:
        document["verification"] = {
            key: to_json(value) for key, value in vars(checked).items() if key != "plan"
        }
    return document


def _tell(found: Plan, checked: Verification | None, done: Exported | None, state: Any) -> None:
    for stage in found.stages:
        given_on = ", ".join(name for port in stage.outputs for name in port.variables)
        cells = f"cells {stage.cells[0] + 1}-{stage.cells[-1] + 1}"
        print(f"  {stage.name}: {cells}" + (f" → {given_on}" if given_on else ""))
    for one in found.warnings:
        said = one.message.startswith("cell")
        place = "" if one.cell is None or said else f"cell {one.cell + 1}: "
        print(f"warning: {place}{one.message}")
    if checked:
        for line in proof(checked):
            print(line)
    if state:
        print(state.problem or f"would be committed on {state.branch}, by {state.author}")
        if state.exists:
            print("and merged with the last export")
    if done is None:
        return
    for note in done.notes:
        print(f"note: {note}")
    if done.in_folder:
        print(f"{len(done.files)} files in {done.folder}")
    if done.commit:
        print(f"committed as {done.commit[:10]} on {done.branch}")
    if done.pushed:
        print(f"pushed to {done.pushed}")
    if done.pull_request:
        print(f"review: {done.pull_request}")
    for what, lines in (("to see it", done.next), ("to undo it", done.undo)):
        if lines:
            print(f"{what}: " + lines.replace("\n", " && "))


if __name__ == "__main__":
    raise SystemExit(main())
