"""From facts to stages. So far every notebook is one stage, which IPython runs cell by cell."""

from __future__ import annotations

import re

from .errors import ExportError
from .model import Analysis, Choices, Plan, StagePlan, Warn

LONGEST = 40


def plan(analysis: Analysis, choices: Choices | None = None) -> Plan:
    """Return the pipeline; raises ``ExportError`` for choices that it cannot follow."""
    choices = choices or Choices()
    if choices.boundaries:
        raise ExportError(
            "this release exports a notebook as one stage",
            hint="Leave the stages as they are, and split pipeline.py by hand.",
        )
    title = analysis.notebook.title
    name = pipeline_name(choices.name or analysis.notebook.path.stem)
    own = choices.rename.get("notebook", "notebook")
    if not own.isidentifier():
        raise ExportError(f"{own!r} is not a name for a stage", hint="Letters, digits and _.")
    cells = [cell.index for cell in analysis.code]
    one = StagePlan(own, title, cells, compute=choices.compute.get(own, ""), doc=title)
    reason = analysis.whole or "stages are not told apart yet"
    warnings = [*analysis.warnings, Warn("one-stage", f"All cells are one stage: {reason}.")]
    return Plan(name, title, [one], [], [], warnings, reason, "one", analysis)


def pipeline_name(text: str) -> str:
    """Return ``text`` as a name that ``@pipeline`` takes."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name[:1].isalpha():
        name = f"notebook-{name}".rstrip("-")
    return name[:LONGEST].rstrip("-")
