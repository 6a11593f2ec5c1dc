"""What runs with a statement, and what it assigns."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..trees import nodes_in
from .changing import Function

PUTTING = {"append", "extend", "insert", "add", "update", "setdefault", "appendleft"}


def assigns(node: ast.stmt) -> list[tuple[str, ast.AST]]:
    """Return what ``node``, or the body of a function, assigns to names.

    An argument is itself: where it comes from is where the call is. Remembered in the node, as
    ``nodes_in`` does.
    """
    known: list[tuple[str, ast.AST]] | None = getattr(node, "_assigned", None)
    if known is None:
        known = _assigns(node)
        node._assigned = known  # type: ignore[attr-defined]
    return known


def _assigns(node: ast.stmt) -> list[tuple[str, ast.AST]]:
    arguments = [one for one in nodes_in(node) if isinstance(one, ast.arg)]
    found: list[tuple[str, ast.AST]] = [(one.arg, one) for one in arguments if inside(node)]
    waiting: list[ast.AST] = inside(node) or [node]
    while waiting:
        one = waiting.pop()
        given: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(one, ast.Assign):
            given = [(target, one.value) for target in one.targets]
        elif isinstance(one, ast.AugAssign):
            given = [(one.target, one.value)]
        elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
            given = _put_into(one.value)
        elif isinstance(one, ast.AnnAssign) and one.value is not None:
            given = [(one.target, one.value)]
        elif isinstance(one, ast.For):
            given = [(one.target, one.iter)]
        elif isinstance(one, ast.withitem) and one.optional_vars is not None:
            given = [(one.optional_vars, one.context_expr)]
        found += [(name, value) for target, value in given for name in names_within(target)]
        if not isinstance(one, Function | ast.Lambda | ast.ClassDef | ast.expr):
            waiting.extend(ast.iter_child_nodes(one))
    return found


def _put_into(call: ast.Call) -> list[tuple[ast.expr, ast.expr]]:
    """Return what ``names.append("a.csv")`` and the like put into what is there."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in PUTTING:
        return []
    values = [*call.args, *(word.value for word in call.keywords)]
    return [(call.func.value, value) for value in values]


def short_of(call: ast.Call) -> str:
    """Return the last name of what is called."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def running(node: ast.AST) -> list[ast.AST]:
    """Return what runs with ``node``: nothing of the functions that it defines.

    Remembered in the node, as ``nodes_in`` does.
    """
    found: list[ast.AST] | None = getattr(node, "_running", None)
    if found is None:
        found = []
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if not isinstance(one, Function):
                found.append(one)
                waiting.extend(ast.iter_child_nodes(one))
        node._running = found  # type: ignore[attr-defined]
    return found


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that run with ``node``."""
    return (one for one in running(node) if isinstance(one, ast.Call))


def inside(body: ast.stmt) -> list[ast.AST]:
    """Return what runs when a function is called, or an instance of a class is made."""
    if isinstance(body, ast.Assign) and isinstance(body.value, ast.Lambda):
        return [body.value.body]
    if isinstance(body, ast.ClassDef):
        made = [one for one in body.body if isinstance(one, Function) and one.name == "__init__"]
        return [part for one in made for part in one.body]
    return list(body.body) if isinstance(body, Function) else []


def names_within(node: ast.AST) -> set[str]:
    """Return the names in ``node``."""
    return {one.id for one in nodes_in(node) if isinstance(one, ast.Name)}
