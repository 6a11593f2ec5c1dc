"""``a is b``: true in the pipeline when it is in the notebook, whatever the objects are."""

import pytest
from exporting import compare, planned, stages

MADE = {
    "a number": "a = sum([2570, 1])\nb = a",
    "a text": "a = 'x y z'.upper()\nb = a",
    "a list": "a = [1]\nb = a",
    "a tuple": "a = tuple([1, 2])\nb = a",
    "equal lists": "a = [1]\nb = [1]",
    "equal numbers": "a = int('2571')\nb = int('2571')",
    "an element": "d = [float('1.5')]\na = d[0]\nb = d[0]",
    "of two lists that share it": "d = [float('1.5')]\ne = [d[0]]\na = d[0]\nb = e[0]",
    "a table": "import pandas as pd\na = pd.DataFrame({'x': [1]})\nb = a",
    "kept by a call": "a = object()\nkept = {}\nkept.setdefault('k', a)\nb = kept['k']",
}


FOLLOWED = {"a list", "equal lists", "a table"}  # they travel as one


@pytest.mark.parametrize(
    "question", ["same = a is b", "same = a is not b", "same = id(a) == id(b)"]
)
@pytest.mark.parametrize("made", MADE)
def test_the_answer_is_the_notebooks(made, question):
    plan, different = compare(stages(MADE[made], "z = [1]", question, "y = [same]"))
    assert not different
    assert plan.form == "functions"
    assert len(plan.stages) == (4 if made in FOLLOWED and " is " in question else 2)


@pytest.mark.parametrize(
    ("made", "question"),
    [
        ("d = [float('1.5')]\ne = {'k': d[0]}", "a = d[0]\nb = e['k']\nsame = a is b"),
        ("a = [1]\ndef f():\n    return a", "same = f() is a"),
        ("import numpy as np\na = [np.nan]", "same = a[0] is np.nan"),
        ("import types\na = types.SimpleNamespace(x=1.5)\nb = a.x", "same = a.x is b"),
        ("K = 2571\na = K", "same = a is K"),
        ("z = 0\ndef f():\n    return a\na = float('2.5')\nc = f()", "same = f() is c"),
        ("a = float('2.5')\nm = kept = {}\nm['k'] = a", "b = kept['k']\nsame = a is b"),
        ("a = b = float('2.5')", "same = [x is b for x in [a]]"),
    ],
)
def test_what_it_is_asked_of_may_come_from_elsewhere(made, question):
    assert not compare(stages(made, "z = [1]", question, "y = [same]"))[1]


@pytest.mark.parametrize(
    ("made", "question"),
    [
        ("a = {'k': None}", "same = a['k'] is None"),
        ("a = [len]", "same = a[0] is len"),
        ("def f():\n    return 1\na = [f]", "same = a[0] is f"),
        ("import math\na = [math]", "same = type(a[0]) is type(math)"),
        ("import enum\nclass C(enum.Enum):\n    X = 1\na = [C.X]", "same = a[0] is C.X"),
        ("a = 1\nb = 2\nprint(a, b)", "same = True is (a < b)"),
        ("off = '.'\na = list('.x')", "same = a[0] is off"),
        ("a = [sum([3, 4])]", "same = a[0] is 7"),
    ],
)
def test_what_is_the_same_everywhere_may_be_asked_anywhere(made, question):
    plan, different = compare(stages(made, "z = [1]", question, "y = [same]"))
    assert not different
    assert len(plan.stages) >= 3 or made.startswith("import math")


def test_what_a_name_was_before_has_nothing_to_do_with_it():
    cells = stages(
        "a = 'x y'\nd = [a]", "a = 'x y' + str(5)\nb = a", "same = a is b", "e = [same, *d]"
    )
    plan, different = compare(cells)
    assert not different
    assert [len(stage.cells) for stage in plan.stages] == [1, 2, 1]


def test_what_has_nothing_to_do_with_it_stays_apart():
    made = "a = sum([2570, 1])\nb = a\nprint(a, d)"
    cells = stages("d = [3]", made, "same = a is b", "e = d + [same]")
    plan, different = compare(cells)
    assert not different
    assert [len(stage.cells) for stage in plan.stages] == [1, 2, 1]


@pytest.mark.parametrize("value", ["257", "'a b'", "(1, 2)", "1.5"])
def test_equal_constants_of_two_cells_only_ipython_tells_apart(tmp_path, value):
    cells = stages((f"a = {value}", f"b = {value}"), "same = a is b")
    assert "two equal constants" in planned(tmp_path, cells).whole


def test_equal_constants_that_a_library_is_given_are_no_matter():
    cells = stages("import math\na = math.sqrt(2.0)", "b = [math.sqrt(2.0), a]\nsame = a is b[1]")
    assert not compare(cells)[1]


@pytest.mark.parametrize("value", ["7", "'word'", "None", "True"])
def test_constants_of_which_there_is_one_are_one(value):
    plan, different = compare(
        stages((f"a = {value}", f"b = {value}"), "same = a is b", "y = [same]")
    )
    assert not different
    assert not plan.whole


def test_a_function_that_asks_keeps_the_variables_of_its_stages_together(tmp_path):
    cells = stages("a = [1]\nb = [a]", "def f(x, y):\n    return x is y", "same = f(a, b[0])")
    plan = planned(tmp_path, cells)
    assert plan.form == "variables"
    assert "a function asks whether two names are one object" in plan.form_reason
