"""Running the notebook, and its pipeline, in clean processes and copies of their folders."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...artifacts import REPORT
from ..code.data_files import data_files, empty_folders, modules, working_folder
from ..errors import ExportError
from ..facts.naming import dotted, library_names
from ..model import Plan
from .comparing import Run

GRACE = 10.0  # seconds for what is stopped to end what it started
RAISED = re.compile(r"[\w.]+(?:Error|Exception|Exit|Interrupt|Warning)\b(?::|$)|[\w.]+: ")
IN_CELL = re.compile(r'File "cell (\d+)", line (\d+)')
NOT_INSTALLED = re.compile(r"ModuleNotFoundError: No module named '([^'.]+)")
NO_FILE = re.compile(r"No such file or directory: ['\"]([^'\"]+)")
NO_NETWORK = re.compile(
    r"URLError|NameResolutionError|ConnectionError|ConnectTimeout|MaxRetryError|gaierror"
)
PASSING = re.compile(r"(matplotlib\.pyplot|IPython\.display)\.|seaborn\.\w*(plot|map)$")
Progress = Callable[[str], None]


class TooLong(Exception):
    """A run took longer than it may. ``what``: the notebook, or the pipeline."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def twice(plan: Plan, folder: Path, timeout: float, progress: Progress) -> list[Run]:
    """Run the notebook twice: side by side where there are processors for it.

    What fails then is run once more by itself: both may have wanted the same port, or all memory.
    """
    # What nobody has set in memory is something else in the second run: glibc, mallopt(3).
    more: list[dict[str, str]] = [{}, {"MALLOC_PERTURB_": "165"}]

    def run(number: int, again: str = "") -> Run:
        return run_notebook(plan, folder / f"notebook{number + 1}{again}", timeout, more[number])

    alone = (os.cpu_count() or 1) < 2
    progress(f"running the notebook twice{'' if alone else ', side by side'}")
    if alone:
        return [run(0), run(1)]
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(run, number) for number in (0, 1)]
    failed = [future.exception() for future in futures]
    for error in failed:
        if error is not None and (all(failed) or not isinstance(error, ExportError)):
            raise error
    return [
        future.result() if failed[number] is None else run(number, "again")
        for number, future in enumerate(futures)
    ]


def _shown(plan: Plan) -> dict[int, str]:
    """Say which cells show their last expression: yes, no, or as a plot does, in passing."""
    cells = [cell for cell in plan.analysis.code if not cell.opaque]
    resolve = library_names(cells)
    found = {}
    for cell in cells:
        last = cell.statements[-1].node if cell.statements else None
        if not cell.shown or not isinstance(last, ast.Expr):
            found[cell.index] = "no"
        elif isinstance(last.value, ast.Constant) and isinstance(last.value.value, str):
            found[cell.index] = "passing"
        else:
            called = dotted(last.value, resolve) or dotted(
                getattr(last.value, "func", last.value), resolve
            )
            passing = bool(PASSING.match(called))
            found[cell.index] = "passing" if passing else "yes"
    return found


def to_run(plan: Plan) -> list[dict[str, Any]]:
    """Return the notebook's cells as ``reference`` takes them."""
    ends = {stage.cells[-1] for stage in plan.stages}
    if plan.whole:
        return [{"index": max(ends), "path": plan.analysis.notebook.path.name}]
    shown = _shown(plan)
    return [
        {
            "index": cell.index,
            "code": cell.code,
            "shown": shown.get(cell.index, "no"),
            "digest": cell.index in ends,
        }
        for cell in plan.analysis.code
    ]


def run_notebook(plan: Plan, folder: Path, timeout: float, more: dict[str, str]) -> Run:
    """Run the notebook in a clean process; return what was noted after every code cell."""
    folder = _fill(plan, folder)
    (folder / ".cells.json").write_text(json.dumps(to_run(plan)), encoding="utf-8")
    more = {REPORT: str(folder / ".report"), **more}
    done = process(["-m", "datalab_pipelines.export.proof.reference"], folder, timeout, more)
    if done.returncode:
        runs = {one.index: one.runs for one in plan.analysis.code}
        raise does_not_run(done.stderr, runs, plan.analysis.notebook.path.resolve().parent)
    loaded: Run = json.loads((folder / ".digests.json").read_text(encoding="utf-8"))
    return loaded


def does_not_run(
    trace: str, runs: Mapping[int, Sequence[str]] | None = None, beside: Path | None = None
) -> ExportError:
    """Return the error for a notebook that failed; ``trace`` is what Python wrote.

    ``runs`` are the files whose code a cell holds: its lines are not those that a person sees.
    ``beside`` is the notebook's own folder.
    """
    lines = trace.strip().splitlines() or ["nothing was said"]
    last = max((n for n, line in enumerate(lines) if RAISED.match(line)), default=len(lines) - 1)
    said = "\n".join(lines[last : last + 4])
    places = IN_CELL.findall(trace)
    cell, line = map(int, places[-1]) if places else (0, 0)
    files = (runs or {}).get(cell - 1, ())
    line = 0 if files else line
    within = f" (the cell runs {', '.join(files)})" if files else ""
    return ExportError(
        f"the notebook does not run from top to bottom: {said}{within}",
        cell=cell - 1 if cell else None,
        line=line or None,
        hint=_what_to_do(said, beside),
    )


def _what_to_do(said: str, beside: Path | None) -> str:
    if missing := NOT_INSTALLED.search(said):
        where = "where the notebook runs: %pip install, then restart the kernel."
        return f"Install {missing[1]} {where}"
    lacking = NO_FILE.search(said)
    if lacking and beside and not (beside / lacking[1]).exists():
        return (
            f"Seen from {beside} there is no {lacking[1]}: correct the path, put the file "
            "there, or let the notebook make the folder that it writes to (os.makedirs)."
        )
    if lacking or "FileNotFoundError" in said:
        return (
            "The notebook runs in a copy of its folder, with the files that its cells name: name "
            "it as text, or the folder and the file."
        )
    if NO_NETWORK.search(said):
        return (
            "It needs something from the network, which cannot be reached from here. Keep the data "
            "beside the notebook, or export without --verify."
        )
    return (
        "Restart the kernel, run all cells, and correct what fails. A cell that is meant to fail "
        "gets the tag raises-exception."
    )


def _fill(plan: Plan, folder: Path) -> Path:
    """Copy the notebook and its files; return the folder that stands for the notebook's."""
    here = folder / working_folder(plan)
    here.mkdir(parents=True)
    source = plan.analysis.notebook.path
    shutil.copy2(source, here / source.name)
    files = {name: name for name in data_files(plan)}
    if here != folder:  # as in the project, where the stages find them
        files |= modules(plan)
    for target, name in files.items():
        (here / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.parent / name, here / target)
    for name in empty_folders(plan):
        (here / name).mkdir(parents=True, exist_ok=True)
    return here


def process(
    arguments: list[str], folder: Path, timeout: float, more: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        **more,
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://datalab_pipelines.figures",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            out, err = running.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)  # the runner ends its stages
            try:
                running.communicate(timeout=GRACE)
            except subprocess.TimeoutExpired:
                running.kill()
            raise TooLong("the pipeline" if "pipeline.py" in arguments else "") from None
        except BaseException:
            running.kill()
            raise
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)
