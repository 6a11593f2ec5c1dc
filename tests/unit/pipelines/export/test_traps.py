"""What other exporters get wrong, silently: every trap on its own, run both ways and compared."""

import pytest
from exporting import compare, stages

SPLIT = {
    "a list changed through an alias": ("a = [1]\nb = a", "b.append(2)", "c = a"),
    "a list changed inside a container": ("a = []\nd = {'k': a}", "d['k'].append(1)", "n = len(a)"),
    "a function that changes its argument": (
        "def add(xs):\n    xs.append(1)\ndata = [0]",
        "add(data)",
        "total = sum(data)",
    ),
    "a function that reads a changing global": (
        "k = 2\nk += 1\ndef times(x):\n    return k * x",
        "y = times(2)\nk = 10",
        "z = times(2)",
    ),
    "a function that calls one that reads a global": (
        "k = 2\nk += 1\ndef f(x):\n    return k * x\ndef g(x):\n    return f(x) + 1",
        "y = g(2)\nk = 10",
        "z = g(2)",
    ),
    "a function that sets a global": (
        "n = 0\ndef count():\n    global n\n    n += 1",
        "count()",
        "count()\nm = n",
    ),
    "random numbers after a seed in another stage": (
        "import random\nimport numpy as np\nrandom.seed(1)\nnp.random.seed(2)",
        "a = random.random()",
        "b = np.random.rand(3)\nc = random.random()",
    ),
    "a generator object that draws": (
        "import numpy as np\nrng = np.random.default_rng(5)",
        "a = rng.normal(size=3)",
        "b = rng.normal(size=3)",
    ),
    "a name that is bound only sometimes": (
        "flag = [] == [1]\nif flag:\n    x = 1",
        "y = 2",
        "try:\n    z = x\nexcept NameError:\n    z = 'none'",
    ),
    "a bare name as condition": ("flag = []\nflag.append(1)", "if flag:\n    r = 1", "s = r"),
    "a walrus": ("if (n := len('abc')) > 2:\n    pass", "m = n + 1", "o = n * m"),
    "a deleted name": ("x = [1]\ny = [2]", "del x", "z = y + [1]"),
    "a comprehension variable of the same name": ("i = [5]", "xs = [i for i in range(3)]", "j = i"),
    "a loop variable that is used later": ("for i in range(3):\n    pass", "a = [i]", "b = i"),
    "a builtin that is covered": ("data = [3, 1]", "sum = sum(data)", "t = sum + 1"),
    "an annotated variable": ("x: int = 3\ny: list", "x += 1", "z = x"),
    "an import inside a function": (
        "def root(x):\n    import math\n    return math.sqrt(x)",
        "a = root(4)",
        "b = root(9)",
    ),
    "a class with instances": (
        "class Point:\n    def __init__(self, x):\n        self.x = x\np = Point(1)",
        "p.x += 1",
        "q = p.x",
    ),
    "a lambda that reads a global": ("k = [1]\nf = lambda x: x + k[0]", "k[0] = 5", "r = f(1)"),
    "a counter in a default argument": (
        "def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)\na = f(1)",
        "b = f(2)",
        "c = f(3)",
    ),
    "a counter in a class": (
        "class C:\n    made = []\n    def __init__(self):\n        self.made.append(1)\na = C()",
        "b = C()",
        "n = len(C.made)",
    ),
    "a function with an attribute": ("def f():\n    f.n = 1\nf()", "a = 1", "b = f.n"),
    "a memo": (
        "import functools\n@functools.lru_cache\ndef fib(n):\n"
        "    return n if n < 2 else fib(n - 1) + fib(n - 2)",
        "a = fib(9)",
        "b = fib(10)",
    ),
    "a generator that is half used": (
        "def gen():\n    yield 1\n    yield 2\ng = gen()\nnext(g)",
        "a = next(g)",
        "b = 1",
    ),
    "a connection": (
        "import sqlite3\nc = sqlite3.connect(':memory:')\n_ = c.execute('create table t (x)')",
        "_ = c.execute('insert into t values (1)')",
        "rows = c.execute('select * from t').fetchall()",
    ),
    "a name redefined as a function": (
        "def f(x):\n    return x",
        "a = f(1)\ndef f(x):\n    return -x",
        "b = f(1)",
    ),
    "a name that an import had": ("import json\na = 1", "json = json.dumps([a])", "b = json + ''"),
    "eval": ("x = [1]", "y = eval('x')", "z = y"),
    "a main guard": ("if __name__ == '__main__':\n    x = [1]", "x.append(2)", "y = x"),
    "a star import": ("from math import *\nx = [sqrt(4)]", "y = floor(x[0])", "z = pi"),
    "a shell line": ("files = !echo a; echo b", "n = len(files)", "m = files[1]"),
    "a view": (
        "import numpy as np\na = np.zeros(4)",
        "b = a.copy()\nb[0] = 1",
        "c = b.sum()",
    ),
    "a series of a frame": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2]})\ns = df['x']",
        "df['y'] = s * 2",
        "df.loc[0, 'x'] = 9\nt = s.sum()",
    ),
    "names of ours": ("variables = [1]\nshow = 2\nshow += 1", "stage = show", "kept = stage"),
    "settings": (
        "import pandas as pd\npd.set_option('display.max_rows', 7)",
        "n = [1]",
        "m = pd.get_option('display.max_rows') + len(n)",
    ),
    "an environment variable": (
        "import os\nos.environ['DATALAB_TEST_X'] = '1'",
        "n = [1]",
        "m = os.environ['DATALAB_TEST_X']",
    ),
    "a query with a local name": (
        "import pandas as pd\nlimit = 1\nlimit += 0\ndf = pd.DataFrame({'x': [1, 2]})",
        "a = 1",
        "n = len(df.query('x > @limit'))",
    ),
    "a decorator of the notebook's": (
        "calls = []\ndef noted(f):\n    def inner(*a):\n        calls.append(1)\n"
        "        return f(*a)\n    return inner\n@noted\ndef g(x):\n    return x",
        "a = g(1)",
        "n = len(calls)",
    ),
    "a file written and read": (
        "import tempfile, os\np = os.path.join(tempfile.gettempdir(), 'datalab-trap.txt')",
        "with open(p, 'w') as f:\n    _ = f.write('x')",
        "with open(p) as f:\n    t = f.read()",
    ),
    "nonlocal in a closure": (
        "def counter():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n"
        "        return n\n    return step\nc = counter()",
        "a = c()",
        "b = c()",
    ),
    "a match statement": (
        "p = [1, 2]",
        "match p:\n    case [x, y]:\n        z = x\n    case _:\n        z = 0",
        "w = (x, y, z)",
    ),
    "an exception's name": (
        "e = [1]",
        "try:\n    1 / 0\nexcept ZeroDivisionError as err:\n    m = str(err)",
        "n = m + str(e)",
    ),
}


@pytest.mark.parametrize("groups", SPLIT.values(), ids=SPLIT)
def test_the_pipeline_gives_what_the_notebook_gives(groups):
    plan, different = compare(stages(*groups))
    assert not different, [(stage.name, stage.cells) for stage in plan.stages]


@pytest.mark.parametrize(
    "trap",
    [
        "a list changed through an alias",
        "a function that reads a changing global",
        "a function that sets a global",
        "random numbers after a seed in another stage",
        "a class with instances",
        "a name that is bound only sometimes",
        "settings",
    ],
)
def test_what_can_be_split_is_split(trap):
    assert len(compare(stages(*SPLIT[trap]))[0].stages) > 1


@pytest.mark.parametrize(
    "trap", ["a counter in a default argument", "a connection", "a counter in a class", "eval"]
)
def test_what_cannot_be_split_stays_together_and_the_plan_says_why(trap):
    plan, _ = compare(stages(*SPLIT[trap]))
    assert len(plan.stages) < 3
    assert any("stay in one stage" in one.message for one in plan.warnings)
