"""Statements of a notebook as text, and titles that fit into a line."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable

from ..model import CodeCell, Definition, Statement
from ..text import offsets, span

UNFINISHED = re.compile(r"([,;:–-]?\s(and|or|of|the|a|an|for|with|in|to|on|by|from))*[,;:]?…$")


def source(cell: CodeCell, one: Statement) -> str:
    """Return the text of a statement."""
    if one.again:
        return one.again
    where = offsets(cell.code)
    return cell.code[start_of(one.node, where) : span(one.node, where)[1]]


def start_of(node: ast.stmt, where: tuple[str, list[int]]) -> int:
    """Return where a statement begins, decorators included; ``where`` is what ``offsets`` gives."""
    decorators = getattr(node, "decorator_list", [])
    start = span(node, where)[0]
    for one in decorators:
        start = min(start, where[0].rindex("@", 0, span(one, where)[0]))
    return start


def shown_value(node: ast.expr, text: str) -> str:
    """Return an expression as an argument: ``a, b`` is one value."""
    alone = isinstance(node, ast.Tuple | ast.NamedExpr | ast.GeneratorExp)
    return f"({text})" if alone else text


def import_of(node: ast.Import | ast.ImportFrom, wanted: Callable[[str], bool]) -> str:
    """Return an import of those of its names that are ``wanted``; nothing where none is."""
    names = [one for one in node.names if wanted(_bound(one))]
    if not names:
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names))
    return ast.unparse(ast.ImportFrom(node.module, names, node.level))


def is_future_or_star(node: ast.stmt) -> bool:
    """Say whether an import can only stand at the top of a module."""
    return isinstance(node, ast.ImportFrom) and (
        node.module == "__future__" or node.names[0].name == "*"
    )


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]


def in_order(said: dict[str, Definition]) -> list[str]:
    """Return names of definitions as they stand, but each after those that it reads at once."""
    found: list[str] = []
    waiting = sorted(said, key=lambda name: _place(said[name]))
    begun: set[str] = set()

    def add(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for one in waiting:
                if one in said[name].early:
                    add(one)
            found.append(name)

    for name in waiting:
        add(name)
    return found


def _place(one: Definition) -> tuple[int, int]:
    return one.cell, one.statement.node.lineno


def plain(text: str) -> str:
    """Return a text that can stand in a docstring."""
    return text.replace("\\", "/").replace('"', "'").strip().rstrip(".")


def short(title: str, width: int = 84) -> str:
    """Return a title that fits into a line."""
    short = textwrap.shorten(title, width, placeholder="…")
    return plain(short if short == title else UNFINISHED.sub("…", short))
