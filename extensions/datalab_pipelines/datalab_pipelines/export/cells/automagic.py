"""``ls`` and ``cd data`` without a percent sign, which IPython understands in cells of one line."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import keyword
import pkgutil
import re
from collections.abc import Set

from ..model import CodeCell
from ..trees import nodes_in

COMMAND = re.compile(r"\s*([A-Za-z_]\w*)(?:[ \t]+(?![=!]).*)?\s*")


def spelled_out(source: str, bound: Set[str]) -> str:
    """Return a cell of one line with its percent sign, where IPython would read one.

    ``bound`` are the names that cells above have given a value: those are no magics
    (``IPython.core.prefilter``, ``AutoMagicChecker``).
    """
    match = COMMAND.fullmatch(source)
    if not match or "\n" in source.strip():
        return source
    name = match[1]
    if name in bound or "*" in bound or keyword.iskeyword(name) or hasattr(builtins, name):
        return source
    return f"%{source.strip()}" if name in _magics() else source


def bound_in(cell: CodeCell) -> set[str]:
    """Return the names that a cell may give a value; ``*`` where it may be any."""
    found = {"*"} if cell.opaque else set()
    for one in cell.statements:
        for node in nodes_in(one.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return found


@functools.cache
def _magics() -> frozenset[str]:
    """Return the names of IPython's own line magics, and of the commands that it knows."""
    from IPython.core import magics
    from IPython.core.alias import default_aliases
    from IPython.core.magic import Magics

    for one in pkgutil.iter_modules(magics.__path__):
        importlib.import_module(f"{magics.__name__}.{one.name}")
    found = {name for name, _ in default_aliases()}
    for group in Magics.__subclasses__():
        if group.__module__.startswith(magics.__name__):
            found |= group.magics.get("line", {}).keys()
    return frozenset(found)
