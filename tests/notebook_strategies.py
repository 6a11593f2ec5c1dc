"""Random notebooks for hypothesis: lines of Python that share, change, draw, delete and define.

Every line is of a kind, so that a test can say which kinds its examples reached.
"""

from exporting import stages
from hypothesis import strategies as st

NAMES = ["a", "b", "c", "d", "_e"]
name = st.sampled_from(NAMES)
number = st.integers(0, 9)
START = "\n".join(["import random", "import numpy as np", *(f"{one} = [1]" for one in NAMES)])
DEFINITIONS = """
k = 3
late = 0
class Thing:
    made = 0
    def __init__(self, held):
        self.held = held
def push(x, y):
    if isinstance(x, list) and len(x) < 6:
        x.append(y)
    elif isinstance(x, Thing):
        x.held = k
def times(x):
    return x * k
def twice(x):
    return times(x) + times(x)
def bump():
    global k
    k = (k + 1) % 7
def counter():
    n = 0
    def step():
        nonlocal n
        n += 1
        return n
    return step
f = lambda v: v
step = counter()
log = []
class Scaled:
    unit = 1
    def __init__(self, held):
        self.held = held
    def value(self):
        return [self.held, k, self.unit]
    def __add__(self, other):
        log.append(k)
        return Scaled([self.held, other])
class Louder(Scaled):
    def value(self):
        log.append(self.unit)
        return [super().value(), late]
class Unit:
    def __init__(self, held):
        self.held = held
    def value(self):
        return [self.held, k]
def make(v, among=log):
    return Scaled([v, len(among)]).value()
"""


def line(kind, pattern, **parts):
    return st.builds(lambda **values: (kind, pattern.format(**values)), **parts)


FLAT = st.one_of(
    line("alias", "{x} = {y}", x=name, y=name),
    line("value", "{x} = [{n}]", x=name, n=number),
    line("value", "{x} = {n}", x=name, n=number),
    line("value", "{x} = list({y}) if isinstance({y}, list) else {y}", x=name, y=name),
    line("container", "{x} = {{'k': {y}}}", x=name, y=name),
    line("container", "{x} = [{y}, {z}]", x=name, y=name, z=name),
    line("container", "{x} = ({y}, {z})", x=name, y=name, z=name),
    line(
        "container",
        "for _one in ({x} if isinstance({x}, (list, tuple)) else []):\n    push(_one, {n})",
        x=name,
        n=number,
    ),
    line("unpacking", "{x}, *{y} = [{n}, {z}]", x=name, y=name, z=name, n=number),
    line("mutation", "push({x}, {n})", x=name, n=number),
    line("mutation", "push({x}, {y})", x=name, y=name),
    line("mutation", "if isinstance({x}, list): {x} += [{n}]", x=name, n=number),
    line("global in a function", "{x} = times({n})", x=name, n=number),
    line("global in a function", "{x} = twice({n})", x=name, n=number),
    line("global in a function", "k = {n}", n=number),
    line("global in a function", "bump()"),
    line("draw", "{x} = random.random()", x=name),
    line("draw", "{x} = np.random.rand(2)", x=name),
    line("seed", "random.seed({n}); np.random.seed({n})", n=number),
    line("object", "{x} = Thing({y})", x=name, y=name),
    line("object", "{x} = getattr({y}, 'held', {y})", x=name, y=name),
    line("class attribute", "Thing.made = {n}", n=number),
    line("class attribute", "{x} = Thing.made", x=name),
    line("view", "{x} = np.zeros(2)\n{y} = {x}[:1]", x=name, y=name),
    line("lambda", "f = lambda v: [v, {x}]", x=name),
    line("lambda", "{x} = f({y})", x=name, y=name),
    line("closure", "{x} = step()", x=name),
    line("closure", "step = counter()"),
    line("comprehension", "{x} = [v for v in [{y}, {n}]]", x=name, y=name, n=number),
    line("comprehension", "{x} = {{str(v): v for v in [{n}, k]}}", x=name, n=number),
    line("walrus", "if ({x} := {y}) is not None: push({x}, {n})", x=name, y=name, n=number),
    line("late name", "{x} = late", x=name),
    line("late name", "late = {n}", n=number),
    line("star import", "from cmath import *\n{x} = isfinite({n})", x=name, n=number),
    line("with", "with np.errstate(all='ignore'):\n    {x} = {y}", x=name, y=name),
    line("print", "print(k, {n})", n=number),
    line("class that reads", "{x} = Scaled({n}).value()", x=name, n=number),
    line("class that reads", "{x} = Louder({y}).value()", x=name, y=name),
    line("class that reads", "{x} = make({n})", x=name, n=number),
    line("class that reads", "{x} = (Scaled({n}) + {y}).value()", x=name, n=number, y=name),
    line("instance", "{x} = Scaled({y})", x=name, y=name),
    line(
        "instance",
        "{x} = {y}.value() if isinstance({y}, Scaled) else {n}",
        x=name,
        y=name,
        n=number,
    ),
    line("class that reads", "{x} = Unit({y}).value()", x=name, y=name),
    line(
        "class again",
        "class Unit:\n    def __init__(self, held):\n        self.held = [held, {n}]\n"
        "    def value(self):\n        log.append(k)\n        return [late, self.held]\n"
        "    def __add__(self, other):\n        return self",
        n=number,
    ),
    line("class again", "{x} = Unit({n})", x=name, n=number),
    line("class again", "{x} = type({y}).__name__, isinstance({y}, Unit)", x=name, y=name),
    line("stored in a class", "for _kind in (Scaled, Louder):\n    _kind.unit = {n}", n=number),
    line("function again", "def times(x):\n    return [x, k, {n}]", n=number),
)


def inside(head, tail=""):
    def wrap(made):
        kind, text = made
        body = "\n".join("    " + one for one in text.split("\n"))
        return (f"{kind} in {head.split()[0]}", f"{head}\n{body}{tail}")

    return wrap


# A star import is only allowed at the top of a module.
NESTED = FLAT.filter(lambda made: made[0] != "star import")
LINES = st.one_of(
    FLAT,
    NESTED.map(inside("if k % 2:")),
    NESTED.map(inside("for i in range(2):")),
    NESTED.map(inside("try:", "\nexcept (TypeError, AttributeError, NameError):\n    pass")),
    line("del", "del {x}\n{x} = {n}", x=name, n=number),
    line("del", "try:\n    del {x}\nexcept NameError:\n    {x} = {n}", x=name, n=number),
)
# What ends a cell may be shown, or hidden by a semicolon.
SHOWN = st.one_of(
    st.just(("", "")),
    name.map(lambda x: ("shown", f"\ntype({x}).__name__, k")),
    name.map(lambda x: ("shown", f"\n{x};")),
)


@st.composite
def notebooks(draw):
    """Return (the cells, the kinds of lines in them)."""
    groups, kinds = [], set()
    for _ in range(draw(st.integers(2, 4))):
        lines = draw(st.lists(LINES, min_size=1, max_size=4))
        shown = draw(SHOWN)
        kinds |= {kind for kind, _ in [*lines, shown] if kind}
        groups.append("\n".join(text for _, text in lines) + shown[1])
    return stages(START + DEFINITIONS, *groups), kinds
