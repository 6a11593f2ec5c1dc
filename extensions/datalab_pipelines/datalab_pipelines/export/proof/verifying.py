"""The proof: the notebook and its pipeline give the same, or the split is made coarser.

The notebook runs top to bottom, twice, in clean processes; the pipeline once, as it would anywhere,
in a copy of the project. At the end of every stage all variables that both have are compared.
What two runs of the notebook do not agree on cannot be compared.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...entry import PROOF
from ..code.writing import write_code
from ..errors import ExportError
from ..model import Choices, Plan, StagePlan, Warn
from ..plans.planning import plan as make_plan
from .comparing import Reference, difference
from .running import NO_FILE, Progress, TooLong, process, run_notebook, twice

MOST_RUNS = 6
MOST_QUICK_RUNS = 12  # of a notebook of which no more than QUICK seconds have gone into more runs
QUICK = 60.0
TIMEOUT = 3600.0
NOTES = ".proof"
PLACE = re.compile(r"(?:ArtifactError: )?/\S+\.py:\d+: ")  # in a folder that is gone
UNSTORED = re.compile(
    r"(?P<stage>\w+): (?:\w+: )?the output '(?P<name>\w+)' of .* cannot be stored", re.DOTALL
)


@dataclass
class Verification:
    """What was found. ``plan`` is the one that holds, which may have fewer stages.

    ``outputs_equal`` counts the cells whose output is the notebook's; ``outputs_not_comparable``
    says why others vary, by the cell's number; ``shown_differently`` says by stage what is not.
    """

    status: str  # equal, not compared (it runs), different, failed, unfinished (no time left)
    plan: Plan = field(repr=False)
    equal: list[str] = field(default_factory=list)
    not_comparable: dict[str, str] = field(default_factory=dict)
    different: dict[str, str] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    outputs_equal: int = 0
    outputs_not_comparable: dict[str, str] = field(default_factory=dict)
    shown_differently: dict[str, str] = field(default_factory=dict)
    error: str = ""


def verify(
    plan: Plan, *, timeout: float = TIMEOUT, progress: Progress = lambda text: None
) -> Verification:
    """Compare the notebook with its pipeline; make the split coarser until they agree.

    ``timeout``: seconds for each run of the notebook, and of the pipeline; after that the plan as
    it is comes back as ``unfinished``. Raises ``ExportError`` when the notebook itself does not run
    from top to bottom.
    """
    try:
        return _verify(plan, timeout, progress)
    except TooLong as late:
        what = late.what or "the notebook"
        text = f"{what} was not finished after {timeout:.0f} s"
        progress(text)
        return Verification("unfinished", plan, error=text)


def _verify(plan: Plan, timeout: float, progress: Progress) -> Verification:
    merged: list[str] = []
    with tempfile.TemporaryDirectory(prefix="datalab-verify-") as scratch:
        folder = Path(scratch)
        runs = twice(plan, folder, timeout, progress)
        reference = Reference(*runs)
        plan.analysis.quiet |= {
            one.index for one in plan.analysis.code if reference.quiet(one.index)
        }
        attempt, spent = 0, 0.0
        while True:
            attempt += 1
            progress(f"running the pipeline of {len(plan.stages)} stages")
            found = _compare(plan, reference, folder / f"pipeline{attempt}", timeout)
            # What is drawn without a seed may be the same twice by chance, and what two runs read
            # from a clock side by side: ask once more, and a few times where something varies.
            while found.status == "different" and _once_more(len(runs), reference.varies, spent):
                progress("running the notebook once more: not all of it is the same each time")
                began = time.monotonic()
                runs.append(run_notebook(plan, folder / f"notebook{len(runs) + 1}", timeout, {}))
                spent += time.monotonic() - began
                reference = Reference(*runs)
                found = compare_notes(plan, reference, folder / f"pipeline{attempt}" / NOTES)
            found.merged = merged
            name = _result_that_cannot_be_stored(plan, found)
            if name:
                progress(f"{name} cannot be stored, so it is no result of the pipeline")
                plan = without_result(plan, name)
                continue
            if found.status in ("equal", "not compared") or len(plan.stages) < 2:
                _type(plan, reference)
                return found
            at, reason = _boundary(plan, found)
            text = f"{plan.stages[at - 1].name} and {plan.stages[at].name} are one stage: {reason}"
            progress(text)
            merged = [*merged, text]
            plan = without_boundary(plan, at, text)


def _once_more(runs: int, varies: bool, spent: float) -> bool:
    """Say whether to run the notebook again, before a difference is believed.

    ``spent``: seconds on such runs so far. Where a quick notebook tosses coins (``varies``), a few
    runs agree too often by chance.
    """
    if not varies:
        return runs < 3
    return runs < MOST_RUNS or (runs < MOST_QUICK_RUNS and spent < QUICK)


def _type(plan: Plan, reference: Reference) -> None:
    """Say in the plan which types the variables had when the notebook ran."""
    if plan.whole or plan.form != "functions":
        return
    for stage in plan.stages:
        known = reference.types(stage.cells[-1])
        for port in stage.outputs:
            port.types |= {name: known[name] for name in port.variables if name in known}
            port.type = port.types.get(port.variables[0], "")


def without_boundary(plan: Plan, at: int, reason: str) -> Plan:
    """Return the plan with the stages before and after boundary ``at`` as one."""
    starts = [stage.cells[0] for stage in plan.stages[1:]]
    del starts[at - 1]
    choices = Choices(boundaries=starts, name=plan.name)
    coarser = make_plan(plan.analysis, choices)
    before = {stage.cells[0]: stage for stage in plan.stages}
    for stage in coarser.stages:  # what a person chose of a stage stays with the cell it begins at
        chosen = before.get(stage.cells[0])
        if chosen and chosen.name != stage.name:
            choices.rename[stage.name] = chosen.name
        if chosen and chosen.compute:
            choices.compute[stage.name] = chosen.compute
    if choices.rename or choices.compute:
        coarser = make_plan(plan.analysis, choices)
    coarser.warnings += [one for one in plan.warnings if one.code == "verified"]
    coarser.warnings.append(Warn("verified", reason, plan.stages[at].cells[0]))
    return dataclasses.replace(coarser, level=plan.level)


def _boundary(plan: Plan, found: Verification) -> tuple[int, str]:
    """Return the boundary to remove, and why."""
    names = [stage.name for stage in plan.stages]
    if found.error:
        stage, _, text = found.error.partition(": ")
        stage = stage.removeprefix("datalab_") if stage not in names else stage
        at = names.index(stage) if stage in names else len(names) - 1
        handing_on = (
            "cannot be handed" in text or "share memory" in text or "cannot be stored" in text
        )
        at = at + 1 if handing_on else at
        lines = [one for one in text.strip().splitlines() if one[:1].strip()]
        trace = stage == "pipeline" or (bool(lines) and lines[0].startswith("Traceback"))
        reason = lines[-1 if trace else 0] if lines else "it failed"
        if missing := NO_FILE.search(text):
            reason = f"each has a folder of its own, and {missing[1]} is of an earlier one"
        return min(max(at, 1), len(names) - 1), PLACE.sub("", reason)[:200]
    stages = [*found.different.values(), *found.shown_differently]
    first = min(names.index(stage) for stage in stages)
    differs = [name for name, stage in found.different.items() if stage == names[first]]
    reason = f"with them apart {', '.join(differs)} came out different"
    if not differs:
        reason = f"with them apart {found.shown_differently[names[first]]}"
    return max(first, 1), reason


def _result_that_cannot_be_stored(plan: Plan, found: Verification) -> str:
    """Return the variable that only the last stage gives, and that made it fail; "" for none."""
    last = plan.stages[-1]
    match = UNSTORED.match(PLACE.sub("", found.error))
    results = {port.name for port in last.outputs}
    if plan.form != "functions" or not match or match["stage"] != last.name:
        return ""
    name = (
        match["name"] if match["name"] != "value" or len(results) > 1 else min(results, default="")
    )
    return name if name in results else ""


def without_result(plan: Plan, name: str) -> Plan:
    """Return the plan without a variable that its last stage gave."""
    plan.analysis.unstorable.add(name)
    last = plan.stages[-1]
    last.outputs = [port for port in last.outputs if port.name != name]
    text = f"{name} cannot be stored, so it is no result of the pipeline"
    plan.warnings.append(Warn("verified", text, last.cells[-1]))
    return plan


def _compare(plan: Plan, reference: Reference, folder: Path, timeout: float) -> Verification:
    write_code(plan, folder)
    notes = folder / NOTES
    notes.mkdir()
    done = process(["pipeline.py", "run"], folder, timeout, {PROOF: str(notes)})
    if done.returncode:
        return Verification("failed", plan, error=_failure(folder, done))
    return compare_notes(plan, reference, notes)


def compare_notes(plan: Plan, reference: Reference, notes: Path) -> Verification:
    """Compare what the stages noted in the folder ``notes`` with the notebook's own runs."""
    found = Verification("equal", plan)
    last = plan.stages[-1]
    sure_at_end, _ = reference.after(last.cells[-1])
    held: dict[str, tuple[str, str]] = {}  # variable → the last stage that has it, and its digest
    before: dict[str, str] = {}  # what the notebook had at the end of the stage before
    imported = {
        name
        for name, them in plan.analysis.definitions.items()
        if all(one.kind == "import" and one.shared for one in them)
    }
    for stage in plan.stages:
        noted = _noted(notes, stage)
        here: dict[str, str] = noted["variables"]
        sure, unsure = (_without(one, imported) for one in reference.after(stage.cells[-1]))
        needed = {name for port in stage.outputs for name in port.variables}
        made, perhaps = _made(plan, stage)
        perhaps &= reference.bound(stage.cells)
        for name, value in sure.items():
            if name not in here:
                changed = name in perhaps and before.get(name) != value
                wrong_name = name in needed | made or changed
            else:
                wrong_name = not reference.same(stage.cells[-1], name, here[name])
                held[name] = stage.name, value
            if wrong_name:
                found.different.setdefault(name, stage.name)
        before = sure
        for name in needed & set(here) - set(sure) - set(unsure):
            found.different.setdefault(name, stage.name)  # the notebook has deleted it
        found.not_comparable.update(unsure)
        wrong = difference(reference.shown([] if plan.whole else stage.cells), noted["outputs"])
        if plan.whole:
            wrong = difference(reference.shown(stage.cells[-1:]), noted["outputs"])
        if wrong:
            found.shown_differently[stage.name] = str(wrong)
    for name, value in _without(sure_at_end, imported).items():
        if name in found.different:
            continue
        if name not in held:
            found.not_comparable[name] = "no stage keeps it: nothing reads it later"
        elif held[name][1] != value:
            found.not_comparable[name] = (
                f"it is changed after {held[name][0]}, where nothing has it"
            )
        else:
            found.equal.append(name)
    found.not_comparable = {
        name: why
        for name, why in found.not_comparable.items()
        if name not in found.equal and name not in found.different
    }
    found.outputs_not_comparable = {str(cell + 1): why for cell, why in reference.unsure.items()}
    found.outputs_equal = len([one for one in reference.first.values() if one["outputs"]]) - len(
        reference.unsure
    )
    if found.different or found.shown_differently:
        found.status = "different"
    return found


