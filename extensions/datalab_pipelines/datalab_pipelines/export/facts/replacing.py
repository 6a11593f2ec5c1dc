"""Definitions that are replaced before anything uses them: an exercise, then its solution.

What nobody has called or read can be left out. What remains is often defined once, and means the
same in every stage.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..cells.magics import statements_of
from ..cells.names import Flow
from ..cells.scopes import scope_of, strings_in
from ..model import CodeCell, Statement, Warn
from .changing import Function
from .constants import constant
from .statements import names_within

# Whoever looks at variables by other means than their names may see what is replaced.
LOOKS = {"eval", "exec", "globals", "locals", "vars", "dir", "__import__", "get_ipython"}

Place = tuple[CodeCell, Statement]


def leave_out_replaced(code: list[CodeCell]) -> list[Warn]:
    """Take functions and classes out of ``code`` that are defined again before they are used."""
    places = [(cell, one) for cell in code if not cell.opaque for one in cell.statements]
    if any(names_within(one.node) & LOOKS for _, one in places):
        return []
    found = list(_replaced(places))
    gone: dict[int, list[Statement]] = {}
    for cell, one in found:
        gone.setdefault(cell.index, []).append(one)
    for cell in code:
        if cell.index not in gone:
            continue
        lines = cell.code.split("\n")
        for one in sorted(gone[cell.index], key=lambda one: -one.first):
            lines[one.first - 1 : one.last] = []
        cell.code = "\n".join(lines)
        cell.statements = statements_of(cell.code, ast.parse(cell.code))
    return [
        Warn(
            "replaced",
            f"cell {cell.index + 1} defines {_named(one)}, which is defined again before anything "
            "uses it: left out",
            cell.index,
        )
        for cell, one in found
    ]


def _replaced(places: list[Place]) -> Iterator[Place]:
    nodes = [one.node for _, one in places]
    defined: dict[str, int] = {}
    for at, (_, one) in enumerate(places):
        name = _named(one)
        first = defined.get(name)
        flow = Flow()
        flow.statement(one.node)
        if (
            first is not None
            and name not in flow.exposed
            and _on_lines_of_its_own(*places[first])
            and _unused(name, nodes, first, at)
        ):
            yield places[first]
        for bound in flow.definite | flow.maybe | flow.deleted:
            defined.pop(bound, None)
        if name and not getattr(one.node, "decorator_list", None):
            defined[name] = at


def _named(one: Statement) -> str:
    """Return the name of a function or class."""
    return one.node.name if isinstance(one.node, Function | ast.ClassDef) else ""


def _runs(node: ast.stmt) -> bool:
    """Say whether a statement may call a function of the notebook."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
        return False
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return False
    if isinstance(node, Function):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return bool(node.decorator_list) or not all(constant(one) for one in defaults)
    return not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)


def _known(name: str, nodes: list[ast.stmt]) -> bool:
    """Say whether something defined among ``nodes`` reads ``name`` when it is called."""
    return any(
        name in scope_of(node).reads
        for node in nodes
        if name in names_within(node) or name in " ".join(strings_in([node]))
    )


def _unused(name: str, nodes: list[ast.stmt], first: int, last: int) -> bool:
    """Say whether nothing looks at ``name`` from statement ``first`` to ``last``, which sets it."""
    between = nodes[first + 1 : last]
    if any(name in names_within(node) or name in " ".join(strings_in([node])) for node in between):
        return False
    if not any(_runs(node) for node in [*between, nodes[last]]):
        return True
    return not _known(name, nodes[:first] + between)


def _on_lines_of_its_own(cell: CodeCell, one: Statement) -> bool:
    return not any(
        other.node.lineno <= one.last and (other.node.end_lineno or 0) >= one.first
        for other in cell.statements
        if other is not one
    )
