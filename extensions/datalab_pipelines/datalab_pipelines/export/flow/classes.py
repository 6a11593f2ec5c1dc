"""What the notebook's own classes do: methods, and what happens when an instance is looked at."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..cells.scopes import scope_of
from ..facts.constants import constant
from ..facts.looking import only_looked_at
from ..facts.naming import BUILTINS, root_of
from ..trees import nodes_in
from . import purity
from .heap import Objects, Routine, Value

if TYPE_CHECKING:
    from .following import Follower

STORING = {
    *("__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__", "__setattr__"),
    *("__setitem__", "__delitem__", "__delattr__", "__setstate__", "__set__"),
}


def methods_of(
    at: Follower, owner: Value, method: str
) -> tuple[list[tuple[int, Routine]], Objects]:
    """Return the notebook's own methods that ``owner.method`` may be, and what has none."""
    found: list[tuple[int, Routine]] = []
    others: set[int] = set()
    for one in sorted(owner.objects):
        kind = at.heap.types.get(one, "")
        before = len(found)
        if kind.startswith("class "):
            for number in sorted(at.classes.get(kind, ())):
                found += [
                    (each, _bound(inner, Value(owner.objects)))
                    for each, inner in methods_within(at, number, at.heap.routines[number], method)
                ]
        elif isinstance(getattr(at.heap.routines.get(one), "node", None), ast.ClassDef):
            found += [
                (each, _bound(inner, None, Value(frozenset({one}))))
                for each, inner in methods_within(at, one, at.heap.routines[one], method)
            ]
        if len(found) == before:
            others.add(one)
    return found, frozenset(others)


def methods_within(
    at: Follower, number: int, routine: Routine, method: str
) -> list[tuple[int, Routine]]:
    """Return the functions that ``method`` of a class may be: its own, else those above it."""
    waiting = [(number, routine)]
    found: list[tuple[int, Routine]] = []
    seen: set[int] = set()
    while waiting:
        at_number, one = waiting.pop()
        if at_number in seen or not isinstance(one.node, ast.ClassDef):
            continue
        seen.add(at_number)
        own = [
            part
            for part in one.node.body
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name == method
        ]
        found += [(at_number, Routine(part, one.reads, nested=one.nested)) for part in own]
        for base in one.node.bases if not own else ():
            if isinstance(base, ast.Name):
                waiting += [
                    (each, at.heap.routines[each])
                    for each in sorted(at.get(base.id).objects)
                    if each in at.heap.routines
                ]
    return found


def _bound(method: Routine, instance: Value | None, kind: Value | None = None) -> Routine:
    """Return a method with its first argument: the instance, the class, or none."""
    decorators = {ast.unparse(one) for one in getattr(method.node, "decorator_list", [])}
    receiver = instance
    if "staticmethod" in decorators:
        receiver = None
    elif "classmethod" in decorators:
        receiver = kind or instance
    return Routine(method.node, method.reads, receiver, method.nested)


def is_instance(at: Follower, number: int) -> bool:
    """Say whether it is an object of a class of the notebook's."""
    return at.heap.types.get(number, "").startswith("class ")


def attribute_of(at: Follower, owner: Value, name: str) -> bool:
    """Say whether ``name`` is a plain attribute of all that ``owner`` may be.

    One that the class's own methods set, or a constant: what it is was noted when they were walked.
    """
    if not owner.objects or owner.objects & at.heap.vague:
        return False
    for one in owner.objects:
        kind = at.heap.types.get(one, "")
        if not kind.startswith("class "):
            return False
        classes = [_lineage(at, number) for number in sorted(at.classes.get(kind, ()))]
        if not classes or not all(_sets_it(at, nodes, name) for nodes in classes):
            return False
    return True


def _lineage(at: Follower, number: int) -> list[ast.ClassDef]:
    """Return a class, and those of the notebook that it derives from."""
    waiting, seen = [number], []
    while waiting:
        routine = at.heap.routines.get(waiting.pop())
        if routine and isinstance(routine.node, ast.ClassDef) and routine.node not in seen:
            seen.append(routine.node)
            names = [base.id for base in routine.node.bases if isinstance(base, ast.Name)]
            waiting += [one for name in names for one in sorted(at.get(name).objects)]
    return seen


def _sets_it(at: Follower, lineage: list[ast.ClassDef], name: str) -> bool:
    asked = (*lineage, name)
    if asked not in at.plain:
        at.plain[asked] = _sets(lineage, name)
    return at.plain[asked]


def _sets(lineage: list[ast.ClassDef], name: str) -> bool:
    """Say whether only methods of classes give them the attribute ``name``, or a constant is it."""
    given = False
    for node in lineage:
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if part.name == name:
                    return False
            elif name in {one.id for one in nodes_in(part) if isinstance(one, ast.Name)}:
                if not isinstance(part, ast.Assign) or not constant(part.value):
                    return False
                given = True
        for one in nodes_in(node):
            if isinstance(one, ast.Assign):
                targets = [t for t in one.targets if isinstance(t, ast.Attribute)]
                own = [t for t in targets if t.attr == name and root_of(t) == "self"]
                given = given or bool(own)
                if own and _hands_on_self(one.value):  # that is not noted as something it holds
                    return False
    return given


