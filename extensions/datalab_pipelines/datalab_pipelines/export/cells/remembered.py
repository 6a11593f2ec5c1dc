"""IPython's ``_``, the value that a cell showed last, as a variable of the notebook.

A cell whose value a later one may read keeps it: ``f(x)`` becomes ``last_value = f(x)``. A value
that is None is not shown, and ``_`` stays what it was; where that cannot be excluded, the cells
above keep theirs too. What this does not understand (``Out``, ``__``, ``_`` in a function, or as a
variable of the notebook's own) stays as it is, for IPython to run.
"""

from __future__ import annotations

import ast
import re

from ..model import CodeCell
from ..text import Edit, apply_edits, offsets, span
from .magics import statements_of
from .names import Flow
from .scopes import scope_of

LAST = "_"
WRITTEN = re.compile(r"\b_\b")
Scoped = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.GeneratorExp
Looped = ast.ListComp | ast.SetComp | ast.DictComp
NEW = (
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr, ast.Lambda, ast.ListComp),
    *(ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Compare, ast.UnaryOp, ast.BinOp),
)
SHOWS_NOTHING = {"print", "display", "shell", "exec", "setattr", "delattr"}
VALUES = {
    *("abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate"),
    *("filter", "float", "format", "frozenset", "hash", "hex", "id", "int", "isinstance", "len"),
    *("list", "map", "oct", "ord", "pow", "range", "repr", "reversed", "round", "set", "sorted"),
    *("str", "sum", "tuple", "type", "zip"),
}
# Shown with %, these give a value that is not in the cell's Python any more.
UNSEEN = re.compile(r"^\s*%(pwd|who_ls)\b", re.MULTILINE)


def name_remembered(code: list[CodeCell], sources: dict[int, str]) -> None:
    """Let cells read a variable instead of ``_``, where that is sure to be the same.

    ``sources`` are the cells as they stand in the notebook, by index.
    """
    if any(cell.opaque for cell in code) or not any(WRITTEN.search(cell.code) for cell in code):
        return
    trees = {cell.index: ast.parse(cell.code) for cell in code}
    readers = [at for at, cell in enumerate(code) if _reads(trees[cell.index])]
    if not readers or not all(_understood(tree) for tree in trees.values()):
        return
    if any(UNSEEN.search(sources[cell.index]) for cell in code):
        return
    bodies = {
        node.name: node
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    once = _defined_once(trees)
    known = {name: node for name, node in bodies.items() if name in once}
    keeping: dict[int, bool] = {}  # whether what a cell shows is surely not None
    for reader in readers:
        for at in reversed(range(reader)):
            value = _shown(code[at], trees[code[at].index])
            if value is not None and not _nothing(value, known, once):
                keeping[at] = _never_none(value, known, once, set())
                if keeping[at]:
                    break
    if any(not any(at < reader for at in keeping) for reader in readers):
        return  # no cell has shown anything by then
    used = {n.id for tree in trees.values() for n in ast.walk(tree) if isinstance(n, ast.Name)}
    name, shown = _unused("last_value", used), _unused("shown_value", used)
    for at, cell in enumerate(code):
        tree = trees[cell.index]
        if at in readers:
            tree = _read_instead(cell, tree, name)
        if at in keeping:
            start = "" if keeping[at] or at != min(keeping) else f'{name} = ""\n'
            _keep(cell, tree, name, start, "" if keeping[at] else shown)


def _unused(name: str, used: set[str]) -> str:
    while name in used:
        name += "_2"
    return name


def _reads(tree: ast.Module) -> bool:
    flow = Flow()
    flow.run(tree.body)
    return LAST in flow.exposed


def _understood(tree: ast.Module) -> bool:
    """Say whether every ``_`` of a cell is either read at its top, or a name of an inner scope."""
    flow = Flow()
    flow.run(tree.body)
    if LAST in flow.definite | flow.maybe | flow.deleted:
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Global) and LAST in node.names:
            return False
        if isinstance(node, Scoped) and _has(node) and LAST in scope_of(node).reads:
            return False
        inside = isinstance(node, Looped) and any(_has(one.iter) for one in node.generators)
        if inside and any(_has(one.target) for one in node.generators):  # type: ignore[attr-defined]
            return False
        if isinstance(node, ast.JoinedStr) and _has(node):
            return False  # Python does not tell where in the text it stands
    return True


def _has(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Name) and one.id == LAST for one in ast.walk(node))


def _defined_once(trees: dict[int, ast.Module]) -> set[str]:
    """Return the names that the notebook binds at one place only."""
    count: dict[str, int] = {}
    for tree in trees.values():
        for statement in tree.body:
            flow = Flow()
            flow.statement(statement)
            for name in flow.definite | flow.maybe | flow.deleted:
                count[name] = count.get(name, 0) + 1
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                for name in node.names:
                    count[name] = count.get(name, 0) + 2
    return {name for name, number in count.items() if number == 1}


