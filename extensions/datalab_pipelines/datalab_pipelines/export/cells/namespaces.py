"""``globals()`` where it only says which variables are read: written as these variables.

``globals()["x"]`` is ``x``; ``timeit("f(x)", globals=globals())`` needs ``{"f": f, "x": x}``. Both
at the top of a cell only, and for names that the notebook binds; everything else stays as it is.
"""

from __future__ import annotations

import ast
import builtins

from ..model import CodeCell
from ..text import Edit, apply_edits, offsets, span
from .magics import statements_of
from .names import Flow

INNER = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp),
    *(ast.DictComp, ast.GeneratorExp, ast.Try, ast.TryStar),
)
TIMERS = {"timeit", "repeat", "Timer"}


def name_globals(code: list[CodeCell]) -> None:
    """Replace ``globals()`` and ``locals()`` in cells where only certain names are read."""
    trees = {cell.index: ast.parse(cell.code) for cell in code if not cell.opaque}
    flow = Flow()
    for tree in trees.values():
        flow.run(tree.body)
    bound = {one for one in flow.definite | flow.maybe if not hasattr(builtins, one)}
    if {"globals", "locals"} & (flow.definite | flow.maybe):
        return
    for cell in code:
        edits = list(_edits(cell, trees[cell.index], bound)) if cell.index in trees else []
        if edits:
            cell.code = apply_edits(cell.code, edits)
            cell.statements = statements_of(cell.code, ast.parse(cell.code))


def _edits(cell: CodeCell, tree: ast.Module, bound: set[str]) -> list[Edit]:
    where = offsets(cell.code)
    found: list[Edit] = []
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, INNER):  # names may be others there, and an error may be expected
            continue
        if isinstance(node, ast.Subscript) and _is_call_of(node.value, "globals", "locals"):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            if isinstance(node.ctx, ast.Load) and isinstance(key, str) and key in bound:
                found.append(Edit(*span(node, where), key))
                continue
        if isinstance(node, ast.Call) and _name(node.func) in TIMERS:
            for word in node.keywords:
                names = _read_by(node, bound)
                if word.arg == "globals" and names and _is_call_of(word.value, "globals"):
                    inner = ", ".join(f'"{one}": {one}' for one in names)
                    found.append(Edit(*span(word.value, where), f"{{{inner}}}"))
        if not isinstance(node, ast.JoinedStr):  # Python does not tell where in it something is
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_call_of(node: ast.expr, *names: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
        and not node.args
        and not node.keywords
    )


def _read_by(call: ast.Call, bound: set[str]) -> list[str]:
    """Return the variables that the text to be timed reads; none where that is not certain."""
    texts = [*call.args[:2], *(w.value for w in call.keywords if w.arg in ("stmt", "setup"))]
    names: set[str] = set()
    for text in texts:
        if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
            return []
        try:
            tree = ast.parse(text.value)
        except SyntaxError:
            return []
        looks = ("eval", "exec", "globals", "locals", "vars", "dir", "compile", "__import__")
        for node in ast.walk(tree):
            inner = isinstance(node, ast.Global | ast.Nonlocal | ast.ImportFrom | ast.ClassDef)
            if inner or (isinstance(node, ast.Name) and node.id in looks):
                return []
        # Read anywhere, in a function or a loop that may not run: all of it has to be there.
        names |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    names = {one for one in names if not hasattr(builtins, one)}
    return sorted(names) if names <= bound else []
