"""Functions and classes that a notebook defines more than once, and text that is evaluated."""

import pytest
from datalab_pipelines.export.code.writing import render_code
from exporting import compare, planned, stages


def test_a_definition_that_is_replaced_before_it_is_used_is_left_out(tmp_path):
    cells = stages(
        (
            "class Die:\n    # fill this in\n    def roll(self):\n        return 1",
            "class Die:\n    def roll(self):\n        return 6",
            "die = Die()",
        ),
        "a = die.roll()",
        "b = Die().roll() + a",
    )
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 3
    assert [one.code for one in plan.warnings] == ["replaced"]
    assert "fill this in" not in _code(tmp_path, cells)


def test_of_a_cell_with_several_definitions_only_those_go_that_are_replaced():
    plan, different = compare(
        stages(
            (
                "def f(x):\n    return 1\n\ndef g(x):\n    return 2\n\ndef h(x):\n    return 3",
                "def f(x):\n    return x\n\ndef g(x):\n    return -x",
                "a = f(1) + g(2) + h(3)",
            ),
            "b = f(a) + g(a) + h(a)",
        )
    )
    assert not different
    assert [one.code for one in plan.warnings] == ["replaced", "replaced"]


@pytest.mark.parametrize(
    "between",
    [
        "a = f(1)",
        "g = f",
        "def g():\n    return f(1)\n\na = g()",
        "f.calls = 1",
        "h = 'f'",
        "def g():\n    return f(1)\n\ndef h(x=g()):\n    return x",
    ],
)
def test_a_definition_that_something_may_look_at_stays(between):
    plan, different = compare(
        stages(
            ("def f(x):\n    return x", between, "def f(x):\n    return -x", "b = f(1)"),
            "c = f(b)",
        )
    )
    assert not different
    assert "replaced" not in [one.code for one in plan.warnings]


def test_a_function_that_is_defined_anew_is_in_every_stage_the_one_that_holds_by_then(tmp_path):
    cells = stages(
        ("k = [2]\ndef f(x):\n    return x + k[0]", "def g(x):\n    return f(x) * 10", "a = g(1)"),
        "b = g(2)",
        ("c = f(1)", "def f(x):\n    return x * 100 + k[0]", "d = g(3)"),
        "e = g(4) + f(5)",
        ("def f(x):\n    return -x", "h = f(1) + g(1)"),
    )
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 5
    files = render_code(planned(tmp_path, cells))
    last = files["stages/part_ex.py"].decode()
    assert last.count("def f(") == 1  # not the one before, which nothing here would call


def test_a_function_kept_in_a_variable_is_the_one_that_was_there():
    plan, different = compare(
        stages(
            ("def f(x):\n    return x + 1", "old = f\na = 1"),
            ("def f(x):\n    return old(x) * 10", "b = f(a)"),
            "c = f(b)",
        )
    )
    assert not different
    assert len(plan.stages) < 3


DISPLAY = """class display:
    def __init__(self, *args):
        self.args = args

    def __repr__(self):
        return "\\n".join(a + repr(eval(a)) for a in self.args)"""


def test_text_that_is_evaluated_sees_the_variables_of_every_stage():
    plan, different = compare(
        stages(
            ("import math\nxs = [1, 2]", DISPLAY, "display('xs', 'len(xs)')"),
            ("ys = xs + [3]", "display('xs', 'ys', 'math.prod(ys)')"),
            ("xs.append(9)\nzs = [ys]", "display('xs', 'zs')"),
        )
    )
    assert not different
    assert (len(plan.stages), plan.form) == (3, "variables")


def test_an_instance_of_a_class_that_evaluates_text_keeps_its_stages_together():
    plan, different = compare(
        stages(("xs = [1]", DISPLAY, "one = display('xs')"), "two = repr(one)", "three = two * 2")
    )
    assert not different
    assert len(plan.stages) == 1


def _code(folder, cells):
    """Return the modules of a notebook's project as one text."""
    files = render_code(planned(folder, cells))
    return "\n".join(text.decode() for path, text in files.items() if path.endswith(".py"))


def test_names_of_types_and_ranges_are_shared_with_the_functions_that_use_them(tmp_path):
    cells = stages(
        (
            "from typing import Dict, Tuple\nGrid = Dict\nID = int\nPair = Tuple[ID, ID]\nN = 3\n"
            "cells = range(N)",
            "def grid() -> Grid:\n    return {one: one for one in cells}",
            "def pair(one: Grid) -> Pair:\n    return one[0], one[1]",
        ),
        "a = grid()",
        "b = pair(a)",
    )
    plan, different = compare(cells)
    assert not different
    assert {"Grid", "Pair", "cells", "grid", "pair"} <= set(plan.shared)


def test_a_range_of_a_number_that_changes_is_not_shared():
    plan, different = compare(stages("n = 2\nxs = range(n)", "n = 4", "a = list(xs) + [n]"))
    assert not different
    assert "xs" not in plan.shared


def test_a_hint_that_is_bound_anew_keeps_nothing_together():
    plan, different = compare(
        stages(
            "from typing import *\nMatch = Tuple[int, int]\nk = 1\n"
            "def f(x: int) -> Set[Match]:\n    return {(x, k)}\nxs = [f(1)]",
            "Match = List[int]\nk += 1\nxs.append(f(2))",
            "print(xs, f(3))",
        )
    )
    assert not different
    assert len(plan.stages) == 3


def test_a_hint_that_is_computed_is_not_said_again():
    plan, different = compare(
        stages(
            "k = 1\ndef kind():\n    print('asked', k)\n    return int\n"
            "def f(x: kind()):\n    return x + k\nxs = [f(1)]",
            "k += 1\nxs.append(f(2))",
            "print(xs, f(3))",
        )
    )
    assert not different
    assert len(plan.stages) < 3


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def f(x=xs):\n    return x", "function f takes xs as it is where it is defined"),
        ("def f(x):\n    return x\nf.n = 1", "something is stored in function f"),
        ("f = 1\nf += 1\ndef f(x):\n    return x", "f is a function, and something else elsewhere"),
        (
            "f = len\ndef abs(x):\n    return -1\nabs(1)\ndef abs(x):\n    return 1",
            "abs is Python's own until",
        ),
        ("def f(x, seen=[]):\n    seen.append(x)", "function f keeps something that may change"),
        ("class f:\n    n = []\n    def g(self):\n        self.n.append(1)", "in an attribute"),
        (
            "from functools import cache\n@cache\ndef f(x):\n    return [x]",
            "function f remembers what it gave",
        ),
    ],
)
def test_the_plan_says_why_a_definition_keeps_cells_together(code, why, tmp_path):
    plan = planned(
        tmp_path, stages(f"xs = [1]\nxs = xs + [2]\n{code}", "print(abs(f(1)))", "print(abs(f(2)))")
    )
    assert any(why in one.reason for one in plan.analysis.intervals), plan.analysis.intervals
