"""Lists, sets and dictionaries that are written out, that a function reads and nobody changes."""

import pytest
from exporting import compare, planned, stages

WORDS = "STOP = ['a', 'the']\n"
CLEAN = "def clean(text):\n    return [w for w in text.split() if w not in STOP]\n"


@pytest.mark.parametrize(
    "value", ["['a', 'the']", "{'a', 'the'}", "{'a': 1, 'the': (2, 3)}", "{'a': -1}"]
)
def test_they_are_constants_as_numbers_are(tmp_path, value):
    cells = stages(
        f"STOP = {value}\n{CLEAN}x = [clean('a b')]",
        "x.append(clean('the c'))\nlen(STOP), sorted(STOP)",
        "print(x, clean('d'), 'a' in STOP)\nSTOP",
    )
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 3
    assert {"STOP", "clean"} <= set(plan.shared)


@pytest.mark.parametrize(
    "change",
    [
        "STOP.append('b')",
        "STOP[0] = 'b'",
        "STOP += ['b']",
        "del STOP[0]",
        "other = STOP\nother.append('b')",
        "[STOP][0].append('b')",
        "max(STOP, []).append('b')",
        "dict(a=STOP)['a'].append('b')",
        "(STOP or []).append('b')",
        "(lambda: STOP)().append('b')",
        "for one in [STOP]:\n    one.append('b')",
        "def f(words=STOP):\n    words.append('b')\nf()",
        "def f(words):\n    words.append('b')\nf(STOP)",
        "import numpy as np\nnp.random.seed(1)\nnp.random.shuffle(STOP)",
        "import random\nrandom.seed(3)\nrandom.shuffle(STOP)",
        "eval('STOP').append('b')",
        "class K:\n    words = STOP\nK.words.append('b')",
    ],
)
def test_what_may_be_changed_is_a_variable(tmp_path, change):
    cells = stages(WORDS + CLEAN + "x = [clean('a b')]", change, "x.append(clean('a b'))\nprint(x)")
    assert "STOP" not in planned(tmp_path, cells).shared
    _, different = compare(cells)
    assert not different


def test_what_no_function_reads_stays_where_it_is(tmp_path):
    assert "STOP" not in planned(tmp_path, stages(WORDS + "x = [1]", "x.append(len(STOP))")).shared


def test_a_list_in_a_list_may_be_changed(tmp_path):
    first = "ROWS = [['a'], ['b']]\ndef of(i):\n    return ROWS[i]\nx = [of(0)]"
    cells = stages(first, "x[0].append('c')", "print(of(0), x)")
    assert "ROWS" not in planned(tmp_path, cells).shared
    assert not compare(cells)[1]


@pytest.mark.parametrize(
    "change",
    [
        "d = dict(a=xs)\nd['a'].append(3)",
        "d = dict([('a', xs)])\nd['a'].append(3)",
        "from collections import OrderedDict\nd = OrderedDict(a=xs)\nd['a'].append(1)",
        "d = {}\nd.update(a=xs)\nd['a'].append(1)",
        "class K:\n    w = xs\nK.w.append(2)",
        "class K:\n    w = xs\nclass L(K):\n    pass\nL().w.append(2)",
    ],
)
def test_a_list_that_something_else_holds_is_changed_through_it(change):
    assert not compare(stages("xs = [1]", change, "print(xs)"))[1]
