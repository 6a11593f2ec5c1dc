"""Settings that hold for all that follows: repeated in later stages, or kept with them."""

from __future__ import annotations

import ast

from ..cells.names import Flow
from ..model import Analysis, CodeCell, Interval
from ..trees import nodes_in
from . import knowledge
from .filling import filled
from .folders import makes_folder
from .naming import dotted, root_of
from .seeding import seeder

BY_HAND = {
    "a logger is told where to write": ("addHandler", "removeHandler", "addFilter"),
    "a context is entered by hand": ("__enter__", "enter_context"),
    "an array is made read-only": ("setflags",),
}


def note_settings(found: Analysis, cell: CodeCell, resolve: dict[str, str], last: int) -> None:
    """Note a cell\'s settings that can be repeated; keep together what follows the others."""
    shared = {name for name, them in found.definitions.items() if them[0].shared}
    parameters = {one.name for one in found.parameters}
    bound = set(found.definitions) | {n for f in found.facts.values() for n in f.bound}
    for one in cell.statements:
        if makes_folder(one.node):
            flow = Flow()
            flow.statement(one.node)
            if not [n for n in flow.exposed if n in bound and n not in shared]:
                found.settings.setdefault(cell.index, []).append(one)
                continue
        for target, replayable in _setters(one.node):
            name = dotted(target, resolve)
            if isinstance(target, ast.Name) and _sets(found, target.id, resolve):
                name = "matplotlib.rc"  # by a function of the notebook
            imported = root_of(target) in resolve
            context = getattr(target, "ctx", None)
            assigned = isinstance(context, ast.Store | ast.Del)
            said = not assigned and bool(knowledge.NOT_SETTING.match(name))
            known = bool(knowledge.SETTING_ROOT.match(name)) and not said
            helper = not assigned and imported and knowledge.SETTER.search(name.rsplit(".", 1)[-1])
            if not name or not ((imported and assigned) or known or helper):
                continue
            flow = Flow()
            flow.statement(one.node)
            if helper and not known and not replayable:
                continue
            variables = {n for n in flow.exposed if n in bound and n not in shared}
            if replayable and variables and not variables & parameters:
                one.again = filled(found, cell, one, variables, resolve)
            if replayable and (one.again or not variables):
                found.set_from |= variables if one.again else set()
                found.settings.setdefault(cell.index, []).append(one)
            elif not knowledge.DISPLAY_ONLY.match(name):
                why = f"{name} is set to something computed"
                found.intervals.append(Interval(cell.index, last, "setting", why))


def _sets(found: Analysis, name: str, resolve: dict[str, str]) -> bool:
    """Say whether ``name`` is a function of the notebook that changes settings."""
    them = found.definitions.get(name, [])
    if len(them) != 1 or them[0].kind != "function" or not them[0].shared:
        return False
    if seeder(them[0].statement.node, resolve):
        return False
    body = getattr(them[0].statement.node, "body", [])
    return any(
        knowledge.SETTING_ROOT.match(dotted(target, resolve))
        for one in (body if isinstance(body, list) else [])
        for target, _ in _setters(one)
    )


def _first(node: ast.AST) -> list[ast.expr]:
    return node.args[:1] if isinstance(node, ast.Call) else []


def note_patches(found: Analysis, cell: CodeCell, resolve: dict[str, str], last: int) -> None:
    """Keep together what follows ``setattr`` on something imported."""
    for one in cell.statements:
        for node in nodes_in(one.node):
            changes = isinstance(node, ast.Call) and root_of(node.func) in ("setattr", "delattr")
            if changes and any(root_of(target) in resolve for target in _first(node)):
                why = "something imported is changed with setattr"
                found.intervals.append(Interval(cell.index, last, "setting", why))
            method = ""
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                method = node.func.attr
            elif isinstance(node, ast.Attribute) and node.attr == "writeable":
                method = "setflags" if isinstance(node.ctx, ast.Store) else ""
            for why, methods in BY_HAND.items():
                if method in methods:
                    found.intervals.append(Interval(cell.index, last, "setting", why))


def _setters(node: ast.stmt) -> list[tuple[ast.AST, bool]]:
    """Return what a statement calls or sets for its effect, and whether at the top of the cell."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [(node.value.func, True)]
    if isinstance(node, ast.Assign):
        return [(t, True) for t in node.targets if isinstance(t, ast.Attribute | ast.Subscript)]
    found: list[tuple[ast.AST, bool]] = []
    if isinstance(node, ast.If | ast.For | ast.While | ast.Try | ast.AugAssign | ast.Delete):
        for one in nodes_in(node):
            if isinstance(one, ast.Attribute | ast.Subscript) and not isinstance(one.ctx, ast.Load):
                found.append((one, False))
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
                found.append((one.value.func, False))
    return found
