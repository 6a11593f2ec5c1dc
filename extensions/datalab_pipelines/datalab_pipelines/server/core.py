"""All that the server extension knows of the exporter; runs in child processes only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datalab_pipelines import export
from datalab_pipelines.export.model import to_json

from .compute import presets
from .edits import planned

Report = Callable[[dict[str, Any]], None]
SHOWN = 600  # characters of a cell that the panel shows


class Planner:
    """Plans notebooks again and again; reads and analyses one only when its file has changed."""

    def __init__(self) -> None:
        self._known: tuple[Any, export.Analysis] | None = None

    def preview(self, notebook: Path, edits: dict[str, Any]) -> dict[str, Any]:
        """Return the plan as the panel shows it. Raises ``ExportError``."""
        analysis = self._analysis(notebook)
        plan = planned(analysis, edits)
        return {
            "plan": shown(plan),
            "presets": presets(),
            "parameters": to_json(analysis.parameters),
            "git": None,
        }

    def _analysis(self, notebook: Path) -> export.Analysis:
        status = notebook.stat()
        version = (notebook, status.st_mtime_ns, status.st_size, status.st_ino)
        if self._known is None or self._known[0] != version:
            self._known = version, export.analyse(export.read(notebook))
        return self._known[1]


def shown(plan: export.Plan) -> dict[str, Any]:
    """Return a plan with what the panel shows of its cells and of the types that flow."""
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
    found["types"] = _types(plan)
    return found


def run(notebook: Path, folder: Path, order: dict[str, Any], *, report: Report) -> dict[str, Any]:
    """Export; return the final plan, the files, and what verification and git said."""
    report({"phase": "analyse", "message": "Reading the notebook"})
    plan = planned(export.analyse(export.read(notebook)), order.get("edits") or {})
    verification = None
    if order.get("verify"):
        report({"phase": "verify", "message": "Running the notebook and the pipeline"})
        found = export.verify(plan, progress=lambda said: report(_said("verify", said)))
        plan = found.plan
        verification = {key: to_json(one) for key, one in vars(found).items() if key != "plan"}
    report({"phase": "write", "message": "Writing the project"})
    files = export.write(plan, folder)
    return {
        "plan": shown(plan),
        "verification": verification,
        "exported": {
            "folder": order["named"],
            "files": [os.path.relpath(path, folder) for path in files],
            "in_folder": True,
            "repository": None,
            "commit": "",
            "branch": "",
            "updated": False,
            "pushed": "",
            "pull_request": "",
            "undo": "",
            "next": "",
            "notes": [],
            "problem": None,
        },
    }


def _types(plan: export.Plan) -> dict[str, dict[str, str]]:
    """Return for each stage the types, as far as known, of the variables that it takes."""
    found: dict[str, dict[str, str]] = {}
    known: dict[str, str] = {}
    for stage in plan.stages:
        taken = {name for port in stage.inputs for name in port.variables}
        found[stage.name] = {name: known[name] for name in sorted(taken) if name in known}
        for cell in stage.cells:
            known |= plan.analysis.types.get(cell, {})
    return found


def _said(phase: str, said: Any) -> dict[str, Any]:
    return {"phase": phase, "message": said} if isinstance(said, str) else {"phase": phase, **said}
