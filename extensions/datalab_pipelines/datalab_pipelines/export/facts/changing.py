"""Names whose objects code changes: an attribute or element of theirs is set or deleted."""

from __future__ import annotations

import ast

from ..trees import nodes_in
from .naming import root_of

Function = ast.FunctionDef | ast.AsyncFunctionDef


def changed_roots(tree: ast.AST) -> set[str]:
    """Return names of which an attribute or element is set or deleted somewhere in ``tree``."""
    found = set()
    for node in nodes_in(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found.add(root_of(node))
        if isinstance(node, ast.Call) and root_of(node.func) in ("setattr", "delattr"):
            found |= {root_of(one) for one in node.args[:1]}
    return found


def changed_names(tree: ast.AST) -> set[str]:
    """Return those of ``changed_roots`` that are no function's own names.

    Remembered in the node, as ``nodes_in`` does.
    """
    known: set[str] | None = getattr(tree, "_changed", None)
    if known is None:
        known = _changed_names(tree)
        tree._changed = known  # type: ignore[attr-defined]
    return known


def _changed_names(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        node, own = waiting.pop()
        if isinstance(node, Function | ast.Lambda):
            own |= own_names(node)
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            here: set[str] = set()
            if isinstance(node, ast.Call):
                if root_of(node.func) in ("setattr", "delattr"):
                    here = {root_of(one) for one in node.args[:1]}
            elif not isinstance(node.ctx, ast.Load):
                here = {root_of(node)}
            found |= here - own
        waiting += [(one, own) for one in ast.iter_child_nodes(node)]
    return found


def own_names(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> frozenset[str]:
    """Return the arguments of a function, and what it binds and does not say is global."""
    names = {one.arg for one in nodes_in(function.args) if isinstance(one, ast.arg)}
    given: set[str] = set()
    waiting: list[ast.AST] = list(function.body) if isinstance(function.body, list) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            names.add(one.id)
        elif isinstance(one, ast.Global | ast.Nonlocal):
            given.update(one.names)
        if not isinstance(one, Function | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(one)
    return frozenset(names - given)
