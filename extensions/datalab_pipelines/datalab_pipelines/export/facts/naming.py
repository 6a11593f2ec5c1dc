"""What imported names stand for."""

from __future__ import annotations

import ast

from ..model import CodeCell
from ..trees import nodes_in
from .sharing import BUILTINS


def library_names(code: list[CodeCell]) -> dict[str, str]:
    """Return what imported names stand for: ``np`` → ``numpy``."""
    found: dict[str, str] = {}
    for cell in code:
        for one in cell.statements:
            for node in nodes_in(one.node):
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        short = alias.name.split(".")[0]
                        found[alias.asname or short] = alias.name if alias.asname else short
                elif isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
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
