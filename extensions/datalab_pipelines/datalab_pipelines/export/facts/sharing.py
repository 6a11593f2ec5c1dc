"""Which definitions of a notebook mean the same everywhere: they go to ``shared.py``.

An import, an immutable constant, a function or class is *shared* when it is bound once and reads
nothing but builtins and other shared names. A function that reads variables, or that is defined
several times, is *carried*: said again, as it stands by then, in every stage that needs it, where
it sees that stage's variables, as it did in the notebook.
Everything else keeps its cells together.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from ..cells.names import Flow, scope_of
from ..model import CodeCell, Definition
from ..trees import nodes_in
from .soundness import (
    Function,
    changed_roots,
    constant,
    is_type,
    made_of_constants,
    root_of,
    short_name,
    sound,
)

BUILTINS = frozenset(dir(builtins))
CONSUMERS = {
    *("sum", "max", "min", "any", "all", "sorted", "list", "tuple", "set", "dict", "frozenset"),
    *("Counter", "join", "sort", "sort_values", "apply", "applymap", "agg", "transform", "assign"),
    *("array", "fromiter", "mean", "stdev", "len", "print", "nlargest", "nsmallest", "reduce"),
    *("prod", "extend", "update", "quantify", "first"),
}


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
                elif isinstance(target, ast.Name) and constant(node.value):
                    yield Definition(target.id, "constant", cell.index, one)
                elif isinstance(target, ast.Name) and is_type(node.value):
                    used = {n.id for n in nodes_in(node.value) if isinstance(n, ast.Name)}
                    used -= BUILTINS
                    yield Definition(target.id, "constant", cell.index, one, set(used), set(used))
                elif isinstance(target, ast.Name) and made_of_constants(node.value):
                    used = {n.id for n in nodes_in(node.value) if isinstance(n, ast.Name)}
                    used.discard("range")
                    yield Definition(target.id, "constant", cell.index, one, set(used), set(used))


def _with_names(found: Definition) -> Definition:
    flow = Flow()
    flow.statement(found.statement.node)
    found.early = set(flow.exposed)
    node = found.statement.node
    inner = node.value if isinstance(node, ast.Assign) else node
    found.free = set(scope_of(inner).reads) | found.early
    found.free.discard(found.name)
    return found


def divide(
    code: list[CodeCell],
    excluded: set[str],
    evaluated: frozenset[str] = frozenset(),
    *,
    all_apart: bool = False,
) -> dict[str, list[Definition]]:
    """Return the definitions by name, marked as shared, carried, or neither.

    ``excluded`` are names that are parameters, ``evaluated`` those that ``eval`` may read; with
    ``all_apart`` nothing is shared.
    """
    found: dict[str, list[Definition]] = {}
    for one in candidates(code):
        found.setdefault(one.name, []).append(one)
        if "eval" in one.free:
            one.free |= evaluated
    bound = bindings(code)
    changed: set[str] = set()
    for cell in code:
        for statement in cell.statements:
            changed |= changed_roots(statement.node)
            changed |= _looked_into(statement.node)
    changed |= _other_names(code, changed)
    good: set[str] = set()
    for name, them in found.items():
        # A builtin that is bound anew is the builtin until then, so it cannot come from elsewhere.
        own = name not in excluded and not hasattr(builtins, name)
        fit = own and not all_apart and _once(them, bound[name])
        still = name not in changed and not them[0].early & changed
        if fit and (them[0].kind == "import" or (still and sound(them[0], bound))):
            good.add(name)
    while True:
        bad = {
            name
            for name in good
            if any(one in bound and one not in good for one in found[name][0].free)
        }
        if not bad:
            break
        good -= bad
    for name, them in found.items():
        carried = (
            name not in good | excluded | changed
            and (_once(them, bound[name]) or _said_anew(name, them, bound[name]))
            and all(
                (one.kind == "function" or _only_shown(one, code))
                and not one.early & changed
                and sound(one, bound)
                and all(early in good or early not in bound for early in one.early)
                and not _captures(one, good, set(bound))
                for one in them
            )
        )
        for one in them:
            one.shared, one.carried = name in good, carried
    return found


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
    if len(bound) == len(them):  # said again in the same words, it is the same
        return len({_words(one) for one in them}) == 1
    return len(bound) == 1


def _said_anew(name: str, them: list[Definition], bound: list[ast.stmt]) -> bool:
    """Say whether ``name`` is a function everywhere, said anew in other words.

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


def _captures(one: Definition, good: set[str], bound: set[str]) -> bool:
    """Say whether it may give away a function that reads variables."""
    node = one.statement.node
    inside = node.value if isinstance(node, ast.Assign) else node
    consumed = {
        id(given)
        for call in nodes_in(inside)
        if isinstance(call, ast.Call) and short_name(call.func) in CONSUMERS
        for given in [*call.args, *(word.value for word in call.keywords)]
    }
    for part in nodes_in(inside):
        if id(part) in consumed or _is_method(part, inside):
            continue
        nested = isinstance(part, ast.Lambda | Function | ast.ClassDef | ast.GeneratorExp)
        if part is not inside and nested:
            assert isinstance(part, ast.stmt | ast.expr)
            if (set(scope_of(part).reads) & (bound | {"eval"})) - good:
                return True
    return False


def _is_method(part: ast.AST, inside: ast.AST) -> bool:
    return isinstance(inside, ast.ClassDef) and part in inside.body


def _only_shown(one: Definition, code: list[CodeCell]) -> bool:
    """Say whether instances of a class are made to be shown at once, and are never kept.

    Such a class can be said again in every stage: no instance of it goes from one to the next.
    """
    if one.kind != "class":
        return False
    shown = {
        id(said.node.value.func)
        for cell in code
        for said in cell.statements
        if isinstance(said.node, ast.Expr) and isinstance(said.node.value, ast.Call)
    }
    return all(
        id(node) in shown
        for cell in code
        for said in cell.statements
        for node in nodes_in(said.node)
        if isinstance(node, ast.Name) and node.id == one.name
    )
