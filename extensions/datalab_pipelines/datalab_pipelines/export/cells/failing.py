"""Cells tagged ``raises-exception``: what they do until they fail, and the notebook goes on.

The cell becomes a ``try`` that shows the error. What cannot fail at its beginning stands outside of
it. A cell that is no Python at all only shows that, so nothing is left of it.
"""

from __future__ import annotations

import ast
import sys

from ..model import CodeCell
from ..text import Edit, apply_edits, indent, offsets, span
from .magics import statements_of
from .names import Flow

FAILS = "raises-exception"
HELPER = "show_error"
ENDS = {"exit", "quit", "SystemExit", "KeyboardInterrupt"}  # no ``Exception``


def let_fail(code: list[CodeCell], tagged: set[int]) -> None:
    """Let the cells ``tagged`` fail, by their index, and the ones after them run."""
    failing = [one for one in code if one.index in tagged and not one.opaque]
    if not failing:
        return
    trees = {one.index: ast.parse(one.code) for one in code}
    flow = Flow()
    for tree in trees.values():
        flow.run(tree.body)
    names = flow.definite | flow.maybe
    for cell in failing:
        why = _against(cell, trees[cell.index], names)
        if "_" in flow.exposed:
            why = "what is shown last depends on where it fails"
        if why:
            cell.opaque = f"it is tagged {FAILS}, and {why}"
        else:
            _let_fail(cell, trees[cell.index])


def _against(cell: CodeCell, tree: ast.Module, names: set[str]) -> str:
    """Say why a cell cannot stand in a ``try``, or nothing."""
    taken = {HELPER} | ({"display"} if cell.shown else set())
    if taken & names:
        return f"the notebook has a {min(taken & names)} of its own"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and "*" in {one.name for one in node.names}:
            return "a star import brings names in unseen"
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return "it changes how Python reads the cells below"
        name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
        if name in ENDS:
            return "it may end the notebook"
    return ""


def _let_fail(cell: CodeCell, tree: ast.Module) -> None:
    safe = 0
    while safe < len(tree.body) and _cannot_fail(tree.body[safe]):
        safe += 1
    if safe == len(tree.body):
        return
    while safe and tree.body[safe].lineno <= (tree.body[safe - 1].end_lineno or 0):
        safe -= 1  # ``x = 1; f(x)``
    text, last = cell.code, tree.body[-1]
    if cell.shown and isinstance(last, ast.Expr):
        begin, end = span(last, offsets(text))
        text = apply_edits(text, [Edit(begin, end, f"display({text[begin:end]})")])
        cell.helpers.add("display")
    lines = text.split("\n")
    at = tree.body[safe - 1].end_lineno or 0 if safe else 0
    before, after = "\n".join(lines[:at]), "\n".join(lines[at:])
    cell.code = (
        f"{before}\ntry:\n{indent(after.strip())}\nexcept Exception:\n    {HELPER}()\n"
    ).lstrip("\n")
    cell.helpers.add(HELPER)
    cell.shown = False
    cell.statements = statements_of(cell.code, ast.parse(cell.code))


def _cannot_fail(node: ast.stmt) -> bool:
    """Say whether a statement does nothing that may raise."""
    if isinstance(node, ast.FunctionDef):
        given = node.args
        hints = [one.annotation for one in ast.walk(given) if isinstance(one, ast.arg)]
        plain = not any([*hints, node.returns, node.decorator_list])
        defaults = [one for one in (*given.defaults, *given.kw_defaults) if one is not None]
        return plain and all(isinstance(one, ast.Constant) for one in defaults)
    if isinstance(node, ast.Assign):
        names = all(isinstance(one, ast.Name) for one in node.targets)
        return names and isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Import):
        return all(one.name in sys.stdlib_module_names for one in node.names)
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or text
