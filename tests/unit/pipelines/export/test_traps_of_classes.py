"""Classes that read variables or are defined anew: said again where that is the same, else not.

Every case that stays in several stages is one that some careless rule would get wrong as well.
"""

import pytest
from datalab_pipelines.errors import ArtifactError
from datalab_pipelines.export.code.writing import render_code
from datalab_pipelines.export.plans import planning
from exporting import compare, planned, stages

READS = """class Scaled:
    def __init__(self, x):
        self.x = x

    def value(self):
        return self.x * k[0]"""

APART = {
    "a class that reads a variable which changes": (
        ("k = [2]", READS, "a = Scaled(3).value()"),
        "k[0] = 5\nb = Scaled(3).value() + a",
        "k = [7]\nc = Scaled(3).value() + b",
    ),
    "a class that is defined anew": (
        ("class A:\n    def f(self):\n        return 1", "a = A().f()"),
        "b = A().f() + a",
        ("class A:\n    def f(self):\n        return 10", "c = A().f() + b"),
        "d = A().f() + c",
    ),
    "a class that is defined anew in the middle of a stage": (
        ("class A:\n    n = 1", "a = A.n"),
        ("b = A.n + a", "class A:\n    n = 2", "c = A.n + b"),
        "d = A.n",
    ),
    "a function makes instances of the class that holds by then": (
        ("class A:\n    n = 1", "def make():\n    return A().n", "a = make()"),
        ("class A:\n    n = 2", "b = make() + a"),
        "c = make() + b",
    ),
    "a class that derives from one that reads a variable": (
        ("k = [2]", READS, "class Twice(Scaled):\n    pass", "a = Twice(3).value()"),
        "k.insert(0, 4)\nb = Twice(3).value() + a",
        "c = Twice(1).value() + b",
    ),
    "what a class takes from above when it is made": (
        (
            "k = [2]",
            "log = []",
            "class Base:\n    def __init__(self):\n        log.append(k[0])",
            "class Derived(Base):\n    pass",
            "Derived()\na = 1",
        ),
        "Derived()\nk[0] = a + 7",
        "Derived()\nb = list(log)",
    ),
    "what a class calls above it": (
        (
            "log = []",
            "class Base:\n    def go(self, x):\n        log.append(x)",
            "class Derived(Base):\n    def go(self, x):\n        super().go(x + 1)",
            "a = 1",
        ),
        "Derived().go(a)\nb = 2",
        "c = list(log) + [b]",
    ),
    "a method that is called by its class": (
        (
            "log = []",
            "class A:\n    def go(self, x):\n        log.append(x)\n\n"
            "    @classmethod\n    def all(cls, x):\n        log.append(-x)\n\n"
            "    @staticmethod\n    def one(x):\n        log.append(x * 10)",
            "a = 1",
        ),
        "A.go(None, a)\nA.all(2)\nA.one(3)\nA().one(4)\nb = 2",
        "c = list(log) + [b]",
    ),
    "an operator that changes a variable": (
        (
            "log = []",
            "class A:\n    def __add__(self, other):\n        log.append(other)\n        return 1",
            "a = 1",
        ),
        "b = A() + a",
        "c = list(log) + [b]",
    ),
    "an instance that is called": (
        ("log = []", "class A:\n    def __call__(self, x):\n        log.append(x)", "a = 1"),
        "f = A()\nf(a)\nb = 2\ndel f",
        "c = list(log) + [b]",
    ),
    "a property and a context that change a variable": (
        (
            "log = []",
            "class A:\n    @property\n    def size(self):\n        log.append('size')\n"
            "        return 1\n\n"
            "    def __enter__(self):\n        log.append('in')\n        return self\n\n"
            "    def __exit__(self, *args):\n        log.append('out')",
            "a = 1",
        ),
        "b = A().size + a",
        "with A():\n    c = b",
        "d = list(log) + [c]",
    ),
    "a class that changes a variable": (
        (
            "n = 0",
            "class Counted:\n    def __init__(self):\n        global n\n        n += 1",
            "Counted()",
        ),
        "Counted()\nCounted()",
        "m = n",
    ),
    "a default that is a variable": (
        ("words = ['a']", "def first(n, xs=words):\n    return xs[:n]", "a = first(1)"),
        "words.append('b')\nb = first(2) + a",
        "words.insert(0, 'c')\nc = first(2) + b",
    ),
    "a default that is computed": (
        ("N = 2 ** 3", "k = [1]", "def f(x, n=N * 2, m=1 / 4):\n    return x * n + m + k[0]"),
        "a = f(1)",
        "k[0] = 3\nb = f(a)",
    ),
    "a list as default that is looked at": (
        (
            "import numpy as np\nk = [1]",
            "def f(x, axes=[0, 4, 2]):\n"
            "    return np.linspace(*axes[:2], axes[2]).sum() + len(axes) + x * k[0]",
        ),
        "a = float(f(1))",
        "k[0] = 3\nb = float(f(a))",
    ),
    "a list of a class that is looked at": (
        (
            "class Card:\n    names = ['A', 'B']\n\n    def __init__(self, n):\n"
            "        self.n = n\n\n"
            "    def __str__(self):\n        return Card.names[self.n] + self.names[0]",
            "a = Card(1)",
        ),
        "b = str(a)",
        "c = str(a) + b + ''.join(Card.names)",
    ),
    "an annotation that is a class said again": (
        ("k = [2]", READS, "def f(s: Scaled) -> int:\n    return s.value()", "a = f(Scaled(1))"),
        "b = f(Scaled(a))",
        "k[0] = 9\nc = f(Scaled(b))",
    ),
    "a function inside that reads a variable": (
        (
            "k = [2]",
            "def f(xs):\n    by = lambda x: x * k[0]\n    return [by(x) for x in xs]",
            "a = f([1])",
        ),
        "k[0] = 5\nb = f(a)",
        "k = [1]\nc = f(b)",
    ),
    "an import that a class replaces": (
        ("from collections import Counter", "a = Counter('aab')['a']"),
        "b = Counter('abab')['b'] + a",
        ("class Counter(dict):\n    pass", "c = len(Counter(x=1)) + b"),
        "d = len(Counter(x=1, y=2)) + c",
    ),
    "several constants at once": (
        (
            "low, high = 1, 4",
            "East, West = STEPS = (1, 0), (-1, 0)",
            "class Step:\n    def go(self):\n        return low + high + East[0] + len(STEPS)",
            "s = Step()",
        ),
        "a = s.go()",
        "b = s.go() + a",
    ),
    "a constant that a function replaces, and that annotates": (
        (
            "k = [1]\njoin = ''.join",
            "def f(xs: join) -> join:\n    return join(xs) + str(k[0])",
            "a = f(['a', 'b'])",
        ),
        "b = f([a, 'c'])",
        ("def join(xs):\n    return '-'.join(xs)", "c = f([b, 'd'])"),
        "k[0] = 2\nd = f([c, 'e'])",
    ),
    "another name of a module and of a class": (
        (
            "import collections.abc\nimport math\nM = math\nCount = collections.Counter",
            "class A:\n    def f(self, xs):\n        return M.sqrt(Count(xs)[4])",
            "s = A()",
        ),
        "a = s.f([4, 4, 1])",
        "b = s.f([4]) + a",
    ),
}


