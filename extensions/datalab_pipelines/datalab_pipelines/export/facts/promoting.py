"""Parameters: what a cell tagged ``parameters`` assigns, else constants at the top.

A constant that a function reads is no parameter: the function would have to be told. Nor is one
of how figures and tables look, which all stages are told.
"""

from __future__ import annotations

import ast
import re

from ..cells.scopes import scope_of
from ..model import CodeCell, Notebook, Parameter
from ..trees import nodes_in
from . import knowledge
from .changing import Function
from .constants import constant
from .naming import dotted, library_names
from .sharing import bindings

LOOKS_LIKE_A_SETTING = re.compile(
    r"[A-Z][A-Z0-9_]+|\w*(seed|random_state|_size|_path|_dir|_file|filename|_rate|threshold)"
    r"|(n|num|max|min)_\w+|epochs?|alpha|folds|url"
)
SAYS = {"print", "display"}


def parameters_of(notebook: Notebook, code: list[CodeCell]) -> list[Parameter]:
    """Return the notebook's parameters: numbers, texts and booleans that are assigned once."""
    plain = [cell for cell in code if not cell.opaque]
    bound = bindings(plain)
    tagged = {cell.index for cell in notebook.cells if "parameters" in cell.tags}
    if tagged:
        cells = [cell for cell in code if cell.index in tagged]
        found = [one for cell in cells for node in _nodes(cell) if (one := _of(node, cell))]
    else:
        read = _read_by_functions(plain) | _read_by_looks(plain)
        found = [
            one
            for one in _at_the_top(plain)
            if LOOKS_LIKE_A_SETTING.fullmatch(one.name) and one.name not in read
        ]
    return [one for one in found if len(bound[one.name]) == 1 and one.name[0] != "_"]


def _nodes(cell: CodeCell) -> list[ast.stmt]:
    return [one.node for one in cell.statements]


def _of(node: ast.stmt, cell: CodeCell) -> Parameter | None:
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0]
    if not isinstance(target, ast.Name) or not constant(node.value):
        return None
    value = ast.literal_eval(node.value)
    if not isinstance(value, bool | int | float | str):
        return None
    return Parameter(target.id, type(value).__name__, value, cell.index)


def _at_the_top(code: list[CodeCell]) -> list[Parameter]:
    """Return the constants before the notebook does anything."""
    found: list[Parameter] = []
    for cell in code:
        for node in _nodes(cell):
            one = _of(node, cell)
            if one:
                found.append(one)
            elif not _only_prepares(node):
                return found
    return found


def _only_prepares(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass | Function | ast.ClassDef):
        return True
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, ast.Constant):
        return True
    # Settings of libraries (``pd.set_option``) are calls of something imported.
    return isinstance(value, ast.Call) and (
        isinstance(value.func, ast.Attribute)
        or (isinstance(value.func, ast.Name) and value.func.id in SAYS)
    )


def _read_by_looks(code: list[CodeCell]) -> set[str]:
    """Return the names in ``plt.rc("font", size=SIZE)``, ``pd.options.display.width = WIDTH``."""
    found: set[str] = set()
    resolve = library_names(code)
    for cell in code:
        for node in _nodes(cell):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                targets: list[ast.expr] = [node.value.func]
            else:
                targets = node.targets if isinstance(node, ast.Assign) else []
            names = [dotted(one, resolve) for one in targets]
            if any(
                knowledge.SETTING_ROOT.match(one) and knowledge.DISPLAY_ONLY.match(one)
                for one in names
            ):
                found |= {one.id for one in nodes_in(node) if isinstance(one, ast.Name)}
    return found


def _read_by_functions(code: list[CodeCell]) -> set[str]:
    found: set[str] = set()
    waiting: list[ast.AST] = [node for cell in code for node in _nodes(cell)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef | ast.Lambda):
            found |= set(scope_of(node).reads)
            if not isinstance(node, ast.ClassDef):  # as a default, it is read once and kept
                found |= {n.id for n in ast.walk(node.args) if isinstance(n, ast.Name)}
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return found
