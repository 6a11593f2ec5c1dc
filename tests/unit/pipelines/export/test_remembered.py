"""IPython's ``_`` as a variable: compared with IPython itself, which the proof does not run."""

import contextlib
import io

import pytest
from datalab_pipelines import export
from exporting import compare, notebook, stages
from IPython.core.interactiveshell import InteractiveShell

TRAPS = {
    "the cell above": ("a = 3", "a + 1", "b = _"),
    "a value that is shown with a semicolon is not kept": ("1", "2;", "b = _"),
    "None is not kept": ("d = {'a': 1}", "5", "d.get('b')", "b = _"),
    "printing is not kept": ("7", "print(8)", "b = _"),
    "a function that gives nothing, sometimes": (
        "def f(x):\n    if x:\n        return x",
        "f(1)",
        "f(0)",
        "b = _",
        "f(0)",
        "c = _",
        "f(2)",
        "d = _",
    ),
    "a function that always gives something": (
        "def f(x):\n    if x:\n        return [x]\n    else:\n        return len('abc')",
        "f(0)",
        "b = _",
        "f(4)",
        "c = _",
    ),
    "the same object": ("a = [1]", "a", "_.append(2)", "b = list(a)"),
    "what a reader shows is read in turn": ("2", "_ * 3", "_ * 5", "b = _"),
    "nothing was shown yet but None": ("d = {}", "d.get(1)", "b = _", "4", "c = _"),
    "a name of a comprehension": ("5", "[0 for _ in range(3)] + [_]", "b = _"),
    "a name of a function": (
        "def f(pairs):\n    return [a for a, _ in pairs]",
        "f([(1, 2)])",
        "b = _",
    ),
    "a class": (
        "class A:\n    def __init__(self):\n        self.n = 1",
        "None",
        "A()",
        "b = _.n",
    ),
    "len that is the notebook's own": (
        "def len(x):\n    return None",
        "6",
        "len([])",
        "b = _",
    ),
    "a function that is defined anew": (
        "9",
        "def f():\n    return 1",
        "f()",
        "def f():\n    return None",
        "f()",
        "b = _",
    ),
    "a name that an argument hides": (
        "8",
        "def g():\n    return 1\ndef f(g):\n    return g()",
        "f(lambda: None)",
        "b = _",
    ),
    "a function within a function": (
        "8",
        "def g():\n    return 1\ndef f():\n    def g():\n        pass\n    return g()",
        "f()",
        "b = _",
    ),
    "in a condition and a call": ("[3, 4]", "if _:\n    b = max(_)\nelse:\n    b = 0"),
}


def _in_ipython(cells):
    shell = InteractiveShell()
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in cells:
            shell.run_cell(cell, store_history=True).raise_error()
    return {name: shell.user_ns.get(name) for name in "abcd"}


def _analysed(folder, cells):
    return export.analyse(export.read(notebook(folder / "nb.ipynb", cells)))


@pytest.mark.parametrize("cells", TRAPS.values(), ids=TRAPS)
def test_it_is_what_ipython_remembers(tmp_path, cells):
    found = _analysed(tmp_path, cells)
    assert not found.whole
    variables = {}
    for cell in found.code:
        exec(cell.code, variables)
    assert {name: variables.get(name) for name in "abcd"} == _in_ipython(cells)


def test_it_goes_from_stage_to_stage():
    plan, different = compare(stages(("a = 1", "a + 1"), ("b = _ + 1", "b"), "c = _ + a"))
    assert not different
    assert len(plan.stages) == 3


@pytest.mark.parametrize(
    "cells",
    [
        ("1", "a = Out[1]"),
        ("1", "2", "a = __"),
        ("1", "a = _1"),
        ("a = _",),
        ("1", "def f():\n    return _", "a = f()"),
        ("1", "a = lambda: _", "b = a()"),
        ("1", "a = (_ for x in [1])", "b = list(a)"),
        ("1", "a = f'{_}'"),
        ("%pwd", "a = _"),
    ],
)
def test_what_is_not_understood_is_left_to_ipython(tmp_path, cells):
    assert "IPython remembers" in _analysed(tmp_path, cells).whole