@pytest.mark.parametrize("cells", APART.values(), ids=APART.keys())
def test_a_class_that_can_be_said_again_is_and_the_stages_agree(cells):
    plan, different = compare(stages(*cells))
    assert not different
    assert len(plan.stages) == len(cells)


TOGETHER = {
    "a method that a library calls": (
        (
            "import functools\nlog = []",
            "class A:\n    def note(self, x, y):\n        log.append(y)\n        return x + y",
            "a = 1",
        ),
        "b = functools.reduce(A().note, [a, 2, 3])",
        "c = list(log) + [b]",
    ),
    "a variable of a class's name inside a function": (
        ("k = [2]", READS, "def f(Scaled):\n    Scaled[0] = 1\n    return Scaled", "a = f([0])"),
        "b = Scaled(a[0]).value()",
        "k[0] = 3\nc = Scaled(b).value()",
    ),
    "an instance that goes on": (
        ("k = [2]", READS, "s = Scaled(3)"),
        "k[0] = 5\na = s.value()",
        "b = isinstance(s, Scaled), a",
    ),
    "an instance in a list": (
        ("k = [2]", READS, "them = [Scaled(3)]"),
        "k[0] = 5\na = them[0].value()",
        "b = a",
    ),
    "an instance made by an operator": (
        (
            "k = [2]",
            READS + "\n\n    def __add__(self, other):\n        return Scaled(self.x + other.x)",
            "s = Scaled(1) + Scaled(2)",
        ),
        "k[0] = 5\na = s.value()",
        "b = isinstance(s, Scaled), a",
    ),
    "an instance made by sum()": (
        (
            "k = [2]",
            READS + "\n\n    def __radd__(self, other):\n        return Scaled(self.x + other)",
            "s = sum([Scaled(1)])",
        ),
        "k[0] = 5\na = s.value()",
        "b = isinstance(s, Scaled), a",
    ),
    "an instance made by type()": (
        (
            "k = [2]",
            READS + "\n\n    def again(self):\n        return type(self)(self.x + 1)",
            "s = Scaled(1).again()",
        ),
        "k[0] = 5\na = s.value()",
        "b = isinstance(s, Scaled), a",
    ),
    "an instance of an earlier class of that name": (
        ("class A:\n    n = 1", "old = A()"),
        ("class A:\n    n = 2", "new = A()"),
        "a = isinstance(old, A), isinstance(new, A), old.n",
    ),
    "a class that derives from an earlier one of that name": (
        ("class A:\n    n = 1", "class B(A):\n    pass", "a = B.n"),
        ("class A:\n    n = 2", "b = B.n + A.n"),
        "c = B.n + A.n + b",
    ),
    "a counter in a class": (
        ("k = [1]", "class A:\n    n = 0\n\n    def __init__(self):\n        A.n += k[0]", "A()"),
        "A()\nk[0] = 5",
        "A()\na = A.n",
    ),
    "a counter by another name of the instance's class": (
        (
            "k = [1]",
            "class A:\n    n = 0\n\n    def __init__(self):\n        kind = type(self)\n"
            "        kind.n += k[0]",
            "A()",
        ),
        "A()\nk[0] = 5",
        "A()\na = A.n",
    ),
    "a class that a function changes": (
        ("k = [1]", READS, "def tag(kind):\n    kind.n = 5", "a = 1"),
        "tag(Scaled)",
        "b = Scaled.n + Scaled(1).value()",
    ),
    "a shared class that a function changes": (
        ("class A:\n    n = 1", "def tag(kind):\n    kind.n = 5", "a = 1"),
        "tag(A)\nb = a",
        "c = A.n + b",
    ),
    "classes that a loop changes": (
        ("class A:\n    n = 1\n\nclass B:\n    n = 1", "a = 1"),
        "for kind in (A, B):\n    kind.n = 5\nb = a",
        "c = A.n + B.n + b",
    ),
    "a class in a dictionary that is changed": (
        ("class A:\n    n = 1", "kinds = {'a': A}", "a = 1"),
        "kinds['a'].n = 4\nb = a",
        "c = A.n + b",
    ),
    "a function's attribute that another function sets": (
        ("def f():\n    return getattr(f, 'n', 0)", "def up(g):\n    g.n = 5", "a = 1"),
        "up(f)\nb = a",
        "c = f() + b",
    ),
    "a method that is replaced": (
        ("k = [2]", READS, "a = Scaled(1).value()"),
        "Scaled.value = lambda self: -1\nb = Scaled(1).value() + a",
        "c = Scaled(1).value() + b",
    ),
    "a method that setattr replaces": (
        ("k = [2]", READS, "a = Scaled(1).value()"),
        "setattr(Scaled, 'value', lambda self: -1)\nb = Scaled(1).value() + a",
        "c = Scaled(1).value() + b",
    ),
    "a list of a class that grows": (
        (
            "k = [2]",
            "class Dog:\n    tricks = ['sit']\n\n    def learn(self, one):\n"
            "        self.tricks.append(one * k[0])",
            "Dog().learn('a')",
        ),
        "Dog().learn('b')",
        "a = list(Dog().tricks)",
    ),
    "a list of a class that is handed on": (
        (
            "class Dog:\n    tricks = ['sit']",
            "def learn(them):\n    them.append('roll')",
            "a = 1",
        ),
        "learn(Dog.tricks)\nb = a",
        "c = len(Dog().tricks) + b",
    ),
    "a list of a class that += changes": (
        ("class Dog:\n    tricks = ['sit']", "a = 1"),
        "d = Dog()\nd.tricks += ['roll']\nb = a",
        "c = len(Dog.tricks) + b",
    ),
    "a list of a class under another name": (
        (
            "class Dog:\n    tricks = ['sit']\n    skills = tricks",
            "a = 1",
        ),
        "Dog.skills.append('roll')\nb = a",
        "c = len(Dog.tricks) + b",
    ),
    "a registry of classes": (
        (
            "known = []",
            "class Base:\n    def __init_subclass__(cls):\n        known.append(cls.__name__)",
            "class A(Base):\n    pass",
            "a = len(known)",
        ),
        "b = len(known) + a",
        ("class B(Base):\n    pass", "c = list(known)"),
    ),
    "the classes below one": (
        ("k = [1]", "class A:\n    def f(self):\n        return k[0]", "class B(A):\n    pass"),
        "a = [one.__name__ for one in A.__subclasses__()]",
        "b = A().f(), [one.__name__ for one in A.__subclasses__()]",
    ),
    "a class that is handed to a function": (
        ("k = [1]", READS, "kinds = [Scaled]"),
        "a = kinds[0](1).value()",
        "b = kinds[0] is Scaled, a",
    ),
    "an exception that is kept": (
        (
            "k = [1]",
            "class Wrong(Exception):\n    def why(self):\n        return k[0]",
            "try:\n    raise Wrong()\nexcept Wrong as error:\n    kept = error",
        ),
        "k[0] = 2\na = kept.why()",
        "b = isinstance(kept, Wrong), a",
    ),
    "a default that grows": (
        ("k = [1]", "def f(x, seen=[]):\n    seen += [x]\n    return len(seen) + k[0]", "a = f(1)"),
        "b = f(2)",
        "c = f(3)",
    ),
    "a default whose part grows": (
        ("def f(x, seen=[[]]):\n    seen[0].append(x)\n    return len(seen[0])", "a = f(1)"),
        "b = f(2)",
        "c = f(3)",
    ),
    "a default that is computed of what changes": (
        ("words = ['a']", "def f(n=len(words)):\n    return n", "a = f()"),
        "words.append('b')\nb = f() + a",
        "c = f() + b",
    ),
    "a default that is bound anew": (
        ("n = 1", "def f(x, n=n):\n    return x + n", "a = f(1)"),
        "n = 100\nb = f(1) + a",
        "c = f(1) + b",
    ),
    "an attribute of a class that is computed of what changes": (
        ("words = ['a']", "class A:\n    n = len(words)", "a = A.n"),
        "words.append('b')\nb = A.n + a",
        "c = A.n + b",
    ),
    "what a cached function has read": (
        (
            "import functools\nk = [2]",
            "@functools.lru_cache(None)\ndef f(x):\n    return x * k[0]",
            "a = f(1)",
        ),
        "k[0] = 10\nb = f(1)",
        "c = f(1)",
    ),
    "a decorator that calls what it is given": (
        ("import operator\nk = [2]", "@operator.call\ndef two():\n    return k[0]", "a = two"),
        "k[0] = 5\nb = two",
        "c = two + k[0]",
    ),
    "annotations that somebody reads": (
        (
            "import typing\nKind = int",
            "def f(x: Kind):\n    return x",
            "a = 1",
        ),
        "Kind = str\nb = typing.get_type_hints(f)['x'].__name__",
        "c = typing.get_type_hints(f)['x'].__name__",
    ),
    "a function that sees a variable and goes on": (
        ("k = [2]", "def make():\n    return lambda x: x * k[0]", "f = make()"),
        "k[0] = 5\na = f(1)",
        "b = f(a)",
    ),
    "a global under the name of a caller's argument": (
        ("xs = [1]", "def f():\n    xs.append(1)", "def g(xs):\n    f()\n    return xs"),
        "g([0])",
        "total = sum(xs)",
    ),
    "a class that looks at itself": (
        ("k = [1]", READS, "a = Scaled(1).value()"),
        "s = Scaled(2)\nsame = s.__class__ is Scaled\nkind = s.__class__",
        "b = kind is Scaled, same",
    ),
    "an attribute that is the instance": (
        (
            "k = [2]",
            "class Node:\n    def __init__(self):\n        self.next = self\n\n"
            "    def f(self):\n        return k[0]",
            "n = Node().next",
        ),
        "k[0] = 5\na = n.f()",
        "b = isinstance(n, Node), a",
    ),
    "a constant that a covered builtin gives": (
        ("len = lambda x: 42\nN = len('ab')", "def f():\n    return N", "a = f()"),
        "b = f() + a",
        "c = f() + b",
    ),
    "another name of a covered builtin": (
        ("list = [1, 2]\nkind = list", "def f():\n    return kind", "a = f()"),
        "b = len(f()) + len(a)",
        "c = f() + [b]",
    ),
    "a number that is computed of what changes": (
        ("n = 1\nm = n + 1", "def f():\n    return m", "a = f()"),
        "n = 5\nb = f() + n",
        "m = n + 1\nc = f() + b",
    ),
    "a list in an instance": (
        (
            "class Bag:\n    def __init__(self):\n        self.items = []\n\n"
            "    def add(self, x):\n        self.items.append(x)\n        return self.items",
            "bag = Bag()\nitems = bag.add(1)",
        ),
        "items.append(2)",
        "bag.add(3)\na = list(bag.items), list(items)",
        "b = len(items), bag.items is items",
    ),
}


