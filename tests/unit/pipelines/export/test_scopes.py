"""Which names a cell reads from before, and which it surely binds."""

import ast

import pytest
from datalab_pipelines.export.cells.names import Flow
from datalab_pipelines.export.cells.scopes import scope_of


def flow(source):
    found = Flow()
    found.run(ast.parse(source).body)
    return found


@pytest.mark.parametrize(
    ("source", "exposed", "definite"),
    [
        ("x = y", "y", "x"),
        ("x += 1", "x", "x"),
        ("if flag:\n    x = 1", "flag", ""),
        ("if flag:\n    x = 1\nelse:\n    x = 2", "flag", "x"),
        ("for i in xs:\n    t = i", "xs", ""),
        ("[i for i in xs]", "xs", ""),
        ("if (n := len(xs)) > 1: pass", "len xs", "n"),
        ("x.append(1)", "x", ""),
        ("x[0] = 1", "x", ""),
        ("del x", "x", ""),
        ("with open(p) as f:\n    d = f.read()", "open p", "f d"),
        ("try:\n    x = f()\nexcept E:\n    y = 1", "f E", ""),
        ("f'{a} {b!r}'", "a b", ""),
        ("def f(a=d):\n    return g", "d", "f"),
        ("df.query('a > @limit')", "df limit", ""),
        ("import a.b, c as d", "", "a d"),
        ("lambda q: q + z", "z", ""),
        ("while x:\n    x = 0", "x", ""),
    ],
)
def test_reads_and_bindings_follow_pythons_scopes(source, exposed, definite):
    found = flow(source)
    assert found.exposed == set(exposed.split())
    assert found.definite == set(definite.split())


def test_a_functions_globals_are_what_it_takes_and_gives():
    found = scope_of(ast.parse("def f(a):\n    global n\n    n = a + b\n    c = 1").body[0])
    assert found.reads == {"n", "b"}
    assert found.writes == {"n"}


def test_a_function_that_changes_its_callers_variable_can_be_looked_at_alone():
    outer = ast.parse(
        "def search(xs):\n    best = LIMIT\n    def visit(x):\n        nonlocal best\n"
        "        best = min(best, weight(x))\n    [visit(x) for x in xs]\n    return best"
    ).body[0]
    assert scope_of(outer.body[1]).reads == {"min", "weight"}
    assert scope_of(outer.body[1]).writes == frozenset()
    assert {"LIMIT", "weight"} <= scope_of(outer).reads
