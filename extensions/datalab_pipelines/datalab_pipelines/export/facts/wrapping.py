"""Decorators of the notebook that keep nothing: they only put a function around another."""

from __future__ import annotations

import ast

from ..trees import nodes_in
from .changing import changed_names
from .constants import constant
from .defaults import sound_defaults
from .naming import short_name


def only_wraps(decorator: ast.expr, node: ast.stmt, bound: dict[str, list[ast.stmt]]) -> bool:
    """Say whether ``decorator`` calls the function ``node``, and that keeps nothing.

    ``@timed`` and ``@repeated(3)``: all that such a function does is to define another and return
    it, which changes nothing but its own variables.
    """
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    if any(isinstance(one, ast.Global | ast.Nonlocal | ast.Yield) for one in nodes_in(node)):
        return False
    if not isinstance(decorator, ast.Call):
        return isinstance(decorator, ast.Name) and _gives_a_function(node, bound) is not None
    given = [*decorator.args, *(word.value for word in decorator.keywords)]
    inner = _gives_a_function(node, bound)
    return (
        inner is not None
        and all(constant(one) for one in given)
        and _gives_a_function(inner, bound) is not None
    )


def _gives_a_function(
    node: ast.FunctionDef, bound: dict[str, list[ast.stmt]]
) -> ast.FunctionDef | None:
    """Return the function that ``node`` defines and returns, where that is all that it does."""
    body = [one for one in node.body if not _says(one)]
    if len(body) != 2 or not sound_defaults(node, bound):
        return None
    inner, gives = body
    if not isinstance(inner, ast.FunctionDef) or not isinstance(gives, ast.Return):
        return None
    returned = isinstance(gives.value, ast.Name) and gives.value.id == inner.name
    plain = all(_copies_the_name(one) for one in inner.decorator_list)
    keeps = bool(changed_names(inner)) or not sound_defaults(inner, bound)
    return inner if returned and plain and not keeps else None


def _says(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _copies_the_name(decorator: ast.expr) -> bool:
    """Say whether it is ``@functools.wraps(function)``."""
    return isinstance(decorator, ast.Call) and short_name(decorator.func) == "wraps"
