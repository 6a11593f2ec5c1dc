"""Whether code only looks at an object, or may change it or hand it on to who does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..trees import nodes_in
from .naming import root_of

LOOKING = {
    *("len", "sum", "min", "max", "sorted", "list", "tuple", "set", "range", "any", "all", "str"),
    *("enumerate", "zip", "isinstance", "print", "dict"),
}
LOOKING_METHODS = {"get", "items", "keys", "values", "index", "count", "copy", "join", "format"}
# Their functions look at the lists they are given, or copy them.
COPYING = {"numpy", "pandas", "matplotlib", "seaborn", "scipy", "math", "statistics", "itertools"}

CHANGING = {"shuffle", "put", "place", "copyto", "putmask", "fill_diagonal", "repeat", "cycle"}


def only_looked_at(function: ast.AST, name: str, bound: dict[str, list[ast.stmt]]) -> bool:
    """Say whether the function neither changes the object of an argument nor hands it on."""
    return not any(
        isinstance(one, ast.Name)
        and one.id == name
        and (isinstance(node, ast.AugAssign) or isinstance(one.ctx, ast.Load))
        and not _looks(node, field, one, bound)
        for node, field, one in places(function)
    )


def never_changed(
    trees: list[ast.stmt], names: set[str], bound: dict[str, list[ast.stmt]]
) -> set[str]:
    """Return those of ``names`` whose object nothing in ``trees`` changes or hands on."""
    found = set(names)
    for tree in trees if names else ():
        for node, field, one in places(tree):
            if (
                isinstance(one, ast.Name)
                and one.id in found
                and (isinstance(node, ast.AugAssign) or isinstance(one.ctx, ast.Load))
                and not isinstance(node, ast.Expr)  # shown at the end of a cell
                and not _looks(node, field, one, bound)
            ):
                found.discard(one.id)
    return found


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """Yield every node in ``tree`` with the one that it is a part of; of keywords, the call."""
    for node in nodes_in(tree):
        for field, child in ast.iter_fields(node):
            for one in child if isinstance(child, list) else [child]:
                if isinstance(one, ast.Starred):  # what is in it is handed on, itself is not
                    yield one, "value", one.value
                elif isinstance(one, ast.keyword):
                    yield node, "args", one.value
                elif isinstance(one, ast.AST) and not isinstance(node, ast.keyword | ast.Starred):
                    yield node, field, one


def _looks(node: ast.AST, field: str, one: ast.AST, bound: dict[str, list[ast.stmt]]) -> bool:
    """Say whether ``node`` only looks at its part ``one``, a list or dictionary of constants."""
    if isinstance(node, ast.Subscript):
        return field == "slice" or isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Call):
        func = node.func
        if isinstance(func, ast.Name):
            looks = func.id in LOOKING and func.id not in bound
            return field == "args" and looks and not _gives_back(node, func.id, one)
        copies = isinstance(func, ast.Attribute) and _of_a_copying_library(func, bound)
        text = isinstance(func, ast.Attribute) and isinstance(func.value, ast.Constant)
        return field == "args" and (copies or text)
    if isinstance(node, ast.Attribute):
        return node.attr in LOOKING_METHODS and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        return field == "test"
    looking = (
        ast.For | ast.comprehension | ast.Compare | ast.BinOp | ast.FormattedValue | ast.Starred
    )
    return isinstance(node, looking)


def _gives_back(call: ast.Call, name: str, one: ast.AST) -> bool:
    """Say whether a call gives ``one`` itself, or what holds it: ``max(a, b)``, ``dict(x=a)``."""
    if name in ("min", "max"):
        return len(call.args) > 1 or not any(given is one for given in call.args)
    return name == "dict" and not any(given is one for given in call.args)


def _of_a_copying_library(func: ast.Attribute, bound: dict[str, list[ast.stmt]]) -> bool:
    if func.attr in CHANGING:
        return False
    makers = bound.get(root_of(func), [])
    return bool(makers) and all(
        (isinstance(one, ast.Import) and {a.name.split(".")[0] for a in one.names} <= COPYING)
        or (isinstance(one, ast.ImportFrom) and (one.module or "").split(".")[0] in COPYING)
        for one in makers
    )


def kept_attributes(trees: list[ast.stmt], bound: dict[str, list[ast.stmt]]) -> frozenset[str]:
    """Return the attributes whose objects somebody may change, or hand on to who does.

    With a dot before it (``.inputs``) one that is read at all: what lies in its object may change.
    """
    found: set[str] = set()
    for tree in trees:
        for node, field, one in places(tree):
            if isinstance(one, ast.Attribute):
                found.add(f".{one.attr}")
                stored = isinstance(node, ast.AugAssign) or not isinstance(one.ctx, ast.Load)
                assigned = not isinstance(one.ctx, ast.Load) and not isinstance(node, ast.AugAssign)
                if not assigned and (stored or not _looks(node, field, one, bound)):
                    found.add(one.attr)
            elif isinstance(one, ast.Constant) and isinstance(one.value, str):
                found |= {one.value, f".{one.value}"}  # ``getattr(x, "name")``
    return frozenset(found)
