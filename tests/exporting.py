"""Notebooks for tests of the exporter, and a runner that needs no processes.

``compare`` exports cells and runs them both ways here, as `verify` does in processes: cells in one
namespace, stages through the real runner, entry point and serializers. It returns what is
different, which should be nothing.
"""

import asyncio
import contextlib
import importlib
import io
import json
import os
import random
import sys
import tempfile
from pathlib import Path

import numpy
from datalab_pipelines import export
from datalab_pipelines.entry import Call, execute
from datalab_pipelines.errors import PipelineError
from datalab_pipelines.export.code.writing import write_code
from datalab_pipelines.export.proof import reference
from datalab_pipelines.export.proof.comparing import Reference
from datalab_pipelines.export.proof.reference import _each
from datalab_pipelines.export.proof.running import to_run
from datalab_pipelines.export.proof.verifying import compare_notes
from datalab_pipelines.outputs import recording
from datalab_pipelines.run.engine import Engine


class NotebookFails(Exception):
    """The notebook itself does not run from top to bottom."""


def notebook(path, cells):
    """Write a notebook; a cell that begins with ``# ``, ``## `` or ``**`` is Markdown."""
    found = []
    for cell in cells:
        kind = "markdown" if cell.startswith(("# ", "## ", "**")) else "code"
        found.append({"cell_type": kind, "source": cell, "metadata": {}})
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": found}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def stages(*groups):
    """Return cells, a heading before each group of them."""
    return [
        cell
        for number, group in enumerate(groups)
        for cell in [
            f"## Part {'abcdefgh'[number]}x",
            *([group] if isinstance(group, str) else group),
        ]
    ]


def with_files(folder, files, groups):
    """Write files (cells, of a notebook) and a notebook of groups; return that, read."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            notebook(path, content)
        else:
            path.write_text(content)
    return export.read(notebook(folder / "nb.ipynb", stages(*groups)))


def planned(folder, cells):
    """Return the plan of a notebook with these cells."""
    return export.plan(export.analyse(export.read(notebook(Path(folder) / "nb.ipynb", cells))))


def compare(cells, *, change=None):
    """Return (the plan, what is different): a stage's variables by name, its output by its title.

    ``change`` may change the files of the project before they run.
    """
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        plan = planned(scratch, cells)
        assert not plan.whole, plan.whole
        found = verified(plan, Path(scratch), change=change)
        return plan, {**found.different, **{why: s for s, why in found.shown_differently.items()}}


def verified(plan, scratch, *, change=None):
    """Return the ``Verification`` of a plan, all of it run in this process."""
    scratch.mkdir(exist_ok=True)
    return compare_notes(plan, ran(plan, scratch), _staged(plan, scratch, change))


def compared_with(reference, plan, cells):
    """Say what the pipeline of other cells does differently, or how it fails."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        try:
            other = planned(scratch, cells)
            notes = _staged(other, Path(scratch), None)
        except Exception as error:  # noqa: BLE001 - it may fail in any way, aloud
            return repr(error)
        if [one.cells for one in other.stages] != [one.cells for one in plan.stages]:
            names = {one.name for one in other.stages}
            return f"other stages: {names}"
        for mine, its in zip(plan.stages, other.stages, strict=True):
            (notes / f"{its.name}.json").rename(
                notes / f"{mine.name}.json"
            )  # names follow variables
        found = compare_notes(plan, reference, notes)
        return {**found.different, **found.shown_differently}


def ran(plan, scratch):
    """Run the notebook; return the reference for its plan."""
    # Two seeds: what the notebook itself does not seed cannot be compared.
    return Reference(_notebook(plan, scratch, 11), _notebook(plan, scratch, 12))


def _staged(plan, scratch, change):
    """Write the project and run its stages; return the folder of what they noted."""
    folder, notes = scratch / "project", scratch / "notes"
    write_code(plan, folder)
    if change:
        change(folder)
    notes.mkdir()
    with _as_a_process(folder), _environment(DATALAB_EXPORT_PROOF=str(notes)):
        _seed(11)
        pipeline = importlib.import_module("pipeline").main
        engine = _InProcess(
            pipeline.graph,
            root=folder,
            folder=folder / ".datalab",
            run="r",
            parameters={one.name: one.default for one in plan.parameters},
            record=_NoRecord(),
            progress=_NoProgress(),
            jobs=1,
            reuse=False,
        )
        try:
            asyncio.run(engine.run_all())
        except PipelineError:
            raise engine.error from None
    return notes


def _seed(number):
    random.seed(number)
    numpy.random.seed(number)


def _notebook(plan, scratch, seed):
    """Run the cells as `reference` does; return what was noted."""
    folder = scratch / f"cells{seed}"
    folder.mkdir()
    before = sys.modules["__main__"]
    with _as_a_process(folder), _environment(DATALAB_REPORT=str(scratch / "report")):
        _seed(seed)
        try:
            with recording() as recorder:
                reference._futures = 0  # of the notebook before, which had another process
                return _each(to_run(plan), recorder)
        except Exception as error:
            raise NotebookFails(repr(error)) from error
        finally:
            sys.modules["__main__"] = before


class _InProcess(Engine):
    """The local runner, its stages in this process with modules imported anew."""

    error = None

    async def _once(self, node, key, turn):
        call = Call.parse(self._command(node, turn))
        _forget()
        try:
            execute(call)
        except Exception as error:  # noqa: BLE001 - raised again by verified()
            self.error = error
            return {"error": type(error).__name__, "message": str(error), "trace": ""}
        random.seed()  # the next one is in another process
        numpy.random.seed()


class _NoRecord:
    def __getattr__(self, name):
        return lambda *args, **kwargs: None


class _NoProgress(_NoRecord):
    pass


@contextlib.contextmanager
def _environment(**values):
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# Hundreds of small files come and go: in memory, where there is some.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@contextlib.contextmanager
def _as_a_process(folder):
    """Work in ``folder``, its modules importable, what is printed kept quiet."""
    here, paths = Path.cwd(), list(sys.path)
    before, tempfile.tempdir = tempfile.tempdir, MEMORY
    without_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    _forget()
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        os.chdir(here)
        tempfile.tempdir = before
        sys.path[:] = paths
        sys.dont_write_bytecode = without_bytecode
        _forget()


def _forget():
    for name in list(sys.modules):
        if name in ("shared", "pipeline") or name.split(".")[0] == "stages":
            del sys.modules[name]
