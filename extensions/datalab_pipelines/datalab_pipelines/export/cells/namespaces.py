"""``globals()`` where it only says which variables are read: written as these variables.

``globals()["x"]`` is ``x``; ``timeit("f(x)", globals=globals())`` needs ``{"f": f, "x": x}``, and
``"{x}".format(**locals())`` is ``"{x}".format(x=x)``; ``"x" in globals()`` and ``"x" in dir()`` are
known where ``x`` is surely bound above, or nowhere. All of it at the top of a cell only, where
``locals()`` and ``vars()`` are the same, and for names that the notebook binds; everything else
stays as it is.
"""

from __future__ import annotations

import ast
import builtins
import re
import string

from ..model import CodeCell
from ..text import Edit, apply_edits, offsets, span
from .magics import statements_of
from .names import Flow

INNER = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp),
    *(ast.DictComp, ast.GeneratorExp, ast.Try, ast.TryStar),
)
TABLES = ("globals", "locals", "vars")
LOOKS = re.compile(rf"\b({'|'.join(TABLES)}|dir)\(\s*\)")
TIMERS = {"timeit", "repeat", "Timer"}
LOOSE = {*TABLES, "exec", "eval", "__import__", "setattr", "delattr"}
FILLED_IN = re.compile(r"%(?:\((\w+)\))?")
OF_IPYTHON = {"In", "Out", "get_ipython", "exit", "quit", "open"}  # and what begins with ``_``


def name_globals(code: list[CodeCell]) -> None:
    """Replace ``globals()`` and its like in cells where only certain names are read."""
    if not any(LOOKS.search(cell.code) for cell in code):
        return
    trees = {cell.index: ast.parse(cell.code) for cell in code if not cell.opaque}
    flow = Flow()
    for tree in trees.values():
        flow.run(tree.body)
    bound = {one for one in flow.definite | flow.maybe if not hasattr(builtins, one)}
    if (flow.definite | flow.maybe).intersection((*TABLES, "dir")):
        return
    fixed = _fixed(list(trees.values()), flow)
    texts = _texts(code, trees, bound, fixed)
    if any(_loose(ast.parse(text)) for text in texts.values()):  # any name may be set, or deleted
        texts = _texts(code, trees, bound, {})
    for cell in code:
        if cell.index in texts and texts[cell.index] != cell.code:
            cell.code = texts[cell.index]
            cell.statements = statements_of(cell.code, ast.parse(cell.code))


def _texts(
    code: list[CodeCell], trees: dict[int, ast.Module], bound: set[str], fixed: dict[int, str]
) -> dict[int, str]:
    """Return the cells' code with what can be written out, by the cells' index."""
    return {
        cell.index: apply_edits(cell.code, list(_edits(cell, trees[cell.index], bound, fixed)))
        for cell in code
        if cell.index in trees
    }


def _loose(tree: ast.Module) -> bool:
    """Say whether code may bind and delete names that it does not name."""
    return any(
        (isinstance(node, ast.Name) and node.id in LOOSE)
        or (isinstance(node, ast.ImportFrom) and node.names[0].name == "*")
        for node in ast.walk(tree)
    )


def _fixed(trees: list[ast.Module], every: Flow) -> dict[int, str]:
    """Return whether names are variables, for those questions (their nodes) of which it is sure."""
    found: dict[int, str] = {}
    functions = {n for tree in trees for one in ast.walk(tree) for n in _globals_of(one)}
    flow = Flow()
    for statement in (one for tree in trees for one in tree.body):
        for node in ast.walk(statement):
            name = _asked_for(node)
            if name in flow.definite and name not in every.deleted | functions:
                found[id(node)] = "True"
            elif (
                name
                and not name.startswith("_")
                and name not in (every.maybe | functions | OF_IPYTHON)
            ):
                found[id(node)] = "False"
            if id(node) in found and isinstance(getattr(node, "ops", [None])[0], ast.NotIn):
                found[id(node)] = "False" if found[id(node)] == "True" else "True"
        flow.statement(statement)
    return found


def _globals_of(node: ast.AST) -> list[str]:
    return node.names if isinstance(node, ast.Global) else []


def _asked_for(node: ast.AST) -> str:
    """Return the name that ``"x" in globals()`` asks for; nothing for other nodes."""
    if not isinstance(node, ast.Compare) or len(node.ops) > 1:
        return ""
    inside = isinstance(node.ops[0], ast.In | ast.NotIn)
    if not inside or not _is_call_of(node.comparators[0], *TABLES, "dir"):
        return ""
    asked = node.left.value if isinstance(node.left, ast.Constant) else ""
    return asked if isinstance(asked, str) and asked.isidentifier() else ""


def _edits(cell: CodeCell, tree: ast.Module, bound: set[str], fixed: dict[int, str]) -> list[Edit]:
    where = offsets(cell.code)
    found: list[Edit] = []
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, INNER):  # names may be others there, and an error may be expected
            continue
        if isinstance(node, ast.Subscript) and _is_call_of(node.value, *TABLES):
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
        if id(node) in fixed:
            found.append(Edit(*span(node, where), fixed[id(node)]))
            continue
        for given, new in _filled_in(node, bound):
            found.append(Edit(*span(given, where), new))
        if not isinstance(node, ast.JoinedStr):  # Python does not tell where in it something is
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _filled_in(node: ast.AST, bound: set[str]) -> list[tuple[ast.AST, str]]:
    """Return the variables that a text is filled in with, in the place of all of them."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        text = getattr(node.left, "value", None)
        if isinstance(text, str) and _is_call_of(node.right, *TABLES):
            names = FILLED_IN.findall(text.replace("%%", ""))
            if names and set(names) <= bound:
                inner = ", ".join(f'"{one}": {one}' for one in sorted(set(names)))
                return [(node.right, f"{{{inner}}}")]
    if isinstance(node, ast.Call) and _name(node.func) == "format":
        text = getattr(getattr(node.func, "value", None), "value", None)
        every = [one for one in node.keywords if one.arg is None]
        if isinstance(text, str) and len(node.keywords) == 1 and every and not node.args:
            names = _fields(text)
            if _is_call_of(every[0].value, *TABLES) and set(names) <= bound and names:
                return [(every[0], ", ".join(f"{one}={one}" for one in sorted(set(names))))]
    return []


def _fields(text: str) -> list[str]:
    """Return the names that ``format`` fills in; ``""`` among them for what is not understood."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return [""]
    found = []
    for _, name, specification, _ in parts:
        if name is not None:
            found.append(re.split(r"[.\[]", name)[0])
            found += _fields(specification or "")
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
        looks = {*TABLES, "dir", "eval", "exec", "compile", "__import__"}
        for node in ast.walk(tree):
            inner = isinstance(node, ast.Global | ast.Nonlocal | ast.ImportFrom | ast.ClassDef)
            if inner or (isinstance(node, ast.Name) and node.id in looks):
                return []
        # Read anywhere, in a function or a loop that may not run: all of it has to be there.
        names |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    names = {one for one in names if not hasattr(builtins, one)}
    return sorted(names) if names <= bound else []