Bodies = dict[str, ast.FunctionDef | ast.ClassDef]


def _shown(cell: CodeCell, tree: ast.Module) -> ast.expr | None:
    last = tree.body[-1] if tree.body else None
    return last.value if cell.shown and isinstance(last, ast.Expr) else None


def _nothing(value: ast.expr, bodies: Bodies, once: set[str]) -> bool:
    """Say whether a value is surely None."""
    if isinstance(value, ast.Constant):
        return value.value is None
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
        return False
    name = value.func.id
    body = bodies.get(name)
    if isinstance(body, ast.FunctionDef) and not body.decorator_list:
        gives = [ast.Return, ast.Yield, ast.YieldFrom]
        return not any(isinstance(one, tuple(gives)) for one in ast.walk(body))
    return name in SHOWS_NOTHING and name not in once and name not in bodies


def _never_none(value: ast.expr, bodies: Bodies, once: set[str], seen: set[str]) -> bool:
    """Say whether a value is surely not None."""
    if isinstance(value, ast.Constant):
        return value.value is not None
    if isinstance(value, ast.IfExp):
        return all(_never_none(one, bodies, once, seen) for one in (value.body, value.orelse))
    if isinstance(value, ast.BoolOp):
        return all(_never_none(one, bodies, once, seen) for one in value.values)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        name = value.func.id
        body = bodies.get(name)
        if isinstance(body, ast.ClassDef):
            made = {one.name for one in body.body if isinstance(one, ast.FunctionDef)}
            plain = not body.decorator_list and not body.keywords and not body.bases
            return plain and "__new__" not in made
        if isinstance(body, ast.FunctionDef):
            return name not in seen and _gives(body, bodies, once, seen | {name})
        return name in VALUES and name not in once
    return isinstance(value, NEW)


def _gives(function: ast.FunctionDef, bodies: Bodies, once: set[str], seen: set[str]) -> bool:
    """Say whether a function surely gives something: it ends with ``return``, and all are known."""
    if function.decorator_list or not _ends(function.body):
        return False
    local = {one.arg for one in ast.walk(function) if isinstance(one, ast.arg)}
    for one in ast.walk(function):
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            local.add(one.id)
        elif isinstance(one, ast.Import | ast.ImportFrom):
            local |= {alias.asname or alias.name.split(".")[0] for alias in one.names}
        elif isinstance(one, ast.FunctionDef | ast.ClassDef) and one is not function:
            local.add(one.name)
    hidden = {name: body for name, body in bodies.items() if name not in local}
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True  # a generator, whatever it returns
        if isinstance(one, ast.Return) and (
            one.value is None or not _never_none(one.value, hidden, once | local, seen)
        ):
            return False
        if not isinstance(one, Scoped):
            waiting.extend(ast.iter_child_nodes(one))
    return True


def _ends(body: list[ast.stmt]) -> bool:
    """Say whether control never falls off the end of ``body``."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise)


def _read_instead(cell: CodeCell, tree: ast.Module, name: str) -> ast.Module:
    """Let a cell read ``name`` for ``_``; return its tree."""
    where = offsets(cell.code)
    cell.code = apply_edits(cell.code, [Edit(*span(node, where), name) for node in _names(tree)])
    tree = ast.parse(cell.code)
    cell.statements = statements_of(cell.code, tree)
    return tree


def _keep(cell: CodeCell, tree: ast.Module, name: str, start: str, shown: str) -> None:
    """Let a cell keep what it shows in ``name``; where it may be None, by way of ``shown``.

    ``start`` says what holds before: IPython begins with an empty text.
    """
    where = offsets(cell.code)
    first, end = span(tree.body[-1], where)
    text = cell.code[first:end]
    kept = f"{start}{name} = {text}\n{name}"
    if shown:
        kept = f"{start}{shown} = {text}\nif {shown} is not None:\n    {name} = {shown}\n{shown}"
    cell.code = apply_edits(cell.code, [Edit(first, end, kept)])
    cell.statements = statements_of(cell.code, ast.parse(cell.code))


def _names(tree: ast.Module) -> list[ast.Name]:
    """Return the places where a cell's own code reads ``_``."""
    found: list[ast.Name] = []
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Scoped):
            continue
        if isinstance(node, Looped) and any(_has(one.target) for one in node.generators):
            continue  # its own
        if isinstance(node, ast.Name) and node.id == LAST:
            found.append(node)
        waiting.extend(ast.iter_child_nodes(node))
    return found
