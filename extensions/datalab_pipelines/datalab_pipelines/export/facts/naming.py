"""What names stand for: the first and last ones of ``a.b.c``, and imported ones."""

from __future__ import annotations

import ast
import builtins

from ..model import CodeCell
from ..trees import nodes_in

BUILTINS = frozenset(dir(builtins))


def root_of(node: ast.AST) -> str:
    """Return the name that ``a.b[c].d`` begins with, or nothing."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def short_name(node: ast.AST) -> str:
    """Return the last name of ``a.b.c``."""
    return node.attr if isinstance(node, ast.Attribute) else root_of(node)


def library_names(code: list[CodeCell]) -> dict[str, str]:
    """Return what imported names stand for: ``np`` → ``numpy``."""
    found: dict[str, str] = {}
    for cell in code:
        for one in cell.statements:
            for node in nodes_in(one.node):
                found |= _imported(node)
    return found


def _imported(node: ast.AST) -> dict[str, str]:
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found: dict[str, str] = {}
    if isinstance(node, ast.Import):
        for alias in node.names:
            short = alias.name.split(".")[0]
            found[alias.asname or short] = alias.name if alias.asname else short
    return found


def dotted(node: ast.AST, resolve: dict[str, str]) -> str:
    """Return ``numpy.random.seed`` for ``np.random.seed``; nothing for what is not imported."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    start = resolve.get(node.id) or (node.id if node.id in BUILTINS else "")
    return ".".join([start, *reversed(parts)]) if start else ""


def imported_as(node: ast.AST, statement: ast.stmt) -> str:
    """Return what ``node`` stands for: a name that ``statement`` imports, or of it ``a.b``."""
    return dotted(node, _imported(statement))