def _made(plan: Plan, stage: StagePlan) -> tuple[set[str], set[str]]:
    """Return the variables that the stage's own cells bind, for sure and perhaps."""
    elsewhere = {
        name
        for name, them in plan.analysis.definitions.items()
        if any(one.shared or one.carried for one in them)
    }
    elsewhere |= {one.name for one in plan.parameters} | plan.analysis.set_from
    facts = [plan.analysis.facts[cell] for cell in stage.cells]
    sure = {name for one in facts for name in one.definite}
    perhaps = {name for one in facts for name in one.bound}
    return sure - elsewhere, perhaps - elsewhere


def _without(names: dict[str, str], others: set[str]) -> dict[str, str]:
    return {name: value for name, value in names.items() if name not in others}


def _noted(folder: Path, stage: StagePlan) -> dict[str, Any]:
    """Return what a stage noted; its function has another name where the notebook has that one."""
    for name in (stage.name, f"datalab_{stage.name}"):
        path = folder / f"{name}.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
    raise ExportError(f"the stage {stage.name} did not run to its end")


def _failure(folder: Path, done: subprocess.CompletedProcess[str]) -> str:
    for path in sorted((folder / ".datalab").glob("runs/*/*/failure.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        return f"{document['node']}: {document['error']}: {document['message']}"
    return f"pipeline: {(done.stderr or done.stdout).strip()[-600:]}"
