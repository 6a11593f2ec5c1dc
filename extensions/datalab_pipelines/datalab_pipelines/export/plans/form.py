"""Whether a notebook's stages can be functions with arguments and local variables.

Where code looks at its variables by other means than their names, a stage keeps them as globals of
its module instead, as the notebook did: less pleasant to read, and the same.
"""

from __future__ import annotations

import ast
import builtins

from ..cells.stars import is_star
from ..model import Analysis, Plan
from ..trees import nodes_in

BY_NAME = {"multiprocessing", "concurrent", "pickle", "dill", "joblib", "pathos", "ray", "dask"}
SEES = {"__main__", "inspect", "code", "pdb"}


def reason_against(plan: Plan) -> str:
    """Return why the stages cannot be plain functions, or nothing."""
    analysis = plan.analysis
    if analysis.evaluated or any(one.code == "dynamic" for one in analysis.intervals):
        return "some code may use any variable by its name"
    for cell in analysis.code:
        if any(is_star(one.node) for one in cell.statements):
            return f"cell {cell.index + 1}: what a star import brings is not known here"
    roots = {name.split(".")[0] for name in analysis.imports}
    if roots & SEES:
        return f"it uses {', '.join(sorted(roots & SEES))}"
    for facts in analysis.facts.values():
        if uncovered := sorted(one for one in facts.deleted if hasattr(builtins, one)):
            return f"cell {facts.index + 1}: it deletes {uncovered[0]}, which then is Python's own"
    left = [
        one
        for them in analysis.definitions.values()
        for one in them
        if one.kind in ("function", "class") and not one.shared
    ]
    if roots & BY_NAME and left:
        used = ", ".join(sorted(roots & BY_NAME))
        return f"{used} finds functions by their name, and {left[0].name} reads variables"
    for cell in analysis.code:
        for one in cell.statements:
            if why := _statement(one.node, analysis):
                return f"cell {cell.index + 1}: {why}"
    return ""


def _statement(node: ast.stmt, analysis: Analysis) -> str:
    outside: list[ast.stmt] = [node]
    while outside:
        one = outside.pop()
        if isinstance(one, ast.Global):
            return "it declares a global variable outside of a function"
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            outside.extend(c for c in ast.iter_child_nodes(one) if isinstance(c, ast.stmt))
    for part in nodes_in(node):
        if isinstance(part, ast.Compare) and _asks_for_identity(part, analysis):
            return "it asks whether two names are one object"
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for inner in nodes_in(part):
                if isinstance(inner, ast.Call) and _reads_by_name(inner):
                    return "a function names variables in the text of a query"
    return ""


def _asks_for_identity(node: ast.Compare, analysis: Analysis) -> bool:
    """Say whether two variables are compared with ``is``."""
    if not any(isinstance(one, ast.Is | ast.IsNot) for one in node.ops):
        return False
    sides = [node.left, *node.comparators]
    defined = analysis.definitions
    return all(
        isinstance(one, ast.Name | ast.Subscript)
        and not (isinstance(one, ast.Name) and one.id in defined and defined[one.id][0].shared)
        for one in sides
    )


def _reads_by_name(node: ast.Call) -> bool:
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return method in ("query", "eval") and any(
        isinstance(one, ast.Constant) and "@" in str(one.value) for one in node.args
    )
