"""Objects that are noticed although nobody changes them, and classes that are changed unseen."""

from __future__ import annotations

import pytest
from exporting import compare, stages

APART = {
    "an object that is in a set": stages(
        "class Player: pass\nann = Player()\nteam = {ann}",
        "print(ann in team, len(team))",
        "team.add(ann)\nprint(len(team))",
    ),
    "an attribute that is computed once": stages(
        "from functools import cached_property\nimport random\nrandom.seed(0)\n"
        "class Die:\n    @cached_property\n    def thrown(self): return random.random()\n"
        "die = Die()",
        "print(die.thrown)",
        "print(die.thrown)",
    ),
    "a logger that writes what is printed": stages(
        "import logging, sys\n"
        "logging.basicConfig(stream=sys.stdout, level=logging.INFO, force=True)\n"
        "log = logging.getLogger('x')",
        "log.info('hello')",
        "log.debug('no')\nlog.info('again')",
    ),
    "a function that keeps its numbers": stages(
        "from functools import lru_cache\n@lru_cache(None)\ndef fib(n):\n"
        "    return n if n < 2 else fib(n - 1) + fib(n - 2)\na = fib(9)",
        "b = fib(12)",
        "print(a, b, fib(10))",
    ),
    "keys of a dictionary that stays": stages(
        "d = {'a': 1}\nk = d.keys()", "print(sorted(k), 'a' in k)", "print(k & {'a', 'b'})"
    ),
    "a distribution with a generator of its own": stages(
        "from scipy import stats\nd = stats.norm(0, 1)\nd.random_state = 3",
        "print(d.rvs(2))",
        "print(d.rvs(2))",
    ),
    "objects with values of their own": stages(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    x: int\n"
        "p = P(1)\nall_of_them = {p}",
        "print(p in all_of_them)",
        "print(all_of_them == {P(1)})",
    ),
}
APART |= {
    "a class that reads a variable, while its objects live": stages(
        "k = 1\nclass A:\n    def f(self): return k\na = A()",
        "k = 5",
        "print(a.f())",
        "k = 7\nprint(A().f())",
    ),
    "objects that are compared by identity": stages(
        "class A:\n    def __init__(self): self.n = 0\na = A()\nall_of_them = {'a': a, 'l': [1]}\n"
        "l = all_of_them['l']",
        "all_of_them['a'].n += 1\nl.append(2)",
        "print(a is all_of_them['a'], l is all_of_them['l'], l is not all_of_them['a'], a.n)",
    ),
    "a setting after something was shown": stages(
        "import numpy as np\nnp.set_printoptions(precision=2)",
        "print(np.array([1.23456]))",
        "np.set_printoptions(precision=4)\nprint(np.array([1.23456]))",
    ),
    "a scaler that changes what it is given": stages(
        "import numpy as np\nfrom sklearn.preprocessing import StandardScaler\n"
        "from sklearn.pipeline import make_pipeline\nX = np.arange(6.0).reshape(3, 2)\nY = X + 1",
        "scaler = StandardScaler(copy=False)\n_t = scaler.fit_transform(X)",
        "print(X)\n_t = make_pipeline(StandardScaler(copy=False)).fit(Y).transform(Y)",
        "print(Y)",
    ),
    "a model that changes what it is given": stages(
        "import numpy as np\nfrom sklearn.linear_model import LinearRegression\n"
        "X = np.arange(6.0).reshape(3, 2)",
        "model = LinearRegression(copy_X=False)\n_t = model.fit(X, X[:, 0] * 2)",
        "print(X)",
    ),
    "a splitter that draws when it splits": stages(
        "from sklearn.model_selection import KFold\nimport numpy as np\nnp.random.seed(1)\n"
        "folds = KFold(3, shuffle=True)\nX = np.arange(9)",
        "print([test.tolist() for _, test in folds.split(X)])",
        "print([test.tolist() for _, test in folds.split(X)])",
    ),
    "a splitter with a generator of its own": stages(
        "from sklearn.model_selection import KFold\nimport numpy as np\nX = np.arange(9)\n"
        "folds = KFold(3, shuffle=True, random_state=np.random.RandomState(0))",
        "print([test.tolist() for _, test in folds.split(X)])",
        "print([test.tolist() for _, test in folds.split(X)])",
    ),
    "a module that draws, under another name": stages(
        "import numpy as np\ndraw = np.random\ndraw.seed(3)",
        "a = draw.rand()",
        "print(a, draw.rand())",
    ),
    "a tuple of one object several times": stages(
        "z = [0]\nx, y = (z,) * 2", "x.append(1)", "print(y, z)"
    ),
}
TOGETHER = {
    "a method that keeps its results": stages(
        "from functools import lru_cache\nclass A:\n    @lru_cache(None)\n    def f(self, x):\n"
        "        print('computing', x)\n        return x\na = A()\na.f(1)",
        "a.f(1)",
        "a.f(2)\na.f(1)",
    ),
    "a function that keeps its results and prints": stages(
        "from functools import lru_cache\n@lru_cache(None)\ndef f(x):\n    print('computing', x)\n"
        "    return x\nf(1)",
        "f(1)",
        "f(2)\nf(1)",
    ),
    "keys of a dictionary that grows": stages(
        "d = {'a': 1}\nk = d.keys()", "d['b'] = 2", "print(list(k))"
    ),
    "an object that leaves out what it likes": stages(
        "class A:\n    def __init__(self): self.x, self.cache = 1, {'k': 2}\n"
        "    def __getstate__(self): return {'x': self.x, 'cache': {}}\na = A()",
        "print(a.cache)",
        "print(a.x, a.cache)",
    ),
    "a class that takes others in": stages(
        "from abc import ABC\nclass Number(ABC): pass",
        "Number.register(int)",
        "print(isinstance(3, Number))",
    ),
    "a function that learns of types": stages(
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 'any'",
        "@f.register(int)\ndef _of_int(x): return 'int'",
        "print(f(1), f('a'))",
    ),
    "a class that is changed through a dictionary": stages(
        "class A:\n    n = 1\nd = {'A': A}", "d['A'].n = 5", "print(A.n)"
    ),
    "a class that a function changes": stages(
        "class A: pass\ndef patch(c, v): setattr(c, 'z', v)",
        "patch(A, 3)",
        "print(A.z, A().z)",
    ),
    "an array that is read-only": stages(
        "import numpy as np\na = np.arange(3)\na.flags.writeable = False",
        "try:\n    a[0] = 1\nexcept ValueError:\n    print('no')",
        "print(a.flags.writeable)",
    ),
    "groups of an iterator": stages(
        "from itertools import groupby\ng = groupby('aab')",
        "print(next(g)[0])",
        "print(len(list(g)))",
    ),
    "what a splitter gives": stages(
        "from sklearn.model_selection import KFold\nimport numpy as np\nX = np.arange(9)\n"
        "turns = KFold(3).split(X)",
        "print(next(turns)[1])",
        "print([test.tolist() for _, test in turns])",
    ),
    "a table that looks into an array": stages(
        "import numpy as np, pandas as pd\na = np.zeros((2, 2))\ndf = pd.DataFrame(a, copy=False)",
        "a[0, 0] = 7",
        "print(df)",
    ),
    "an object with attributes that are made up": stages(
        "class D:\n    def __init__(self): self.log = []\n    def __getattr__(self, name):\n"
        "        self.log.append(name)\n        return 1\nd = D()",
        "x = d.foo",
        "print(d.log)",
    ),
    "an object that says farewell": stages(
        "class D:\n    def __del__(self): print('bye')\nd = D()", "x = 1", "del d\nprint('end')"
    ),
    "a class that is said again in the same words": stages(
        "class A: pass\na = A()",
        "print(isinstance(a, A))",
        "class A: pass\nprint(isinstance(a, A))",
    ),
    "a match": stages(
        "import re\nm = re.match('(a)(b)', 'ab')", "print(m.group(1))", "print(m.end())"
    ),
    "a variable of a context": stages(
        "import contextvars\nv = contextvars.ContextVar('v', default=0)\n_t = v.set(3)",
        "print(v.get())",
        "_t = v.set(v.get() + 1)\nprint(v.get())",
    ),
}