@pytest.mark.parametrize("cells", TOGETHER.values(), ids=TOGETHER.keys())
def test_a_class_that_means_something_else_elsewhere_is_never_silently_wrong(cells):
    _, different = compare(stages(*cells))
    assert not different


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (TOGETHER["an instance that goes on"], "class Scaled of the stage"),
        (TOGETHER["an instance in a list"], "class Scaled of the stage"),
        (TOGETHER["a function that sees a variable and goes on"], "which sees its variable k"),
    ],
)
def test_what_the_analysis_would_miss_is_refused_when_the_pipeline_runs(cells, what, monkeypatch):
    monkeypatch.setattr(planning, "watching", lambda plan, sight: [])
    with pytest.raises(ArtifactError, match=what):
        compare(stages(*cells))


def test_a_stage_says_the_class_that_holds_by_then_and_no_other(tmp_path):
    files = render_code(planned(tmp_path, stages(*APART["a class that is defined anew"])))
    assert "return 1\n" in files["stages/part_bx.py"].decode()
    assert "return 10\n" in files["stages/part_dx.py"].decode()
    assert files["stages/part_dx.py"].decode().count("class A") == 1


def test_classes_are_said_in_the_order_in_which_they_derive(tmp_path):
    cells = stages(*APART["a class that derives from one that reads a variable"])
    text = render_code(planned(tmp_path, cells))["stages/part_cx.py"].decode()
    assert 0 < text.index("class Scaled") < text.index("class Twice(Scaled)")