def _hands_on_self(value: ast.expr) -> bool:
    looked_into = {id(one.value) for one in nodes_in(value) if isinstance(one, ast.Attribute)}
    return any(
        isinstance(one, ast.Name) and one.id == "self" and id(one) not in looked_into
        for one in nodes_in(value)
    )


def computes(at: Follower, owner: Value, name: str) -> list[tuple[int, Routine]]:
    """Return the properties that ``name`` is, where it is one of all that ``owner`` may be."""
    found, others = methods_of(at, owner, name)
    properties = all(
        any(ast.unparse(d).endswith("property") for d in getattr(one.node, "decorator_list", []))
        for _, one in found
    )
    return found if properties and not others else []


OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or",
    ast.BitXor: "xor", ast.LShift: "lshift", ast.RShift: "rshift",
}  # fmt: skip


def operators_of(
    at: Follower, node: ast.BinOp, left: Value, right: Value
) -> list[tuple[int, Routine, Value, Value]]:
    """Return the methods that an operator calls, with what they get; none if some are unknown."""
    name = OPERATORS[type(node.op)]
    found, others = methods_of(at, left, f"__{name}__")
    turned, unknown = methods_of(at, right, f"__r{name}__")
    if not left.objects:  # a number, say, which leaves it to the other
        return [] if unknown else [(number, one, right, left) for number, one in turned]
    if others or not found:
        return []
    calls = [(number, one, left, right) for number, one in found]
    return calls + [(number, one, right, left) for number, one in turned]


def may_act(node: ast.ClassDef) -> list[Routine]:
    """Return the methods of a class that may change an object which they know by name.

    Python calls some of them by itself, and a library may call any.
    """
    found = []
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            names = _acted_on(method)
            if names:
                found.append(Routine(method, names))
    return found


def _acted_on(function: ast.stmt | ast.expr) -> frozenset[str]:
    """Return the names of the module that a function does more with than to look at them."""
    found: frozenset[str] | None = getattr(function, "_acted_on", None)
    if found is None:
        found = frozenset(
            name
            for name in scope_of(function).reads - BUILTINS
            if not only_looked_at(function, name, {})
        )
        function._acted_on = found  # type: ignore[union-attr]
    return found


def stores(at: Follower, routine: Routine) -> bool:
    """Say whether a function, or one that it calls, sets an attribute of what it is given."""
    waiting, seen = [routine], set()
    while waiting:
        one = waiting.pop()
        if id(one.node) in seen:
            continue
        seen.add(id(one.node))
        for part in nodes_in(one.node):
            attribute = isinstance(part, ast.Attribute) and root_of(part) != "self"
            if attribute and not isinstance(part.ctx, ast.Load):  # type: ignore[attr-defined]
                return True
            if isinstance(part, ast.Name) and part.id in ("setattr", "delattr"):
                return True
        for name in one.reads:
            waiting += [
                at.heap.routines[each]
                for each in at.variables.get(name, Value()).objects
                if each in at.heap.routines
            ]
    return False


def looked_at(at: Follower, value: Value) -> None:
    """Note what may change when instances in ``value``, or their class, are looked at."""
    inside = at.heap.inside(value.objects)
    for kind, methods in at.acting.items():
        if methods and (at.heap.among(inside, kind) or inside & at.classes[kind]):
            for acting in methods:
                at.change_only(_known(at, acting))


def _known(at: Follower, routine: Routine) -> Objects:
    """Return the objects that a method, or a function that it calls, may change by their names."""
    found: set[int] = set()
    seen: set[str] = set()
    waiting = [routine.reads]
    while waiting:
        for name in waiting.pop() - seen:
            seen |= {name}
            for one in at.variables.get(name, Value()).objects:
                inner = at.heap.routines.get(one)
                if inner is None:
                    found.add(one)
                elif not isinstance(inner.node, ast.ClassDef):
                    waiting.append(_acted_on(inner.node))
    return at.heap.inside(frozenset(found))


def changes_when_looked_at(node: ast.ClassDef) -> bool:
    """Say whether a property or a method that Python calls by itself may change something.

    ``__len__`` that counts, ``__getitem__`` that remembers, a property that is computed once.
    """
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name in STORING:
            continue
        if any("cached_property" in ast.unparse(one) for one in method.decorator_list):
            return True
        special = method.name.startswith("__") and method.name.endswith("__")
        if not special and not method.decorator_list:
            continue
        for part in nodes_in(method):
            stores = isinstance(part, ast.Attribute | ast.Subscript)
            if stores and not isinstance(part.ctx, ast.Load):  # type: ignore[attr-defined]
                return True
            called = part.func if isinstance(part, ast.Call) else None
            changes = purity.GROWS | purity.SHRINKS
            if isinstance(called, ast.Attribute) and called.attr in changes:
                return True
    return False
