"""A class that keeps something stays with what uses it, and its instances; the rest goes on."""

import pytest
from datalab_pipelines.errors import ArtifactError
from exporting import compare, stages

COUNTER = (
    "import copy, types, functools\nclass C:\n    n = 0\n    def __init__(self, k=0):\n"
    "        self.k = k\n        C.n += 1\n    def hit(self):\n        C.n += 1\n"
    "        return C.n\n"
)


def test_cells_below_its_last_use_are_stages():
    plan, different = compare(
        stages(f"{COUNTER}a = C()", "a.hit()\nprint(C.n)", "x = [1]", "x.append(2)\nprint(x)")
    )
    assert not different
    assert [len(one.cells) for one in plan.stages] == [2, 1, 1]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("a = C()", "print(a.hit(), x)"),
        ("d = {i: C(i) for i in range(3)}", "print([one.hit() for one in d.values()], x)"),
        ("m = types.SimpleNamespace(a=C())", "print(m.a.hit(), x)"),
        ("make = functools.partial(C, 1)", "print(make().hit(), x)"),
        ("def make(): return C()", "print(make().hit(), x)"),
        ("h = C().hit", "print(h(), x)"),
        ("kinds = [C]", "print(kinds[0]().hit(), x)"),
        ("a = C()", "print(type(a)().hit(), x)"),
        ("a = C()", "print(eval('a').hit(), x)"),
    ],
)
def test_its_instances_and_what_makes_them_hold_cells_together(first, last):
    plan, different = compare(stages(COUNTER + first, "x = [1]", last))
    assert not different
    assert len(plan.stages) == 1


def test_an_instance_that_was_not_seen_is_refused_by_the_stage_that_gets_it():
    with pytest.raises(ArtifactError, match="the class C"):
        compare(stages(f"{COUNTER}b = copy.deepcopy([C()])", "x = [1]", "print(b[0].hit(), x)"))


def test_an_instance_from_a_function_too_long_to_follow_is_still_one():
    kind = "class P:\n    def get(self):\n        return {}\n"
    long = "xs = [0]\ndef make():\n" + "    xs[0] = xs[0] + 1\n" * 1100 + "    return P()\n"
    plan, different = compare(
        stages(
            kind.format(1) + long + "p = make()",
            kind.format(2) + "q = P()\nprint(p.get(), q.get())",
        )
    )
    assert not different
    assert len(plan.stages) == 1
