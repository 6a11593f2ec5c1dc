"""Whether a notebook's stages can be functions with arguments and local variables.

Where code looks at its variables by other means than their names, a stage keeps them as globals of
its module instead, as the notebook did: less pleasant to read, and the same.
"""

from __future__ import annotations

import ast
import builtins

from ..cells.scopes import IN_TEXT, strings_in
from ..cells.stars import is_star
from ..facts.identity import asks_for_identity
from ..facts.only_ipython import OWN_FRAMES
from ..model import Analysis
from ..trees import nodes_in

BY_NAME = {"multiprocessing", "concurrent", "pickle", "dill", "joblib", "pathos", "ray", "dask"}
SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
SEES = {"__main__", "inspect", "code", "pdb"}


def reason_against(analysis: Analysis) -> str:
    """Return why the stages cannot be plain functions, or nothing."""
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
    values = _used_as_values(analysis) if roots & BY_NAME else set()
    left = [
        one
        for them in analysis.definitions.values()
        for one in them
        if one.name in values and one.kind in ("function", "class") and not one.shared
    ]
    if left:
        used = ", ".join(sorted(roots & BY_NAME))
        return f"{used} finds functions by their name, and {left[0].name} reads variables"
    shared = {
        id(one.statement.node)
        for them in analysis.definitions.values()
        for one in them
        if one.shared
    }
    for cell in analysis.code:
        for one in cell.statements:
            if id(one.node) not in shared and (name := _looks_at_its_frame(one.node)):
                return f"cell {cell.index + 1}: a function asks for {name}()"
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
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            named: set[str] = set()
            for inner in nodes_in(part):
                if _asks_for_identity(inner, analysis):
                    return "a function asks whether two names are one object"
                if isinstance(inner, ast.Call):
                    named |= _names_by_text(inner)
            if named and named - _own(part):
                return "a function names variables in the text of a query"
    return ""


def _looks_at_its_frame(node: ast.stmt) -> str:
    """Return the function by which code looks at its variables: those of a stage are not its."""
    asked = (
        part.func.id
        for part in nodes_in(node)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and not part.args
    )
    return next((name for name in asked if name in OWN_FRAMES), "")


def _asks_for_identity(node: ast.AST, analysis: Analysis) -> bool:
    """Say whether two variables are compared with ``is``."""
    if not isinstance(node, ast.Compare):
        return False
    defined = analysis.definitions
    plain = all(
        isinstance(one, ast.Name | ast.Subscript)
        and not (isinstance(one, ast.Name) and one.id in defined and defined[one.id][0].shared)
        for one in (node.left, *node.comparators)
    )
    return plain and asks_for_identity(node, analysis)


def _names_by_text(node: ast.Call) -> set[str]:
    """Return the variables that the text of a query names."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if method not in ("query", "eval"):
        return set()
    return {name for text in strings_in(node.args) for name in IN_TEXT.findall(text)}


def _own(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """Return the names that are a function's own, those of functions in it left out."""
    given = function.args
    found = {one.arg for one in [*given.posonlyargs, *given.args, *given.kwonlyargs]}
    found |= {one.arg for one in (given.vararg, given.kwarg) if one}
    waiting: list[ast.AST] = list(function.body) if isinstance(function.body, list) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            found.add(one.id)
        if not isinstance(one, SCOPES):
            waiting += ast.iter_child_nodes(one)
    return found


def _used_as_values(analysis: Analysis) -> set[str]:
    """Return what may end in a file or another process: classes, and functions not only called."""
    found = {
        one.name
        for them in analysis.definitions.values()
        for one in them
        if one.kind == "class" or getattr(one.statement.node, "decorator_list", [])
    }
    for cell in analysis.code:
        for one in cell.statements:
            called = {id(part.func) for part in nodes_in(one.node) if isinstance(part, ast.Call)}
            found |= {
                part.id
                for part in nodes_in(one.node)
                if isinstance(part, ast.Name) and id(part) not in called
            }
    return found
