"""Walking syntax trees that do not change: each is walked once."""

from __future__ import annotations

import ast
import copy
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
REMEMBERED = ("_parts", "_running", "_acted_on", "_scope", "_assigned", "_changed")


def nodes_in(node: ast.AST) -> list[ast.AST]:
    """Return ``node`` and all that is in it, in the order of ``ast.walk``; remembered in the node.

    Only for trees that nobody changes: an analysis asks for the parts of a statement dozens of
    times, and walking them was most of its time.
    """
    found: list[ast.AST] | None = getattr(node, "_parts", None)
    if found is None:
        found = [node]
        for one in found:  # grows meanwhile
            for name in one._fields:
                value = getattr(one, name, None)
                if isinstance(value, ast.AST):
                    found.append(value)
                elif isinstance(value, list):
                    found += [inner for inner in value if isinstance(inner, ast.AST)]
        node._parts = found  # type: ignore[attr-defined]
    return found


def copied_tree(node: Node) -> Node:
    """Return a copy that may be changed: nothing is remembered in its nodes."""
    copied = copy.deepcopy(node)
    for one in ast.walk(copied):
        for name in REMEMBERED:
            vars(one).pop(name, None)
    return copied


def standing_alone(node: Node) -> Node:
    """Return a function whose ``nonlocal`` names are global, so that it can be looked at alone."""
    if not any(isinstance(one, ast.Nonlocal) for one in nodes_in(node)):
        return node
    copied = copied_tree(node)
    for one in ast.walk(copied):
        for body in (getattr(one, "body", None), getattr(one, "orelse", None)):
            if not isinstance(body, list):
                continue
            for number, inner in enumerate(body):
                if isinstance(inner, ast.Nonlocal):
                    body[number] = ast.copy_location(ast.Global(inner.names), inner)
    return copied
