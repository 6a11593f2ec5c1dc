"""Random notebooks: whatever the cells do with names and objects, the pipeline does the same."""

from datalab_pipelines.errors import ArtifactError
from exporting import compare, stages
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

NAMES = ["a", "b", "c", "d", "e"]
name = st.sampled_from(NAMES)
number = st.integers(0, 9)
START = "\n".join(["import random", "import numpy as np", *(f"{one} = [1]" for one in NAMES)])


def line(pattern, **parts):
    return st.builds(lambda **values: pattern.format(**values), **parts)


FLAT = st.one_of(
    line("{x} = {y}", x=name, y=name),
    line("{x} = [{n}]", x=name, n=number),
    line("{x} = {n}", x=name, n=number),
    line("{x} = list({y}) if isinstance({y}, list) else {y}", x=name, y=name),
    line("{x} = {{'k': {y}}}", x=name, y=name),
    line("{x} = [{y}, {z}]", x=name, y=name, z=name),
    line("push({x}, {n})", x=name, n=number),
    line("push({x}, {y})", x=name, y=name),
    line("{x} = times({n})", x=name, n=number),
    line("k = {n}", n=number),
    line("bump()"),
    line("{x} = random.random()", x=name),
    line("{x} = np.random.rand(2)", x=name),
    line("random.seed({n}); np.random.seed({n})", n=number),
    line("{x} = Thing({y})", x=name, y=name),
    line("{x} = np.zeros(2)\n{y} = {x}[:1]", x=name, y=name),
    line("{x} = getattr({y}, 'held', {y})", x=name, y=name),
    line("f = lambda v: [v, {x}]", x=name),
    line("{x} = f({y}) if 'f' else 0", x=name, y=name),
    line("{x} = [v for v in [{y}, {n}]]", x=name, y=name, n=number),
    line("{x} = late", x=name),
    line("{x} = ({y}, {z})", x=name, y=name, z=name),
)
LINES = st.one_of(
    FLAT,
    FLAT.map(lambda text: "if k % 2:\n" + "\n".join("    " + one for one in text.split("\n"))),
    FLAT.map(lambda text: "for i in range(2):\n" + "\n".join("    " + o for o in text.split("\n"))),
    line("del {x}\n{x} = {n}", x=name, n=number),
    line("late = {n}", n=number),
)
DEFINITIONS = """
k = 3
late = 0
class Thing:
    def __init__(self, held):
        self.held = held
def push(x, y):
    if isinstance(x, list) and len(x) < 6 and x is not y:
        x.append(y)
    elif isinstance(x, Thing):
        x.held = k
def times(x):
    return x * k
def bump():
    global k
    k = (k + 1) % 7
f = lambda v: v
"""


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(LINES, min_size=1, max_size=4), min_size=2, max_size=4))
def test_a_random_notebook_and_its_pipeline_agree_or_the_pipeline_refuses(groups):
    cells = stages(START + DEFINITIONS, *("\n".join(group) for group in groups))
    try:
        plan, different = compare(cells)
    except ArtifactError:
        return assume(False)  # refused aloud: such a split is made coarser by `verify`
    assert not different, [(stage.name, stage.outputs) for stage in plan.stages]
