"""Cells that ask whether two things are one object, ``a is b``, stay with those that make these.

A file gives back equal objects, and not the same ones: two names for one number are two numbers
afterwards. Modules, classes, functions and members of an enumeration are found by their names, and
are the same everywhere. What a function asks is another matter: see ``plans.form``.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator

from ..cells.names import Flow
from ..cells.scopes import scope_of
from ..model import Analysis, CodeCell, Interval
from ..trees import nodes_in
from .changing import Function
from .constants import constant
from .naming import root_of, short_name
from .sharing import reached

NUMBERS = {"nan", "NaN", "NAN", "inf", "Inf", "pi", "e"}  # of a library, and made anew by a file
SHOWING = {"print", "display", "len", "type", "id", "repr", "str", "isinstance", "sum", "round"}
COLLECTING = {"list", "tuple", "set", "dict", "max", "min", "next", "sorted", "reversed", "zip"}
KEEPING = {"append", "add", "insert", "extend", "setdefault", "update", "get", "pop", "replace"}
SMALL = range(-5, 257)  # integers of which Python has one each


def keep_identical_together(found: Analysis, code: list[CodeCell]) -> None:
    """Keep cells together that make objects, and ask whether they are the same.

    Where equal constants of several cells take part, only IPython tells them apart: compiled
    together, as in a stage, they are one object.
    """
    by_name = {name for name in found.definitions if is_by_name(name, found)}
    variables = {name for facts in found.facts.values() for name in facts.bound} - by_name
    above: list[tuple[int, ast.stmt]] = []
    for cell in code:
        for one in cell.statements:
            above.append((cell.index, one.node))
            compared = [_asked_of(node, found) for node in _compares(one.node)]
            asked = set().union(*compared) & variables
            if not asked:
                continue
            taking = _made_by(asked, variables, above, found)
            if _equal_constants(taking, found) and not found.whole:
                why = "it asks whether two equal constants are one object"
                found.whole = f"cell {cell.index + 1}: {why}"
            if taking[-1][0] < cell.index:
                why = f"the one asks whether {_listed(asked)} of the other is the same object"
                found.intervals.append(Interval(taking[-1][0], cell.index, "identity", why))


def still_identical(
    intervals: list[Interval], found: Analysis, told_apart: set[int]
) -> list[Interval]:
    """Return ``intervals`` but for those of cells that only compare objects which are followed.

    Such objects travel as one, so they are the same objects afterwards. ``told_apart`` are the
    comparisons that the follower knows to be of such.
    """
    asking = {
        cell.index
        for cell in found.code
        for one in cell.statements
        for node in _compares(one.node)
        if _asked_of(node, found) and id(node) not in told_apart
    }
    return [one for one in intervals if one.code != "identity" or one.last in asking]


def asks_for_identity(node: ast.AST, found: Analysis) -> bool:
    """Say whether it compares two variables with ``is``."""
    return isinstance(node, ast.Compare) and bool(_asked_of(node, found))


def is_by_name(name: str, found: Analysis) -> bool:
    """Say whether a name stands for what is the same in every process: a function, a module."""
    them = found.definitions.get(name)
    if not them:
        return hasattr(builtins, name)
    if them[0].kind == "constant":
        value = getattr(them[0].statement.node, "value", None)
        return them[0].shared and isinstance(value, ast.Constant) and _only_one(value.value)
    return them[0].shared and name not in NUMBERS


def _only_one(value: object) -> bool:
    """Say whether Python has one object only for a value, wherever it comes from."""
    if isinstance(value, bool | type(...)) or value is None:
        return True
    if isinstance(value, str):
        return len(value) < 2 and value.isascii()
    return isinstance(value, int) and value in SMALL


def _compares(node: ast.AST) -> Iterator[ast.Compare]:
    """Yield the comparisons that run with a statement, those of functions left out."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Compare):
            yield one
        if not isinstance(one, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(one))


def _asked_of(node: ast.Compare, found: Analysis) -> set[str]:
    """Return the names of the objects that are compared for being the same."""
    names: set[str] = set()
    sides = [node.left, *node.comparators]
    for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
        pair = [left, right]
        if all(isinstance(one, ast.Call) and root_of(one.func) == "id" for one in pair):
            pair = [one.args[0] for one in pair if isinstance(one, ast.Call) and one.args]
        elif not isinstance(operator, ast.Is | ast.IsNot):
            continue
        if not any(_same_everywhere(one, found) for one in pair):
            names |= {name for one in pair for name in _names(one)}
    return names