NESTED = """class Tool:
    name = "count"
    inputs = {"task": {"type": "text", "more": [1, 2]}}

    def run(self, x):
        return x + len(self.name)
"""


@pytest.mark.parametrize(
    ("uses", "count"),
    [
        (("a = Tool().run(1)", "b = Tool().run(a)", "print(a, b, tool.run(2))"), 4),
        (("tool.inputs['task']['n'] = 1", "b = Tool()", "print(b.inputs, tool.run(2))"), None),
        (
            ("t = Tool.inputs['task']", "t['n'] = 1\nb = Tool()", "print(b.inputs, tool.run(2))"),
            None,
        ),
        (
            (
                "t = getattr(Tool, 'inputs')",
                "t['task'] = 1\nb = Tool()",
                "print(vars(Tool)['inputs'])",
            ),
            None,
        ),
    ],
)
def test_an_attribute_of_a_class_in_which_something_lies(uses, count):
    plan, different = compare(stages(NESTED + "tool = Tool()\nn = [1]", *uses))
    assert not different
    assert count is None or len(plan.stages) == count


def test_an_attribute_of_a_class_that_a_method_has_as_default():
    method = "def run(self, x, given=inputs):\n        given['n'] = x"
    first = NESTED.replace("def run(self, x):", method)
    _, different = compare(
        stages(
            first + "n = [1]", "n.append(Tool().run(1))", "print(n, getattr(Tool(), 'inp' + 'uts'))"
        )
    )
    assert not different
