"""``globals()`` that only says which variables are read."""

import pytest
from exporting import compare, planned, stages

TRAPS = {
    "a key that is written out": ("x = [1]", "y = globals()['x']\ny.append(2)", "print(x, y)"),
    "locals at the top are the same": ("x = sum([3])", "y = locals()['x'] + 1", "print(y)"),
    "what is timed": (
        "from timeit import timeit\ndef f(a):\n    calls.append(a)\ncalls = []\nx = 4",
        "_t = timeit('f(x)', number=3, globals=globals())",
        "print(calls)",
    ),
    "what is timed after something is set up": (
        "import timeit\nfound = []\nx = 4",
        "t = timeit.repeat('found.append(x)', 'x', number=1, repeat=2, globals=globals()); t = 0",
        "print(found, t)",
    ),
}


@pytest.mark.parametrize("groups", TRAPS.values(), ids=TRAPS)
def test_it_is_the_variable(groups):
    plan, different = compare(stages(*groups))
    assert not different
    assert len(plan.stages) >= 2


@pytest.mark.parametrize(
    "second",
    [
        "k = 'x'\ny = globals()[k]",
        "globals()['x'] = 2",
        "y = globals()['len']",
        "try:\n    y = globals()['x']\nexcept KeyError:\n    y = 0",
        "y = [globals()['x'] for x in [5]]",
        "def f(x):\n    return globals()['x']\ny = f(9)",
        "from timeit import timeit\ny = timeit(lambda: x, globals=globals())",
        "from timeit import timeit\ny = timeit('global x\\nx = 2', globals=globals())",
        "from timeit import timeit\ns = 'x'\ny = timeit(s, globals=globals())",
        "from timeit import timeit\ny = timeit('unknown(x)', globals=globals())",
    ],
)
def test_what_may_be_any_variable_keeps_one_stage(tmp_path, second):
    plan = planned(tmp_path, stages("x = 1", second, "print(x)"))
    assert len(plan.stages) == 1
    assert any("globals" in one.message for one in plan.warnings)
