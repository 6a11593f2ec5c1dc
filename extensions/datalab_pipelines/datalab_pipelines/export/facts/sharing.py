"""Which definitions of a notebook mean the same everywhere: they go to ``shared.py``.

An import, an immutable constant, a function or class is *shared* when it is bound once and reads
nothing but builtins and other shared names. A function that reads variables, or that is defined
several times, is *carried*: said again, as it stands by then, in every stage that needs it, where
it sees that stage's variables, as it did in the notebook. So is a class: its instances stay in one
stage (see ``flow.tying``).
Everything else keeps its cells together.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from ..cells.names import Flow
from ..cells.scopes import scope_of
from ..model import CodeCell, Definition, Statement
from ..trees import nodes_in
from .changing import Function, changed_names, changed_roots
from .constants import computed, constant, is_type, made_of_constants
from .defaults import flat
from .looking import kept_attributes, never_changed
from .naming import root_of
from .places import is_place
from .repeating import Repeating, early_of
from .soundness import sound


def bindings(code: list[CodeCell]) -> dict[str, list[ast.stmt]]:
    """Return the statements that bind, or delete, each name."""
    found: dict[str, list[ast.stmt]] = {}
    for cell in code:
        for statement in cell.statements:
            flow = Flow()
            flow.statement(statement.node)
            for name in flow.definite | flow.maybe | flow.deleted:
                found.setdefault(name, []).append(statement.node)
            for node in nodes_in(statement.node):
                if isinstance(node, ast.Global):
                    for name in node.names:  # bound by a function: never once only
                        found.setdefault(name, []).extend([statement.node] * 2)
    return found


def candidates(code: list[CodeCell]) -> Iterator[Definition]:
    """Yield every definition at the top of a cell."""
    places: set[str] = set()
    for cell in code:
        for one in cell.statements:
            node = one.node
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.split(".")[0]
                    yield Definition(name, "import", cell.index, one)
            elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
                for alias in node.names:
                    if alias.name != "*":
                        yield Definition(alias.asname or alias.name, "import", cell.index, one)
            elif isinstance(node, Function | ast.ClassDef):
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                yield _with_names(Definition(node.name, kind, cell.index, one))
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name) and isinstance(node.value, ast.Lambda):
                    yield _with_names(Definition(target.id, "function", cell.index, one))
                elif isinstance(target, ast.Name) and is_place(node.value, places):
                    places.add(target.id)
                    yield _constant(target.id, cell, one, set(), "place")
                elif isinstance(target, ast.Name) and is_constant(node.value):
                    yield _constant(target.id, cell, one, set())
                else:
                    yield from _constants(node, cell, one)
            elif isinstance(node, ast.Assign):
                yield from _constants(node, cell, one)


def is_constant(value: ast.expr) -> bool:
    """Say whether it is one that is shared even if no function reads it."""
    return constant(value) or is_type(value) or made_of_constants(value)


def _constants(node: ast.Assign, cell: CodeCell, one: Statement) -> Iterator[Definition]:
    """Yield what is computed of constants, or another name; several names at once."""
    value = node.value
    names = [name for target in node.targets for name in _names(target)]
    several = len(names) > 1 and all(
        isinstance(target, ast.Name) or _spreads(target, value) for target in node.targets
    )
    single = len(names) == 1 and isinstance(node.targets[0], ast.Name)
    other = isinstance(value, ast.Name) or (
        isinstance(value, ast.Attribute) and root_of(value) != "" and "[" not in ast.unparse(value)
    )
    written = single and flat(value)
    plain = written or is_constant(value) or computed(value, lambda one: True)
    if (single or several) and (other or plain):
        for name in names:
            yield _constant(name, cell, one, set(names) - {name})


def _names(target: ast.expr) -> list[str]:
    return [one.id for one in nodes_in(target) if isinstance(one, ast.Name)]


def _spreads(target: ast.expr, value: ast.expr) -> bool:
    """Say whether each name of a tuple gets a constant: ``a, b = 1, 2``."""
    if not isinstance(target, ast.Tuple) or not all(isinstance(t, ast.Name) for t in target.elts):
        return False
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return len(value.value) == len(target.elts)
    return isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)


def _constant(
    name: str, cell: CodeCell, one: Statement, beside: set[str], kind: str = "constant"
) -> Definition:
    value = one.node.value  # type: ignore[attr-defined]
    used = {n.id for n in nodes_in(value) if isinstance(n, ast.Name)}
    return Definition(name, kind, cell.index, one, used, beside)


def _with_names(found: Definition) -> Definition:
    flow = Flow()
    flow.statement(found.statement.node)
    node = found.statement.node
    inner = node.value if isinstance(node, ast.Assign) else node
    found.free = set(scope_of(inner).reads) | flow.exposed
    found.free.discard(found.name)
    found.early = early_of(node).names() & found.free
    return found


def divide(
    code: list[CodeCell],
    excluded: set[str],
    evaluated: frozenset[str] = frozenset(),
    *,
    all_apart: bool = False,
    stored: frozenset[str] = frozenset(),
) -> dict[str, list[Definition]]:
    """Return the definitions by name, marked as shared, carried, or neither.

    ``excluded`` are names that are parameters, ``evaluated`` those that ``eval`` may read,
    ``stored`` functions and classes in which something is stored; with ``all_apart`` nothing is
    shared.
    """
    found: dict[str, list[Definition]] = {}
    for one in _needed(list(candidates(code))):
        found.setdefault(one.name, []).append(one)
        if "eval" in one.free:
            one.free |= evaluated
    bound = bindings(code)
    named: set[str] = set()
    changed: set[str] = set(stored)
    for cell in code:
        for statement in cell.statements:
            named |= changed_roots(statement.node) | _looked_into(statement.node)
            changed |= changed_names(statement.node) | _looked_into(statement.node)
    changed |= _other_names(code, named | changed)
    kept = kept_attributes([one.node for cell in code for one in cell.statements], bound)
    looked_at = never_changed(
        [one.node for cell in code for one in cell.statements],
        {
            name
            for name, them in found.items()
            if flat(getattr(them[0].statement.node, "value", None))
        },
        bound,
    )
    good: set[str] = set()
    for name, them in found.items():
        # A builtin that is bound anew is the builtin until then, so it cannot come from elsewhere.
        own = name not in excluded and not hasattr(builtins, name)
        fit = own and not all_apart and _once(them, bound[name]) and them[0].kind != "place"
        still = name not in changed and not _early_changed(them[0], changed)
        if fit and still and name in looked_at - evaluated:
            good.add(name)
        if fit and (them[0].kind == "import" or (still and sound(them[0], bound, kept))):
            good.add(name)
    while True:
        bad = {
            name
            for name in good
            if any(one in bound and one not in good for one in found[name][0].free)
            or not found[name][0].beside <= good
        }
        if not bad:
            break
        good -= bad
    places = {one.name for them in found.values() for one in them if one.kind == "place"}
    repeating = Repeating(code, bound, good, places, kept)
    for name, them in found.items():
        carried = (
            name not in good | excluded | changed
            and (_once(them, bound[name]) or _said_anew(name, them, bound[name]))
            and any(one.kind != "constant" for one in them)
            and all(not _early_changed(one, changed) and repeating.again(one) for one in them)
        )
        for one in them:
            one.shared, one.carried = name in good, carried
    return found


def _needed(them: list[Definition]) -> list[Definition]:
    """Return definitions less the computed constants and other names that no function reads."""
    read: set[str] = set()
    while True:
        more = {
            name
            for one in them
            if one.kind in ("function", "class") or {one.name, *one.beside} & read
            for name in one.free
        }
        if more <= read:
            break
        read |= more
    return [
        one
        for one in them
        if one.kind != "constant"
        or (not one.beside and is_constant(one.statement.node.value))  # type: ignore[attr-defined]
        or {one.name, *one.beside} & read
    ]


def _early_changed(one: Definition, changed: set[str]) -> bool:
    """Say whether something is changed of which a definition reads more than which object it is."""
    return bool(early_of(one.statement.node).computed & changed)


def said_before(cell: int, them: list[Definition]) -> Definition | None:
    """Return the definition, of those of one name, that holds when ``cell`` begins."""
    return next((one for one in reversed(them) if one.cell < cell), None)


def reached(one: Definition, definitions: dict[str, list[Definition]]) -> set[str]:
    """Return every name that a definition reads, itself or through others."""
    found: set[str] = set()
    waiting = [one]
    while waiting:
        for name in waiting.pop().free:
            if name not in found:
                found.add(name)
                waiting += definitions.get(name, [])
    return found


def _looked_into(tree: ast.AST) -> set[str]:
    """Return functions whose memory is asked for, or cleared, or that learn of further types."""
    asking = ("cache_info", "cache_clear", "register")
    return {
        root_of(node)
        for node in nodes_in(tree)
        if isinstance(node, ast.Attribute) and node.attr in asking
    }


def _other_names(code: list[CodeCell], changed: set[str]) -> set[str]:
    """Return names whose object is changed through another name: ``d = C``, ``d.x = 1``."""
    return {
        node.value.id
        for cell in code
        for one in cell.statements
        for node in nodes_in(one.node)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and any(root_of(target) in changed for target in node.targets)
    }


def _once(them: list[Definition], bound: list[ast.stmt]) -> bool:
    if len(bound) == len(them) == 1:
        return True
    if len(bound) == len(them):  # said again in the same words, it is the same
        again = any(one.kind == "class" for one in them)
        return not again and len({_words(one) for one in them}) == 1  # but a class is another one
    return len(bound) == 1


def _said_anew(name: str, them: list[Definition], bound: list[ast.stmt]) -> bool:
    """Say whether ``name`` is a definition everywhere, said anew in other words.

    A builtin of that name is what holds before, so it would have to be carried as well.
    """
    return len(bound) == len(them) and not hasattr(builtins, name)


def _words(one: Definition) -> str:
    """Return what a definition says; of an import, the part that binds its name."""
    node = one.statement.node
    if isinstance(node, ast.Import):
        bound = {alias.name for alias in node.names if alias.asname == one.name}
        return f"import {bound.pop() if bound else one.name}"
    if isinstance(node, ast.ImportFrom):
        names = [alias.name for alias in node.names if (alias.asname or alias.name) == one.name]
        return f"from {'.' * node.level}{node.module or ''} import {names}"
    return ast.dump(node)
