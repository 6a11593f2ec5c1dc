"""Stages are functions wherever they can be."""

import pytest
from exporting import compare, planned, stages

SAVES = "import pickle\nn = [2]\nn[0] = 3\ndef times(x):\n    return x * n[0]"
QUERY = "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2]})\nlimit = [1]\nlimit = 1\n"


@pytest.mark.parametrize(
    ("first", "second", "form"),
    [
        (SAVES, "kept = pickle.dumps([times(3)])", "functions"),
        (SAVES, "kept = pickle.dumps([times])", "variables"),
        (SAVES, "keep = times\nkept = pickle.dumps([keep])", "variables"),
        (SAVES.replace("def", "@print\ndef"), "kept = pickle.dumps([1])", "variables"),
        (QUERY + "def f(limit):\n    return df.query('x > @limit')", "y = f(1)", "functions"),
        (QUERY + "def f(a):\n    b = a\n    return df.query('x > @b')", "y = f(1)", "functions"),
        (
            QUERY + "def f(a):\n    return df.query('x > @a and x > @limit')",
            "y = f(1)",
            "variables",
        ),
        (
            QUERY + "def f(a):\n    [limit for limit in []]\n    return df.query('x > @limit')",
            "y = f(1)",
            "variables",
        ),
    ],
)
def test_only_what_is_looked_for_by_its_name_has_to_be_a_global(tmp_path, first, second, form):
    assert planned(tmp_path, stages(first, "m = 1", second)).form == form


def test_functions_that_are_only_called_do_not_matter_to_pickle():
    cells = stages(SAVES, "n.append(times(2))", "kept = pickle.dumps([times(3), n])")
    plan, different = compare(cells)
    assert not different
    assert plan.form == "functions"


def test_a_query_in_a_function_finds_what_is_the_functions_own():
    body = QUERY + "def f(least):\n    return len(df.query('x > @least'))"
    plan, different = compare(stages(body, "a = f(0)", "b = f(a - 1)"))
    assert not different
    assert plan.form == "functions"


def test_a_default_of_a_function_is_no_parameter(tmp_path):
    code = "RATE = 0.5\nSEED = 1\ndef f(x, rate=RATE):\n    return x * rate\n"
    plan = planned(tmp_path, stages(f"{code}a = [SEED]", "b = f(a[0])"))
    assert [one.name for one in plan.parameters] == ["SEED"]
    assert {"RATE", "f"} <= set(plan.shared)
    assert len(plan.stages) == 2
