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
    "a text that is filled in": (
        "x = [1]\nw = sum([3])",
        "y = '{x[0]:>{w}} {x!r}'.format(**locals())",
        "z = '%(x)s 100%% %(w)d' % globals()\nprint(y, z)",
    ),
    "a name that is there": ("x = [1]", "y = [2] if 'x' in globals() else [3]", "print(y, x)"),
    "a name that is not there": ("x = [1]", "if 'q' not in locals():\n    x.append(2)", "print(x)"),
    "a name in the list of names": ("x = [1]", "y = [2] if 'x' in dir() else [3]", "print(y, x)"),
    "a name that is not in the list": (
        "x = [1]",
        "if 'q' not in dir():\n    x.append(2)",
        "print(x)",
    ),
    "vars at the top are the same": ("x = sum([3])", "y = vars()['x'] + 1", "print(y)"),
    "a name that is set there": (
        "x = [1]",
        "if 'q' not in globals():\n    x.append(2)\nr = 'q' in globals()",
        "print(x, r)",
    ),
    "what is asked for is asked anew": (
        "x = [1]",
        "a = ['y' in globals()]\nb = ['x' in globals()]",
        "print(a, b)",
    ),
    "a function's own variables": (
        "def f(a, b=2):\n    c = a\n    return dict(locals())\nx = [f(1)]",
        "y = f(3)",
        "print(x, y)",
    ),
    "an instance that keeps its arguments": (
        "class A:\n    def __init__(self, n, m=2):\n"
        "        vars(self).update({k: v for k, v in locals().items() if k != 'self'})\na = A(1)",
        "y = [a.n, a.m]",
        "print(y)",
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
        "if z:\n    q = 1\ny = 'q' in globals()",
        "y = 'k' in globals()\nk = 1",
        "if z:\n    q = 1\ny = 'q' in dir()",
        "q = 1\ndel q\ny = 'q' in globals()",
        "y = '_q' in globals()",
        "def f():\n    global q\n    q = 1\nf()\ny = 'q' in globals()",
        "globals()['q'] = 1\ny = 'q' in globals()",
        "globals().update(q=1)\ny = 'q' in globals()",
        "t = '{x}'\ny = t.format(**globals())",
        "y = '{x} {0}'.format(1, **globals())",
        "y = '{x} {unknown}'.format(**globals())",
        "y = '%s' % globals()",
    ],
)
def test_what_may_be_any_variable_keeps_one_stage(tmp_path, second):
    plan = planned(tmp_path, stages("x = 1\nz = 0", second, "print(x)"))
    assert len(plan.stages) == 1
    assert any(
        "looks at all variables" in one.message or "globals" in one.message for one in plan.warnings
    )


@pytest.mark.parametrize(
    "function",
    [
        "def f(n):\n    k = x\n    return locals()",
        "def f(n):\n    return dir() + [n, x]",
        "def f(n):\n    def g():\n        return sorted(vars())\n    return [g(), n, x]",
        "def f(n):\n    n += len(x)\n    return {k: v for k, v in locals().items()}",
    ],
)
def test_a_function_that_looks_at_its_variables_sees_none_of_its_stage(function):
    plan, different = compare(
        stages("x = [1]\nz = 0", f"{function}\ny = f(2)", "x.append(3)\nprint(y, f(4))")
    )
    assert not different
    assert len(plan.stages) == 3
    assert plan.form == "variables"


@pytest.mark.parametrize(
    "code",
    ["f = lambda: [x, sorted(locals())]\ny = f()", "class A:\n    n = x\n    y = sorted(dir())"],
)
def test_what_is_no_function_is_left_to_ipython(tmp_path, code):
    assert "looks at all variables" in planned(tmp_path, stages("x = [1]", code, "print(x)")).whole
