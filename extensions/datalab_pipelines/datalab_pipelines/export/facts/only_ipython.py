"""Why a notebook can only run through IPython: what a stage has no other means for.

Functions that look at their own variables can be in a stage where its variables are globals.
"""

from __future__ import annotations

import ast
import re

from ...digests import HISTORY
from ..cells.names import Flow
from ..cells.scopes import scope_of
from ..model import Analysis, CodeCell
from ..trees import nodes_in
from .changing import Function
from .knowledge import SETTING_ROOT
from .naming import dotted, library_names

FRAMES = {"locals", "vars", "dir", "breakpoint", "exec"}
OWN_FRAMES = {"locals", "vars", "dir"}  # in a function that is the same everywhere: its own
MAIN_MODULE = {"doctest.testmod", "unittest.main", "unittest.findTestCases"}
REMEMBERED = re.compile(rf"{HISTORY}|In|Out")


def only_ipython(found: Analysis, code: list[CodeCell], bound: dict[str, list[ast.stmt]]) -> str:
    """Return why only IPython can run the notebook, nothing where stages can."""
    begun = False
    own = {
        id(one.statement.node)
        for them in found.definitions.values()
        for one in them
        if one.shared and one.kind in ("function", "class")
    }
    resolve = library_names(code)
    for cell in code:
        for one in cell.statements:
            where = f"cell {cell.index + 1}"
            node = one.node
            read = _reads_of_history(node, set(bound))
            if read:
                return f"{where}: {read} is what IPython remembers"
            for part in nodes_in(node):
                if (
                    isinstance(part, ast.Call)
                    and isinstance(part.func, ast.Name)
                    and part.func.id in FRAMES
                    and part.func.id not in bound
                    and (not part.args or part.func.id == "exec")
                    and not (
                        part.func.id in OWN_FRAMES and (id(node) in own or _own_frame(part, node))
                    )
                ):
                    return f"{where}: {part.func.id}() looks at all variables"
                if isinstance(part, ast.Call) and dotted(part.func, resolve) in MAIN_MODULE:
                    return f"{where}: {ast.unparse(part.func)} runs what the main module defines"
                star = isinstance(part, ast.ImportFrom) and part.names[0].name == "*"
                if star and (begun or part is not node):
                    return f"{where}: a star import brings names in unseen"
            says = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            sets = (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Call)
                and SETTING_ROOT.match(dotted(node.value.func, resolve))
            )
            if not (says or sets or isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)):
                begun = True
    return ""


def _own_frame(call: ast.AST, node: ast.stmt) -> bool:
    """Say whether a call like ``locals()`` in ``node`` looks at a function's variables."""
    scopes: dict[int, bool] = {}
    waiting: list[tuple[ast.AST, bool]] = [(node, False)]
    while waiting:
        one, within = waiting.pop()
        scopes[id(one)] = within
        for child in ast.iter_child_nodes(one):
            body = isinstance(one, Function) and child in one.body
            outside = isinstance(one, ast.ClassDef)
            waiting.append((child, body or (within and not outside)))
    return scopes[id(call)]


def _reads_of_history(node: ast.stmt, bound: set[str]) -> str:
    """Return the first name like ``_`` and ``Out`` that is read, and that no scope has bound."""
    if not any(isinstance(n, ast.Name) and REMEMBERED.fullmatch(n.id) for n in nodes_in(node)):
        return ""
    flow = Flow()
    flow.statement(node)
    read = flow.exposed | scope_of(node).reads
    return next((one for one in sorted(read) if REMEMBERED.fullmatch(one) and one not in bound), "")