def test_a_table_that_the_last_stage_changes_in_place_is_what_the_pipeline_gives():
    cells = stages(
        "import pandas as pd\ndf = pd.DataFrame({'a': [2, 1]})\nother = df.copy()",
        "df['b'] = 1\nprint(other.a.sum())",
    )
    plan, different = compare(cells)
    assert not different
    assert [port.name for port in plan.stages[-1].outputs] == ["df"]


def test_the_data_of_which_a_model_was_made_is_not_handed_on_again():
    plan, different = compare(
        stages(
            "import numpy as np\nX = np.array([[1.0, 2.0], [2.0, 1.0], [9.0, 8.0], [8.0, 9.0]])\n"
            "centers = np.array([[0.0, 0.0], [9.0, 9.0]])",
            "from sklearn.cluster import KMeans\nmodel = KMeans(2, init=centers, n_init=1)\n"
            "_t = model.fit(X)\nprint(model.labels_)",
            "print(X, centers)",
        )
    )
    assert not different
    assert [port.name for port in plan.stages[1].outputs] == []  # nothing later reads the model


@pytest.mark.parametrize("name", APART)
def test_what_can_be_apart_is_the_same(name):
    plan, different = compare(APART[name])
    assert not different
    assert len(plan.stages) > 1


@pytest.mark.parametrize("name", TOGETHER)
def test_what_no_file_keeps_stays_together_and_says_why(name):
    plan, different = compare(TOGETHER[name])
    assert not different
    assert len(plan.stages) < 3
    assert any("stay in one stage" in one.message for one in plan.warnings)
