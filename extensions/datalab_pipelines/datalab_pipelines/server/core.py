"""All that the server extension knows of the exporter; runs in the child process only."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datalab_pipelines import export

Report = Callable[[dict[str, Any]], None]

CAN_VERIFY = hasattr(export, "verify")
CAN_COMMIT = hasattr(export, "commit")


def choices(found: dict[str, Any]) -> export.Choices:
    """Return a person's edits; fields that are missing are left to the analysis."""
    return export.Choices(
        rename=_texts(found, "rename"),
        boundaries=_list(found, "boundaries", int),
        compute=_texts(found, "compute"),
        parameters=_list(found, "parameters", str),
        name=str(found.get("name") or ""),
    )


def preview(notebook: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Return the plan as the dialog shows it, each cell with its first line."""
    planned = export.plan(export.analyse(export.read(notebook)), choices(found))
    shown = planned.to_json()
    sources = {cell.index: cell.source for cell in planned.analysis.notebook.cells}
    for cell in shown["cells"]:
        cell["source"] = sources.get(cell["index"], "")[:400]
    return {"plan": shown, "can": {"verify": CAN_VERIFY, "commit": CAN_COMMIT}}


def run(
    notebook: Path,
    folder: Path,
    found: dict[str, Any],
    *,
    verify: bool,
    commit: bool,
    report: Report,
) -> dict[str, Any]:
    """Export; return files, warnings, and what verification and git said (None: not done)."""
    report({"step": "analyse"})
    planned = export.plan(export.analyse(export.read(notebook)), choices(found))
    verification = None
    if verify:
        _need(CAN_VERIFY, "verify")
        report({"step": "verify"})
        verification = _plain(_call("verify", planned, progress=lambda said: _tell(report, said)))
    report({"step": "write"})
    files = export.write(planned, folder)
    committed = None
    if commit:
        _need(CAN_COMMIT, "commit")
        report({"step": "commit"})
        committed = _plain(_call("commit", folder, notebook=notebook))
    return {
        "files": [os.path.relpath(path, folder) for path in files],
        "warnings": planned.to_json()["warnings"],
        "verification": verification,
        "commit": committed,
    }


def _call(name: str, first: Any, **known: Any) -> Any:
    function = getattr(export, name)
    accepted = inspect.signature(function).parameters
    return function(first, **{key: one for key, one in known.items() if key in accepted})


def _plain(value: Any) -> Any:
    from datalab_pipelines.export.model import to_json

    return value.to_json() if hasattr(value, "to_json") else to_json(value)


def _tell(report: Report, said: Any) -> None:
    report({"step": "verify", "message": said if isinstance(said, str) else str(_plain(said))})


def _need(there: bool, what: str) -> None:
    if not there:
        raise export.ExportError(
            f"this version of the exporter cannot {what}", hint=f"Export without {what}."
        )


def _texts(found: dict[str, Any], key: str) -> dict[str, str]:
    value = found.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise export.ExportError(f"choices.{key} has to map names to texts")
    return dict(value)


def _list(found: dict[str, Any], key: str, kind: type) -> list[Any] | None:
    value = found.get(key)
    if value is not None and (
        not isinstance(value, list) or not all(type(one) is kind for one in value)
    ):
        raise export.ExportError(f"choices.{key} has to be a list of {kind.__name__}")
    return value
