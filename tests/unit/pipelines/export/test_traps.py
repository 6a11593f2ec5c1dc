"""What other exporters get wrong, silently: every trap on its own, run both ways and compared."""

import pytest
from exporting import compare, planned, stages

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
    "names with an underscore before them": (
        "_x = [1]\n_y = sum([3])\nx = [2]\n_1a = [4]\n_class = [5]",
        "_x.append(_y)\n__ = x + _1a",
        "z = [_x, _y, x, _1a, _class, __]",
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
    "a query with a constant": (
        "import pandas as pd\nlimit = 1\ndf = pd.DataFrame({'x': [1, 2], 'y': [0, 3]})",
        "a = df.query('x > @limit')",
        "df.eval('x > @limit and y > @limit')",
    ),
    "a data class that a stage defines": (
        "import dataclasses\nscale = [2]\n@dataclasses.dataclass\nclass Item:\n    name: str\n"
        "    def size(self):\n        return len(self.name) * scale[0]",
        "item = Item('ab')\nitem",
        "item.size()",
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
    "display options": (
        "import pandas as pd\npd.set_option('display.precision', 2)",
        "df = pd.DataFrame({'x': [1 / 3, 2 / 3]})\ndf",
        "df * 2",
    ),
    "display options that a function of the notebook sets": (
        "import pandas as pd\ndef quiet():\n    pd.options.display.max_rows = 4\nquiet()",
        "df = pd.DataFrame({'x': range(9)})\ndf",
        "df + 1",
    ),
    "a style that a helper module sets": (
        "import matplotlib as mpl\nmpl.rcParams['axes.facecolor'] = 'red'",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "plt.plot([2, 1]);",
    ),
    "print options": (
        "import numpy as np\nnp.set_printoptions(precision=2)",
        "a = np.ones(2) / 3\na",
        "a + a",
    ),
    "a model that is fitted where it is used": (
        "from sklearn.linear_model import LinearRegression\nX = [[1.0], [2.0]]\n"
        "model = LinearRegression()",
        "model.fit(X, [1, 2])",
        "y = model.predict([[3.0]])\ny",
    ),
    "a figure in one cell, its plot in the next": (
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(9, 1))",
        "plt.plot([1, 2])\nplt.title('a')\nplt.show()",
        "plt.plot([3, 1])",
    ),
    "axes that a later cell draws on": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()",
        "ax.plot([1, 2])\nfig",
        "ax.set_title('b')\nfig",
    ),
    "a patched function of a module": (
        "import string\nplain = string.capwords\nstring.capwords = lambda x: 'patched'",
        "a = string.capwords('a b')",
        "string.capwords = plain\nb = string.capwords('a b')",
    ),
    "an attribute of a class set later": (
        "class C:\n    rate = 1\nc = C()",
        "C.rate = 5",
        "r = c.rate",
    ),
    "another working directory": (
        "import os\nos.makedirs('sub', exist_ok=True)\nos.chdir('sub')",
        "with open('f.txt', 'w') as f:\n    f.write('x')",
        "t = open('f.txt').read()\nw = os.path.basename(os.getcwd())",
    ),
    "a logger's level": (
        "import logging\nlogging.getLogger('trap').setLevel(logging.DEBUG)",
        "n = [1]",
        "level = logging.getLogger('trap').level + len(n)",
    ),
    "warnings made errors": (
        "import warnings\nwarnings.filterwarnings('error', category=UserWarning)",
        "n = [1]",
        "try:\n    warnings.warn('w')\n    r = 'no'\nexcept UserWarning:\n    r = 'error'",
    ),
    "a part of a frame": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2, 3]})",
        "part = df[df['x'] > 1].copy()\npart['y'] = 1",
        "n = part['y'].sum() + len(df.columns)",
    ),
    "two names for a frame": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2, 3]})\nother = df",
        "other['y'] = 1",
        "n = list(df.columns)\nsame = df is other",
    ),
    "a list in two dictionaries": (
        "xs = [1]\na = {'xs': xs}\nb = {'xs': xs}",
        "a['xs'].append(2)",
        "n = b['xs'] + xs",
    ),
    "functions in a dictionary": (
        "ops = {'double': lambda v: v * 2, 'next': lambda v: v + 1}",
        "a = ops['double'](4)",
        "b = {name: op(a) for name, op in ops.items()}",
    ),
    "an iterator that is partly used": (
        "it = iter([1, 2, 3])\na = next(it)",
        "b = next(it)",
        "c = list(it)",
    ),
    "pairs that are used up": ("z = zip([1, 2], [3, 4])", "a = list(z)", "b = list(z)"),
    "a thread": (
        "import threading\nfound = []\nt = threading.Thread(target=lambda: found.append(1))\n"
        "t.start()",
        "t.join()",
        "n = len(found)",
    ),
    "display in the middle of a cell": (
        "x = [1, 2]",
        "display(x)\nx.append(3)\ndisplay(x)",
        "x",
    ),
    "a tuple that is shown": ("a = [1]\nb = 2", "a, b", "(a, b), b"),
    "a function that is called show": (
        "def show(xs):\n    print(*xs, sep=', ')",
        "a = [1, 2]\nshow(a)",
        "show(a + [3])",
    ),
    "a list called show": ("show = [1]", "show.append(2)\nshow", "len(show)"),
    "output without a value": ("a = [1]", "a;", "a.append(2)\nprint(a)\nNone"),
    "a loop with progress": (
        "from tqdm import tqdm\ntotal = 0",
        "for i in tqdm(range(3)):\n    total += i",
        "total",
    ),
    "a dictionary with a default": (
        "from collections import defaultdict\nd = defaultdict(list)\ne = defaultdict(int)",
        "d['a'].append(1)\ne['k'] += 1",
        "n = len(d['b']) + e['z'] + len(d)",
    ),
    "a named tuple": (
        "from collections import namedtuple\nPoint = namedtuple('Point', 'x y')",
        "p = Point(1, 2)",
        "q = p._replace(x=p.y)\nq",
    ),
    "a data class": (
        "from dataclasses import dataclass, field\n@dataclass\nclass Item:\n    name: str\n"
        "    tags: list = field(default_factory=list)",
        "item = Item('a')\nitem.tags.append('b')",
        "item",
    ),
    "an enumeration": (
        "from enum import Enum\nclass Color(Enum):\n    RED = 1\n    BLUE = 2",
        "c = Color.RED",
        "c is Color.RED, [one.name for one in Color]",
    ),
    "a path": (
        "from pathlib import Path\nHERE = Path('.')",
        "name = (HERE / 'a.csv').name",
        "HERE, name",
    ),
    "an inherited class": (
        "class A:\n    def f(self):\n        return 1\nclass B(A):\n    def f(self):\n"
        "        return super().f() + 1",
        "b = B()",
        "b.f()",
    ),
    "a class that reads a variable": (
        "scale = 2\nscale += 1\nclass Scaled:\n    def of(self, x):\n        return x * scale",
        "s = Scaled()\na = s.of(2)\nscale = 10",
        "b = s.of(2)",
    ),
    "a default that is computed": (
        "n = [3]\ndef f(x, k=n[0]):\n    return x * k",
        "n[0] = 9",
        "r = f(2)",
    ),
    "a default list that is only read": (
        "def shift(v, origin=[0, 1]):\n    return [a + b for a, b in zip(v, origin)]",
        "a = shift([1, 2])",
        "b = shift(a)",
    ),
    "two functions of one name": (
        "def f(x):\n    return x + 1\na = f(1)",
        "def f(x):\n    return x + 2\nb = f(1)",
        "c = f(1)",
    ),
    "the same function again": (
        "def f(x):\n    return x + 1\na = f(1)",
        "def f(x):\n    return x + 1\nb = f(1)",
        "c = f(1)",
    ),
    "a future import that is late": (
        "x = [1]\nfrom __future__ import annotations\ny = 2",
        "def f(a: Nowhere):\n    return a",
        "z = f(x)",
    ),
    "a star import that is late": ("x = [4.0]", "from math import *\ny = sqrt(x[0])", "z = pi * y"),
    "a random state in a model": (
        "import numpy as np\nnp.random.seed(3)\nrs = np.random.RandomState(4)",
        "a = rs.rand(2)\nb = np.random.rand()",
        "c = rs.rand() + np.random.rand()",
    ),
    "a sample of a frame": (
        "import numpy as np\nimport pandas as pd\nnp.random.seed(3)\n"
        "df = pd.DataFrame({'x': range(9)})",
        "part = df.sample(3)",
        "again = df.sample(2)\nagain",
    ),
    "a while loop around everything": (
        "n, steps = 27, 0",
        "while n != 1:\n    n = n // 2 if n % 2 == 0 else 3 * n + 1\n    steps += 1",
        "steps",
    ),
    "with and nested try": (
        "from contextlib import suppress\nd = {}",
        "with suppress(KeyError):\n    x = 1\n    d['no']\n    x = 2",
        "try:\n    try:\n        y = d['a']\n    finally:\n        z = x\n"
        "except KeyError:\n    y = 0",
    ),
    "unpacking with a star": ("first, *rest = [1, 2, 3]", "rest.append(first)", "(first, *rest)"),
    "a slice of a list, and the list": (
        "xs = [1, 2, 3]\nhead = xs[:2]",
        "head.append(9)",
        "xs, head",
    ),
    "a loop variable of a comprehension in a class": (
        "ks = [1, 2]\nclass T:\n    vs = tuple(k * 2 for k in ks)",
        "a = T.vs",
        "ks.append(3)\nb = T.vs",
    ),
    "an exception that the notebook defines": (
        "class Bad(ValueError):\n    pass\ndef f(x):\n    if x:\n        raise Bad('no')",
        "try:\n    f(1)\nexcept Bad as error:\n    text = str(error)",
        "text",
    ),
    "a context manager of the notebook": (
        "from contextlib import contextmanager\nlog = []\n@contextmanager\ndef noted(name):\n"
        "    log.append(name)\n    yield\n    log.append('-' + name)",
        "with noted('a'):\n    x = 1",
        "log",
    ),
    "string formatting with a name": ("name = 'a'\nvalues = [1]", "t = f'{name}: {values!r}'", "t"),
    "augmented assignment through a function": (
        "total = [0]\ndef add(n):\n    total[0] += n\n    return total",
        "same = add(3)",
        "same is total, total",
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
    "trap", ["a counter in a default argument", "a connection", "a counter in a class"]
)
def test_what_cannot_be_split_stays_together_and_the_plan_says_why(trap):
    plan, _ = compare(stages(*SPLIT[trap]))
    assert len(plan.stages) < 3
    assert any("stay in one stage" in one.message for one in plan.warnings)


WHOLE = {
    "an older output": ("x = 1\nx + 1", "y = Out[1]"),
    "top-level await": ("import asyncio", "await asyncio.sleep(0)\nx = 1"),
    "exec": ("x = 1", "exec('y = x + 1')"),
    "all variables": ("x = 1", "y = sorted(locals())"),
    "a cell that may fail": ("x = 1", "%%script false\nx"),
    "a magic of an extension": ("x = 1", "%%sql\nselect 1"),
    "IPython itself": ("x = 1", "ip = get_ipython()\nip.ask_exit"),
    "a script that is run": ("x = 1", "%run -p other.py"),
}


@pytest.mark.parametrize("groups", WHOLE.values(), ids=WHOLE)
def test_what_only_ipython_runs_is_one_stage_and_the_plan_names_the_cell(groups, tmp_path):
    plan = planned(tmp_path, stages(*groups))
    assert len(plan.stages) == 1
    assert plan.whole.startswith("cell 4: "), plan.whole
    assert any(plan.whole in one.message for one in plan.warnings)
