"""Decorators of the notebook: those that keep nothing, and those that do."""

import pytest
from datalab_pipelines.export import analyse, read
from datalab_pipelines.export.code.rendering import code_files
from exporting import compare, notebook, planned, stages

TIMED = (
    "from functools import wraps\ndef timed(f):\n    '''Say it.'''\n    @wraps(f)\n"
    "    def inner(*args):\n        print(f.__name__)\n        result = f(*args)\n"
    "        return result\n    return inner\n"
)
TIMES = (
    "def times(n=2):\n    def of(f):\n        def inner(*args):\n"
    "            return [f(*args) for _ in range(n)]\n        return inner\n    return of\n"
)


@pytest.mark.parametrize(
    ("made", "used"), [(TIMED, "@timed"), (TIMES, "@times(3)"), (TIMES, "@times()")]
)
def test_a_function_under_a_decorator_that_keeps_nothing_is_shared(tmp_path, made, used):
    cells = stages(
        f"{made}{used}\ndef f(x):\n    x.append(1)\n    return len(x)\na = [f([])]",
        "a.append(f([2]))",
        "print(a, f([3]))",
    )
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 3
    assert "f" in plan.shared


@pytest.mark.parametrize(
    "decorator",
    [
        "def d(f):\n    seen = []\n    def inner(x):\n        seen.append(x)\n"
        "        return f(x) + len(seen)\n    return inner",
        "def d(f):\n    def inner(x):\n        inner.n = getattr(inner, 'n', 0) + 1\n"
        "        return f(x) + inner.n\n    return inner",
        "def d(f):\n    def inner(x, seen=[]):\n        seen.append(x)\n"
        "        return f(x) + len(seen)\n    return inner",
        "def d(f):\n    f.n = 1\n    return f",
        "def d(f):\n    n = 0\n    def inner(x):\n        nonlocal n\n        n += 1\n"
        "        return f(x) + n\n    return inner",
        "def d(f, seen=[]):\n    def inner(x):\n        seen.append(x)\n"
        "        return f(x) + len(seen)\n    return inner",
    ],
)
def test_a_decorator_that_keeps_something_holds_cells_together(tmp_path, decorator):
    cells = stages(
        f"{decorator}\n@d\ndef f(x):\n    return x\na = [f(1)]", "a.append(f(2))", "print(a, f(3))"
    )
    assert not analyse(read(notebook(tmp_path / "nb.ipynb", cells))).definitions["f"][0].shared
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 1


def test_an_argument_that_is_computed_may_be_another_one(tmp_path):
    cells = stages(f"{TIMES}n = [2]\nn[0] = 3\n@times(n[0])\ndef f(x):\n    return x\na = f(1)")
    assert not analyse(read(notebook(tmp_path / "nb.ipynb", cells))).definitions["f"][0].shared


@pytest.mark.parametrize("decorator", ["interact(x=(0, 5))", "atexit.register"])
def test_a_function_that_its_decorator_runs_stays_in_its_cell(tmp_path, decorator):
    imports = "import atexit\nfrom ipywidgets import interact\na = sum([1])"
    cells = stages(imports, f"@{decorator}\ndef show_it(x=1):\n    return x", "print(a)")
    plan = planned(tmp_path, cells)
    assert len(plan.stages) == 3
    assert f"@{decorator}" in code_files(plan)["stages/part_bx.py"]
