"""A person's edits of a plan, checked, as the exporter's choices.

Edits of a stage are kept under the index of its first cell, which stays what it is when other
stages are merged, split or renamed::

    {"name": "churn",
     "boundaries": [4, 9],
     "stages": {"4": {"name": "train", "compute": "Lambda(memory=2048)"}},
     "parameters": ["seed"]}

Every field may be missing, and is then left to the analysis.
"""

from __future__ import annotations

import builtins
import dataclasses
import keyword
import re
from typing import Any

from datalab_pipelines import export
from datalab_pipelines.export.plans.planning import TAKEN

from . import compute

STAGE = re.compile(r"[a-z][a-z0-9_]*")
PIPELINE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_STAGE, LONGEST_PIPELINE = 40, 40


class Wrong(export.ExportError):
    """Edits that cannot be; ``fields`` maps fields (``stages.4.name``) to what is wrong."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields

    def to_json(self) -> dict[str, object]:
        """Return the parts, with the fields."""
        return {**super().to_json(), "fields": self.fields}


def planned(analysis: export.Analysis, edits: dict[str, Any]) -> export.Plan:
    """Return the plan of a notebook with these edits.

    Raises ``Wrong`` naming all fields that cannot be, ``ExportError`` for what the planner refuses.
    Edits of stages that are no more are left aside.
    """
    shaped = _shape(edits)
    wrong = _wrong_name(shaped["name"])
    if shaped["parameters"] is not None:
        kept = [one for one in analysis.parameters if one.name in shaped["parameters"]]
        analysis = dataclasses.replace(analysis, parameters=kept)
    bare = export.plan(
        analysis,
        export.Choices(
            name="" if wrong else shaped["name"],
            boundaries=shaped["boundaries"],
        ),
    )
    rename: dict[str, str] = {}
    computes: dict[str, str] = {}
    named: dict[str, str] = {}
    for stage in bare.stages:
        edit = shaped["stages"].get(str(min(stage.cells)), {})
        field = f"stages.{min(stage.cells)}"
        name = edit.get("name") or stage.name
        if name != stage.name:
            if text := wrong_stage(name):
                wrong[f"{field}.name"] = text
            rename[stage.name] = name
        if name in named:
            wrong[f"{field}.name"] = f"Another stage is called {name}."
        named[name] = field
        if edit.get("compute"):
            if text := compute.wrong(edit["compute"]):
                wrong[f"{field}.compute"] = text
            computes[stage.name] = edit["compute"]
    if wrong:
        raise Wrong(wrong)
    if not rename and not computes:
        return bare
    return export.plan(
        analysis,
        export.Choices(
            rename=rename,
            boundaries=shaped["boundaries"],
            compute=computes,
            name=shaped["name"],
        ),
    )


def wrong_stage(name: str) -> str:
    """Return why a stage cannot be called so; empty when it can."""
    if not STAGE.fullmatch(name):
        return "Use small letters, digits and _, beginning with a letter."
    if len(name) > LONGEST_STAGE:
        return f"At most {LONGEST_STAGE} characters."
    if name in TAKEN or keyword.iskeyword(name) or hasattr(builtins, name):
        return f"{name} means something else in Python or in the project."
    return ""


def _wrong_name(name: str) -> dict[str, str]:
    if not name or (PIPELINE.fullmatch(name) and len(name) <= LONGEST_PIPELINE):
        return {}
    text = "Use small letters, digits and single dashes, beginning with a letter; "
    return {"name": f"{text}at most {LONGEST_PIPELINE} characters."}


def _shape(edits: dict[str, Any]) -> dict[str, Any]:
    """Return the edits with every field; raises ``ExportError`` for another shape."""
    name, stages = edits.get("name") or "", edits.get("stages") or {}
    if not isinstance(name, str):
        raise export.ExportError("edits.name has to be a text")
    if not isinstance(stages, dict) or not all(
        isinstance(edit, dict) and all(isinstance(one, str) for one in edit.values())
        for edit in stages.values()
    ):
        raise export.ExportError("edits.stages has to map first cells to names and computes")
    return {
        "name": name.strip(),
        "stages": stages,
        "boundaries": _list(edits, "boundaries", int),
        "parameters": _list(edits, "parameters", str),
    }


def _list(found: dict[str, Any], key: str, kind: type) -> list[Any] | None:
    value = found.get(key)
    if value is not None and (
        not isinstance(value, list) or not all(type(one) is kind for one in value)
    ):
        raise export.ExportError(f"edits.{key} has to be a list of {kind.__name__}")
    return value
