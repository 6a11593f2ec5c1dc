"""What keeps a notebook from running top to bottom without anybody there."""

from __future__ import annotations

import ast
import builtins
from itertools import pairwise

from ..cells.stars import is_star
from ..errors import ExportError
from ..model import Analysis, CodeCell, Warn
from ..trees import nodes_in
from .changing import Function

GIVEN = {
    *("display", "get_ipython", "shell", "shell_lines", "capture_output", "show_error", "In", "Out")
}
ASKS = {"input", "getpass", "getpass.getpass"}


def check(found: Analysis) -> None:
    """Warn of cells that are out of order. Raises ``ExportError`` for one that asks a person."""
    plain = [cell for cell in found.code if not cell.opaque]
    bound = {name for facts in found.facts.values() for name in facts.bound}
    asking = _asking(found, bound)
    for cell in plain:
        for one in cell.statements:
            _asks(cell, one.node, bound, asking)
    if not found.whole:
        found.warnings += _unset(found, plain)
    found.warnings += _shuffled(found)


def _asking(found: Analysis, bound: set[str]) -> set[str]:
    """Return the functions that call ``input`` whenever they are called, themselves or others."""
    asking: set[str] = set()
    while True:
        more = {
            name
            for name, them in found.definitions.items()
            for one in them
            if isinstance(one.statement.node, Function)
            and any(_call_that_asks(part, bound, asking) for part in one.statement.node.body)
        }
        if more <= asking:
            return asking
        asking |= more


def _call_that_asks(statement: ast.stmt, bound: set[str], asking: set[str]) -> ast.Call | None:
    """Return the call in an expression or assignment that asks; branches may never run."""
    value = getattr(statement, "value", None)
    simple = isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.Return)
    for part in nodes_in(value) if simple and value is not None else ():
        if isinstance(part, ast.Call):
            called = ast.unparse(part.func)
            unbound = called not in bound or called == "getpass"
            if (called in ASKS and unbound) or called in asking:
                return part
    return None


def _asks(cell: CodeCell, node: ast.stmt, bound: set[str], asking: set[str]) -> None:
    """Refuse a call of ``input`` that runs with the cell; in a function it may never run."""
    called_at = _call_that_asks(node, bound, asking)
    if called_at is not None and ast.unparse(called_at.func) in asking:
        raise ExportError(
            f"{ast.unparse(called_at.func)}() asks a person with input(), and nobody answers in a "
            "pipeline",
            cell=cell.index,
            line=called_at.lineno,
            hint="Give the value a name in a cell tagged `parameters`.",
        )
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(part, ast.Call):
            called = ast.unparse(part.func)
            if called in ASKS and (called not in bound or called == "getpass"):
                raise ExportError(
                    f"{called}() asks a person, and nobody answers in a pipeline",
                    cell=cell.index,
                    line=part.lineno,
                    hint="Give the value a name in a cell tagged `parameters`.",
                )
        waiting.extend(ast.iter_child_nodes(part))


def _unset(found: Analysis, code: list[CodeCell]) -> list[Warn]:
    """Return a warning for every name that is read before any cell above sets it."""
    nodes = [node for cell in code for one in cell.statements for node in nodes_in(one.node)]
    if any(is_star(node) for node in nodes) or any(i.code == "dynamic" for i in found.intervals):
        return []
    by_functions = {n for node in nodes if isinstance(node, ast.Global) for n in node.names}
    known = set(dir(builtins)) | GIVEN | by_functions
    warnings = []
    for cell in code:
        facts = found.facts[cell.index]
        for name in sorted(facts.certain - known):
            if name.startswith("__"):
                continue
            later = [c.index for c in code if name in found.facts[c.index].bound]
            later = [index for index in later if index > cell.index]
            text = f"cell {cell.index + 1} reads {name}, which "
            text += f"cell {later[0] + 1} sets only later" if later else "no cell sets"
            text += ": run the notebook from top to bottom, and correct what fails"
            warnings.append(Warn("order", text, cell.index))
            known.add(name)
        known |= facts.bound
    return warnings


def _shuffled(found: Analysis) -> list[Warn]:
    counts = [(cell.index, cell.count) for cell in found.notebook.cells if cell.count is not None]
    for (_, before), (index, count) in pairwise(counts):
        if count < before:
            text = (
                f"cell {index + 1} was last run before the cell above it; the pipeline runs the "
                "cells from top to bottom: do the same once, and see whether it gives what you want"
            )
            return [Warn("order", text, index)]
    return []
