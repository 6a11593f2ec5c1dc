"""Magics that a notebook defines for itself, and that none of its cells uses: left out.

Their functions call ``get_ipython()``, which would make the whole notebook one for IPython alone.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable

from IPython.core.inputtransformer2 import TransformerManager

from ..model import Cell, Warn
from .scopes import strings_in

REGISTER = {"register_cell_magic", "register_line_magic", "register_line_cell_magic"}
AROUND = {"needs_local_scope", "no_var_expand"}


def without_unused_magics(cells: list[Cell], warnings: list[Warn]) -> list[Cell]:
    """Return the code cells less the functions that are magics, and that nothing uses."""
    found = {
        id(node): (cell, node)
        for cell in cells
        if any(word in cell.source for word in REGISTER)
        for node in _magics(cell.source)
    }
    if not found:
        return cells
    rest = {cell.index: cell.source for cell in cells}
    for cell, node in sorted(found.values(), key=lambda one: -one[1].lineno):
        rest[cell.index] = _less(rest[cell.index], node)
    used = _used(rest.values())
    if used is None or any(node.name in used for _, node in found.values()):
        return cells
    for cell, node in found.values():
        said = f"cell {cell.index + 1} defines the magic {node.name}, which no cell uses: left out"
        warnings.append(Warn("magic", said, cell.index, node.lineno))
    return [dataclasses.replace(cell, source=rest[cell.index]) for cell in cells]


def _magics(source: str) -> list[ast.FunctionDef]:
    """Return the functions of a cell that are only defined to be magics."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not (node.args.defaults or node.args.kw_defaults)
        and {ast.unparse(one).rsplit(".", 1)[-1] for one in node.decorator_list} & REGISTER
        and {ast.unparse(one).rsplit(".", 1)[-1] for one in node.decorator_list}
        <= REGISTER | AROUND
    ]


def _less(source: str, node: ast.FunctionDef) -> str:
    """Return a cell without a function, whose lines stay empty."""
    lines = source.split("\n")
    first = min(one.lineno for one in node.decorator_list) - 1
    last = node.end_lineno or node.lineno
    lines[first:last] = [""] * (last - first)
    return "\n".join(lines)


def _used(sources: Iterable[str]) -> set[str] | None:
    """Return every name that a cell reads or that text has; None where a cell cannot be read."""
    words: set[str] = set()
    for source in sources:
        try:
            tree = ast.parse(TransformerManager().transform_cell(source))
        except SyntaxError:
            return None
        words |= {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
        for one in ast.walk(tree):
            if isinstance(one, ast.Call) and "get_ipython" in ast.unparse(one.func):
                for text in strings_in([one]):
                    words |= {word.strip("%") for word in text.split()}
    return words
