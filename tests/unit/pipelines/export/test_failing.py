"""Cells tagged ``raises-exception``: their effects until they fail, compared with IPython."""

import json

import pytest
from as_ipython import as_cells, in_ipython
from datalab_pipelines import export
from exporting import notebook, stages, verified

# The second cell is the one that is tagged.
FAIL = {
    "what was done before stays": ("a = [1]", "a.append(2)\n1 / 0\na.append(3)", "b = list(a)"),
    "what was bound before stays": ("a = [1]\nb = 0", "b = a[0]\nc = a[5]", "d = [b]"),
    "a name that was bound before it failed": ("a = 1", "a = 2\na = a.x", "b = [a]"),
    "it prints": ("a = [1]", "print('before')\nraise ValueError(1)\nprint('after')", "b = a + a"),
    "a loop that ends early": (
        "found = []",
        "for n in range(5):\n    found.append(n)\n    if n == 2:\n        raise KeyError(n)",
        "last = n, found",
    ),
    "a function that changes and fails": (
        "store = {}\ndef put(k):\n    store[k] = 1\n    return store['x']",
        "y = put('a')",
        "z = dict(store)",
    ),
    "an alias": ("a = [1]", "b = a\nb[9]", "b.append(2)\nc = list(a)"),
    "a value that would be shown": ("a = [1]", "a[7]", "b = a + a"),
    "a text of several lines": ("a = 'x'", "b = '''1\n  2\n'''\nb.nothing", "c = a + b"),
    "a constant and a failure on one line": ("a = [1]", "b = 1; b.x; a = 2", "c = [a, b]"),
    "an import that is not there": ("a = [1]", "import no_such_module_at_all", "b = a + a"),
    "not Python": ("a = [1]", "print 'x'\na = 2", "b = a + a"),
    "a delete": ("a = [1]\nb = 2", "del b\nb", "b = [a]"),
    "within a function that goes on": (
        "a = []\ndef f():\n    try:\n        a.append(1)\n        raise ValueError\n"
        "    finally:\n        a.append(2)",
        "f()",
        "b = list(a)",
    ),
}
GOES_WELL = {
    "it does not fail": ("a = [1]", "b = a + [2]\nb", "c = b + a"),
    "it only defines": ("a = [1]", "def f(x):\n    return x + a", "c = f([2])"),
    "it defines and calls": ("a = [1]", "def f(x):\n    return x + a\nb = f(a)", "c = f([2]) + b"),
}


@pytest.mark.parametrize("groups", FAIL.values(), ids=FAIL)
def test_it_has_the_effects_that_it_has_in_ipython(tmp_path, groups):
    found = export.analyse(tagged(tmp_path, groups))
    assert not found.whole
    assert as_cells(found, tmp_path / "cells", {}) == in_ipython(tmp_path, groups, groups[1:2])


@pytest.mark.parametrize("groups", GOES_WELL.values(), ids=GOES_WELL)
def test_one_that_does_not_fail_is_a_cell_as_any(tmp_path, groups):
    found = export.analyse(tagged(tmp_path, groups))
    variables = as_cells(found, tmp_path / "cells", {})[0]
    assert variables == in_ipython(tmp_path, groups)[0]


@pytest.mark.parametrize("groups", [*FAIL.values(), *GOES_WELL.values()], ids=[*FAIL, *GOES_WELL])
def test_the_stages_do_what_the_cells_do(tmp_path, groups):
    plan = export.plan(export.analyse(tagged(tmp_path, groups)))
    found = verified(plan, tmp_path / "scratch")
    assert not found.different
    assert not found.shown_differently


def test_the_notebook_becomes_several_stages(tmp_path):
    groups = FAIL["what was done before stays"]
    assert len(export.plan(export.analyse(tagged(tmp_path, groups))).stages) == 3


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        (("5", "1 / 0", "b = _"), "what is shown last"),
        (("5", "import sys\nsys.exit()"), "may end the notebook"),
        (("5", "raise SystemExit"), "may end the notebook"),
        (("5", "from math import *"), "star import"),
        (("def show_error():\n    pass", "1 / 0"), "show_error of its own"),
        (("def display(x):\n    pass", "[][0]"), "display of its own"),
        (("5", "%run not_there.py"), "no such file"),
    ],
)
def test_what_depends_on_more_is_left_to_ipython(tmp_path, groups, why):
    assert why in export.analyse(tagged(tmp_path, groups)).whole


def test_without_the_tag_it_is_refused_or_fails(tmp_path):
    with pytest.raises(export.ExportError, match=r"cell 4.*not valid Python"):
        export.analyse(export.read(notebook(tmp_path / "nb.ipynb", stages("a = 1", "b = = 2"))))
    with pytest.raises(export.ExportError, match=r"cell 2, line 2: %%time has to be the first"):
        export.analyse(export.read(notebook(tmp_path / "nb.ipynb", stages("a = 1\n%%time\nb = 2"))))


def tagged(folder, groups):
    """Return a notebook whose second cell of code is tagged."""
    path = notebook(folder / "nb.ipynb", stages(*groups))
    document = json.loads(path.read_text())
    document["cells"][3]["metadata"]["tags"] = ["raises-exception"]
    path.write_text(json.dumps(document))
    return export.read(path)
