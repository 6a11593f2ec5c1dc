"""The proof: the notebook and its pipeline give the same, or the split is made coarser.

The notebook runs top to bottom, twice, in clean processes; the pipeline once, as it would anywhere,
in a copy of the project. At the end of every stage all variables that both have are compared.
What two runs of the notebook do not agree on cannot be compared.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..carrying import PROBE
from .errors import ExportError
from .model import Choices, Plan, Warn
from .planning import plan as make_plan
from .writing import data_files, write_code

Progress = Callable[[str], None]
Digests = dict[str, dict[str, str]]


@dataclass
class Verification:
    """What was found. ``plan`` is the one that holds, which may have fewer stages."""

    status: str  # equal, not compared (it runs), different, failed
    plan: Plan = field(repr=False)
    equal: list[str] = field(default_factory=list)
    not_comparable: dict[str, str] = field(default_factory=dict)
    different: dict[str, str] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    error: str = ""


def verify(
    plan: Plan, *, timeout: float = 3600, progress: Progress = lambda text: None
) -> Verification:
    """Compare the notebook with its pipeline; make the split coarser until they agree.

    Raises ``ExportError`` when the notebook itself does not run from top to bottom.
    """
    merged: list[str] = []
    with tempfile.TemporaryDirectory(prefix="datalab-verify-") as scratch:
        folder = Path(scratch)
        runs: list[Digests] = []
        for number in (1, 2):
            progress(f"running the notebook ({number} of 2)")
            runs.append(_run_notebook(plan, folder / f"notebook{number}", timeout))
        attempt = 0
        while True:
            attempt += 1
            progress(f"running the pipeline of {len(plan.stages)} stages")
            found = _compare(plan, runs, folder / f"pipeline{attempt}", timeout)
            found.merged = merged
            if found.status in ("equal", "not compared") or len(plan.stages) < 2:
                return found
            at, reason = _boundary(plan, found)
            text = f"{plan.stages[at - 1].name} and {plan.stages[at].name} are one stage: {reason}"
            progress(text)
            merged = [*merged, text]
            plan = without_boundary(plan, at, text)


def without_boundary(plan: Plan, at: int, reason: str) -> Plan:
    """Return the plan with the stages before and after boundary ``at`` as one."""
    starts = [stage.cells[0] for stage in plan.stages[1:]]
    del starts[at - 1]
    choices = Choices(boundaries=starts, name=plan.name)
    coarser = make_plan(plan.analysis, choices)
    coarser.warnings += [one for one in plan.warnings if one.code == "verified"]
    coarser.warnings.append(Warn("verified", reason, plan.stages[at].cells[0]))
    return dataclasses.replace(coarser, level=plan.level)


def _boundary(plan: Plan, found: Verification) -> tuple[int, str]:
    """Return the boundary to remove, and why."""
    names = [stage.name for stage in plan.stages]
    if found.error:
        stage, _, text = found.error.partition(": ")
        at = names.index(stage) if stage in names else len(names) - 1
        handing_on = (
            "cannot be handed" in text or "share memory" in text or "cannot be stored" in text
        )
        at = at + 1 if handing_on else at
        return min(max(at, 1), len(names) - 1), text.splitlines()[0][:200]
    first = min(names.index(stage) for stage in found.different.values())
    differs = ", ".join(name for name, stage in found.different.items() if stage == names[first])
    return max(first, 1), f"with them apart {differs} came out different"


def _run_notebook(plan: Plan, folder: Path, timeout: float) -> Digests:
    """Run the notebook in a clean process; return digests at the end of every code cell."""
    _fill(plan, folder)
    cells = [(cell.index, cell.code) for cell in plan.analysis.code]
    if plan.whole:
        return {}
    (folder / ".cells.json").write_text(json.dumps(cells), encoding="utf-8")
    done = _process(["-m", "datalab_pipelines.export.reference"], folder, timeout, {})
    if done.returncode:
        last = done.stderr.strip().splitlines()[-6:]
        raise ExportError(
            "the notebook does not run from top to bottom:\n" + "\n".join(last),
            hint="Restart the kernel, run all cells, and correct what fails.",
        )
    loaded: Digests = json.loads((folder / ".digests.json").read_text(encoding="utf-8"))
    return loaded


def _fill(plan: Plan, folder: Path) -> None:
    folder.mkdir()
    source = plan.analysis.notebook.path
    shutil.copy2(source, folder / source.name)
    for name in data_files(plan):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.parent / name, folder / name)


def _process(
    arguments: list[str], folder: Path, timeout: float, more: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        **more,
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "agg",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ExportError(f"not finished after {timeout:.0f} s") from None


def _compare(plan: Plan, runs: list[Digests], folder: Path, timeout: float) -> Verification:
    write_code(plan, folder)
    probes = folder / ".probes"
    probes.mkdir()
    done = _process(["pipeline.py", "run"], folder, timeout, {PROBE: str(probes)})
    if done.returncode:
        return Verification("failed", plan, error=_failure(folder, done))
    if plan.whole:
        return Verification("not compared", plan, not_comparable={"*": plan.whole})
    found = Verification("equal", plan)
    last = plan.stages[-1].name
    for stage in plan.stages:
        here: dict[str, Any] = json.loads((probes / f"{stage.name}.json").read_text())
        expected, again = (run[str(stage.cells[-1])] for run in runs)
        needed = {name for port in stage.outputs for name in port.variables}
        for name in sorted(set(expected) | (needed & set(here))):
            value = here.get(name)
            if name not in expected:
                found.different.setdefault(name, stage.name)
            elif expected[name] != again.get(name):
                found.not_comparable[name] = "it changes from run to run"
            elif expected[name].startswith("?"):
                found.not_comparable[name] = expected[name][2:]
            elif value is None:
                if name in needed:
                    found.different.setdefault(name, stage.name)
            elif value != expected[name]:
                found.different.setdefault(name, stage.name)
            elif stage.name == last:
                found.equal.append(name)
    if found.different:
        found.status = "different"
    return found


def _failure(folder: Path, done: subprocess.CompletedProcess[str]) -> str:
    for path in sorted((folder / ".datalab").glob("runs/*/*/failure.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        return f"{document['node']}: {document['error']}: {document['message']}"
    return f"pipeline: {(done.stderr or done.stdout).strip()[-600:]}"