def _same_everywhere(node: ast.expr, found: Analysis) -> bool:
    if isinstance(node, ast.Constant):
        return _only_one(node.value)
    if isinstance(node, ast.Name):
        return is_by_name(node.id, found)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "type"
    if not isinstance(node, ast.Attribute):
        return False
    root = found.definitions.get(root_of(node), [])
    if node.attr == "__class__":
        return True
    if not root or not root[0].shared:
        return False
    made = root[0].statement.node
    if isinstance(made, ast.ClassDef):  # a member of an enumeration
        return any("Enum" in ast.unparse(one) or "Flag" in ast.unparse(one) for one in made.bases)
    return root[0].kind == "import" and node.attr[:1].isupper() and node.attr not in NUMBERS


def _names(node: ast.AST) -> set[str]:
    """Return the variables that are named in code, a function's own left out."""
    if isinstance(node, Function | ast.ClassDef):
        flow = Flow()
        flow.statement(node)  # defaults, decorators
        return flow.exposed | flow.definite | scope_of(node).reads
    return {one.id for one in nodes_in(node) if isinstance(one, ast.Name)}


def _made_by(
    asked: set[str], variables: set[str], above: list[tuple[int, ast.stmt]], found: Analysis
) -> list[tuple[int, ast.stmt]]:
    """Return the statements that made the objects of ``asked``, or kept them; the last first."""
    names = _with_reached(asked, variables, found)
    taking = above[-1:]
    for index, node in reversed(above[:-1]):
        bound = _surely_bound(node)
        mine = _names(node) | bound
        if mine & names and not _only_shows(node):
            taking.append((index, node))
            names = _with_reached((names - bound) | _read(node), variables, found)
    return taking


def _with_reached(names: set[str], variables: set[str], found: Analysis) -> set[str]:
    """Return ``names``, and the variables that functions among them read when they are called."""
    more = {
        other
        for name in names
        for one in found.definitions.get(name, [])
        for other in reached(one, found.definitions)
    }
    return (names | more) & variables


def _surely_bound(node: ast.stmt) -> set[str]:
    """Return the names that are something new after a statement."""
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    plain = (ast.Name, ast.Tuple, ast.List)
    return {
        one.id
        for target in targets
        for one in nodes_in(target)
        if isinstance(target, plain)
        and isinstance(one, ast.Name)
        and isinstance(one.ctx, ast.Store)
    }


def _read(node: ast.stmt) -> set[str]:
    """Return the names in a statement, but for those that an assignment only binds."""
    if not isinstance(node, ast.Assign):
        return _names(node)
    bound = {id(one) for target in node.targets for one in nodes_in(target)}
    kept = {name for target in node.targets for name in _names(target)} - _surely_bound(node)
    return kept | {
        one.id for one in nodes_in(node) if isinstance(one, ast.Name) and id(one) not in bound
    }


def _only_shows(node: ast.stmt) -> bool:
    """Say whether a statement lets no variable hold an object of another one."""
    return isinstance(node, ast.Expr) and not any(
        isinstance(one, ast.NamedExpr)
        or (isinstance(one, ast.Call) and getattr(one.func, "id", "") not in SHOWING)
        for one in nodes_in(node)
    )


def _equal_constants(taking: list[tuple[int, ast.stmt]], found: Analysis) -> bool:
    """Say whether two cells have an equal constant of which there may be two.

    What a library is given, it does not give back.
    """
    cells: dict[str, set[int]] = defaultdict(set)
    waiting: list[tuple[int, ast.AST]] = list(taking)
    while waiting:
        index, one = waiting.pop()
        # A text that is an identifier is one object in all code that Python compiles.
        once = isinstance(one, ast.Constant) and (
            _only_one(one.value) or (isinstance(one.value, str) and one.value.isidentifier())
        )
        plain = isinstance(one, ast.Constant) and not once
        if plain or (isinstance(one, ast.Tuple) and one.elts and constant(one)):
            cells[ast.unparse(one)].add(index)
        if isinstance(one, ast.Call) and not _may_keep(one, found):
            waiting.append((index, one.func))
        else:
            waiting += [(index, child) for child in ast.iter_child_nodes(one)]
    return any(len(them) > 1 for them in cells.values())


def _may_keep(call: ast.Call, found: Analysis) -> bool:
    """Say whether a call may give back, or keep, one of its arguments itself."""
    if isinstance(call.func, ast.Name):
        return call.func.id in found.definitions or call.func.id in COLLECTING
    return short_name(call.func) in KEEPING


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names)[:2])
