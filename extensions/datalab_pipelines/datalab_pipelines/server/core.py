"""All that the server extension knows of the exporter; runs in child processes only."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datalab_pipelines import export
from datalab_pipelines.export.model import to_json

from .compute import presets
from .edits import planned
from .watching import reported_stages

Report = Callable[[dict[str, Any]], None]
SHOWN = 600  # characters of a cell that the panel shows


class Planner:
    """Plans notebooks again and again; reads and analyses one only when its file has changed."""

    def __init__(self) -> None:
        self._known: tuple[Any, export.Analysis] | None = None

    def preview(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the plan as the panel shows it. Raises ``ExportError``."""
        notebook = Path(order["notebook"])
        analysis = self._analysis(notebook)
        plan = planned(analysis, order["edits"])
        folder = Path(order["folder"] or notebook.parent / f"{plan.name}-pipeline")
        return {
            "plan": shown(plan),
            "presets": presets(),
            "parameters": to_json(analysis.parameters),
            "git": _state(folder, plan.name),
        }

    def _analysis(self, notebook: Path) -> export.Analysis:
        status = notebook.stat()
        version = (notebook, status.st_mtime_ns, status.st_size, status.st_ino)
        if self._known is None or self._known[0] != version:
            self._known = version, export.analyse(export.read(notebook))
        return self._known[1]


def shown(plan: export.Plan) -> dict[str, Any]:
    """Return a plan with what the panel shows of its cells."""
    found = plan.to_json()
    notebook = {cell.index: cell for cell in plan.analysis.notebook.cells}
    found["cells"] = [
        {
            "index": one.index,
            "kind": plan.analysis.facts[one.index].kind,
            "source": notebook[one.index].source[:SHOWN],
        }
        for one in plan.analysis.code
    ]
    return found


def run(notebook: Path, folder: Path, order: dict[str, Any], *, report: Report) -> dict[str, Any]:
    """Export as ``order`` says; return the plan that holds, and what proof and git said."""
    report({"phase": "analyse", "message": "Reading the notebook"})
    plan = planned(export.analyse(export.read(notebook)), order.get("edits") or {})
    found = None
    if order.get("verify"):
        report({"phase": "verify", "message": "Running the notebook and the pipeline"})
        with reported_stages(report):
            found = export.verify(plan, progress=lambda said: report(_said("verify", said)))
        plan = found.plan
    report({"phase": "write", "message": "Writing the project"})
    done = export.export_project(
        plan,
        folder,
        git=_git(order.get("git")),
        verification=found,
        progress=lambda said: report(_said(_phase(said), said)),
    )
    exported = done.to_json()
    exported["folder"] = order["named"]
    if done.repository:
        there = f"cd {_home(done.repository)}\n"
        for key in ("undo", "next"):
            if exported[key].startswith("git "):
                exported[key] = there + exported[key]
    return {
        "plan": shown(plan),
        "verification": found and {k: to_json(v) for k, v in vars(found).items() if k != "plan"},
        "exported": exported,
    }


def _git(wanted: dict[str, Any] | None) -> export.GitOptions | None:
    """Return what the panel asks of git. Raises ``ExportError`` for what is no option."""
    if wanted is None:
        return None
    known = {one.name: one.type for one in dataclasses.fields(export.GitOptions)}
    given = {key: value for key, value in wanted.items() if key in known}
    for key, value in given.items():
        if type(value) is not (bool if known[key] == "bool" else str):
            raise export.ExportError(f"git.{key} has to be a {known[key]}")
    return export.GitOptions(**given)


def _home(folder: Path) -> str:
    """Return a folder as a person writes it in a terminal."""
    if folder.is_relative_to(Path.home()) and folder != Path.home():
        return "~/" + shlex.quote(str(folder.relative_to(Path.home())))
    return shlex.quote(str(folder))


def _phase(said: str) -> str:
    """Return the phase that a text of the exporter's belongs to."""
    if said.startswith("committing"):
        return "commit"
    return "pull_request" if said.startswith(("pushing", "asking for a review")) else "write"


def _state(folder: Path, name: str) -> dict[str, Any]:
    """Return what git could do, in sentences for a panel: without what to type in a terminal."""
    found = export.git_state(folder, name).to_json()
    reason = found["no_pull_request"].partition("\n")[0]
    found["no_pull_request"] = f"{reason[:1].upper()}{reason[1:]}"
    return found


def _said(phase: str, said: Any) -> dict[str, Any]:
    return {"phase": phase, "message": said} if isinstance(said, str) else {"phase": phase, **said}
