"""Notebooks for tests of the exporter, and a runner that needs no processes.

``compare`` exports cells and runs them both ways here: cells in one namespace, stages through
their modules and the real serializers. It returns what is different, which should be nothing.
"""

import contextlib
import importlib
import io
import json
import random
import sys
import tempfile
import types
from pathlib import Path

import numpy
from datalab_pipelines import export
from datalab_pipelines.digests import digests
from datalab_pipelines.export.writing import write_code
from datalab_pipelines.notebook import display, shell, shell_lines
from datalab_pipelines.probing import NOTE, _noting
from datalab_pipelines.serializers import load, save


def notebook(path, cells):
    """Write a notebook; a cell that begins with ``#`` and a space, or ``##``, is a heading."""
    found = []
    for cell in cells:
        kind = "markdown" if cell.startswith(("# ", "## ")) else "code"
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


def planned(folder, cells):
    """Return the plan of a notebook with these cells."""
    return export.plan(export.analyse(export.read(notebook(Path(folder) / "nb.ipynb", cells))))


def compare(cells):
    """Return (the plan, what is different at the end of some stage)."""
    with tempfile.TemporaryDirectory() as scratch:
        plan = planned(scratch, cells)
        assert not plan.whole, plan.whole
        folder = Path(scratch) / "project"
        write_code(plan, folder)
        expected, again = _cells(plan, 11), _cells(plan, 12)
        for index, found in expected.items():  # what was never seeded cannot be compared
            for name in [one for one in found if found[one] != again[index].get(one)]:
                found[name] = "? it changes from run to run"
        return plan, _stages(plan, folder, expected)


def _seed(number):
    random.seed(number)
    numpy.random.seed(number)


def _cells(plan, seed):
    module = types.ModuleType("__main__")
    module.__dict__.update(shell=shell, shell_lines=shell_lines, display=display)
    found = {}
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        _seed(seed)
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in plan.analysis.code:
                exec(compile(cell.code, "cell", "exec"), module.__dict__)
                found[cell.index] = digests(module.__dict__)
    finally:
        sys.modules["__main__"] = before
    return found


def _stages(plan, folder, expected):
    different = {}
    _forget()
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    importlib.invalidate_caches()
    values = {}
    _seed(11)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for number, stage in enumerate(plan.stages):
                module = importlib.import_module(f"stages.{stage.name}")
                function = next(
                    one for one in vars(module).values() if type(one).__name__ == "Stage"
                )
                given = [values[port.name] for port in stage.inputs]
                given += [one.default for one in plan.parameters if one.name in stage.parameters]
                looked = vars(module) if plan.form == "variables" else {}

                def note(value, local, looked=looked):
                    looked.update(local)
                    return value

                function.function.__globals__[NOTE] = note
                result = _noting(function.function)(*given)
                looked.pop(NOTE, None)
                here = digests(looked)
                needed = {name for port in stage.outputs for name in port.variables}
                end = expected[stage.cells[-1]]
                for name in end:
                    if end[name].startswith("?") or name in ("shell", "shell_lines", "display"):
                        continue
                    if here.get(name, end[name] if name not in needed else "") != end[name]:
                        different[name] = stage.name
                for name in needed & set(here) - set(end):
                    different[name] = stage.name
                _forget()
                random.seed()  # as in another process
                numpy.random.seed()
                parts = result if len(stage.outputs) > 1 else [result]
                for port, part in zip(stage.outputs, parts, strict=False):
                    save(part, folder / f"value{number}-{port.name}")
                    values[port.name] = load(folder / f"value{number}-{port.name}")
    finally:
        sys.dont_write_bytecode = before
        sys.path.remove(str(folder))
        _forget()
    return different


def _forget():
    for name in [one for one in sys.modules if one == "shared" or one.split(".")[0] == "stages"]:
        del sys.modules[name]
