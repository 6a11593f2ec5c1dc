"""Walking into the functions, methods and classes of the notebook where they are called."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..trees import nodes_in
from .classes import methods_of, methods_within, stores
from .heap import NONE, NOTHING, Objects, Routine, Value

if TYPE_CHECKING:
    from .following import Follower

DEEPEST = 12  # functions inside one another that are walked into


def own(
    at: Follower,
    node: ast.Call,
    called: Value,
    given: list[Value],
    named: dict[str, Value],
    everything: Objects,
) -> Value:
    if not called.objects:
        # Not seen: something that was imported with a star, or made by something unknown.
        known_type = isinstance(node.func, ast.Name) and called.type == "module"
        if not known_type:
            at.change(everything)
        return at.make(node, "", everything)
    result: Value | None = None
    for one in sorted(called.objects):
        routine = at.heap.routines.get(one)
        theirs, _ = methods_of(at, Value(frozenset({one})), "__call__") if not routine else ([], 0)
        if theirs:
            value = Value()
            for number, method in theirs:
                value = value | enter(at, number, method, [at.of(frozenset({one})), *given], named)
        elif routine is None:
            at.change(everything | called.objects)
            value = at.make(node, "", everything | called.objects)
        elif isinstance(routine.node, ast.ClassDef):
            value = _instance(at, node, one, routine, given, named, everything)
        else:
            value = enter(at, one, routine, given, named)
        result = value if result is None else result | value
    return result or Value()


def _instance(
    at: Follower,
    node: ast.Call,
    number: int,
    routine: Routine,
    given: list[Value],
    named: dict[str, Value],
    everything: Objects,
) -> Value:
    definition = routine.node
    assert isinstance(definition, ast.ClassDef)
    held = at.heap.attributes.get(number, NOTHING)
    made = at.make(node, f"class {definition.name}", everything | held)
    deep = at.shallow or len(at.running) >= DEEPEST
    if deep or definition.decorator_list:
        at.heap.vague |= made.objects
    for name in ("__new__", "__init__", "__post_init__"):
        for owner, one in methods_within(at, number, routine, name):
            if id(one.node) in at.running:
                at.heap.vague |= made.objects
            arguments = [] if name == "__post_init__" else given
            enter(at, owner, one, [made, *arguments], named if arguments is given else {})
    return made


def above(
    at: Follower,
    node: ast.Call,
    method: str,
    given: list[Value],
    named: dict[str, Value],
    everything: Objects,
) -> Value:
    """Walk what ``super().method(…)`` may be; a library's does to the object what it likes."""
    receiver = at.receivers[-1] if at.receivers else Value()
    routines = list(at.heap.routines.items())
    bases = {
        base.id
        for _, one in routines
        if isinstance(one.node, ast.ClassDef)
        for base in one.node.bases
        if isinstance(base, ast.Name)
    }
    at.change(receiver.objects | everything)
    result = at.make(node, "", receiver.objects | everything)
    for number, one in routines:
        if isinstance(one.node, ast.ClassDef) and one.node.name in bases:
            for owner, inner in methods_within(at, number, one, method):
                if id(inner.node) not in at.running:
                    result = result | enter(at, owner, inner, [receiver, *given], named)
    return result


def captured(at: Follower, routine: Routine) -> tuple[Objects, list[Routine]]:
    """Return what a function, or one that it calls, may know by name: objects, and functions."""
    found: set[int] = set()
    seen: set[str] = set()
    waiting = [routine]
    while waiting:
        one = waiting.pop()
        for name in one.reads - seen:
            seen.add(name)
            value = at.get(name) if one.nested else at.variables.get(name, Value())
            for each in value.objects - found:
                found.add(each)
                if each in at.heap.routines:
                    waiting.append(at.heap.routines[each])
    routines = [at.heap.routines[one] for one in sorted(found) if one in at.heap.routines]
    return frozenset(one for one in found if one not in at.heap.routines), routines


def _unseen(at: Follower, routine: Routine, everything: Objects) -> Value:
    """Return what a function may give that is not walked into: an instance of what it knows."""
    key = id(routine.node)
    known, routines = captured(at, routine)
    at.change(everything | known)
    if at.shallow and stores(at, routine):  # perhaps in a function or class that it is given
        at.stored |= everything
    made = at.make(("again", key), "", everything | known)
    for one in () if key in at.running else routines:
        if isinstance(one.node, ast.ClassDef):
            instance = at.make(("again", key, id(one.node)), f"class {one.node.name}")
            at.heap.vague |= instance.objects
            at.heap.hold(made.objects, instance.objects)
    return made


def enter(
    at: Follower, number: int, routine: Routine, given: list[Value], named: dict[str, Value]
) -> Value:
    """Walk a function of the notebook with these arguments; return what it may give."""
    node = routine.node
    assert not isinstance(node, ast.ClassDef)
    key = id(node)
    if routine.nested:  # what it remembers is a part of it
        at.change(frozenset({number}))
    everything = NOTHING
    for one in [*given, *named.values()]:
        everything |= one.objects
    if at.shallow or key in at.running or len(at.running) >= DEEPEST:
        return _unseen(at, routine, everything)
    frame: dict[str, Value] = {}
    at.floors.append(0 if routine.nested else len(at.frames))
    arguments = node.args
    names = [one.arg for one in [*arguments.posonlyargs, *arguments.args]]
    defaults = arguments.defaults
    for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
        frame[name] = at.value(default)
    for word, standard in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        frame[word.arg] = at.value(standard) if standard is not None else Value(everything)
    for name in names:
        frame.setdefault(name, Value(everything) if "**" in named else Value())
    frame.update(zip(names, given, strict=False))
    frame.update({name: value for name, value in named.items() if name != "**"})
    if arguments.vararg:
        frame[arguments.vararg.arg] = at.make(arguments.vararg, "tuple", everything)
    if arguments.kwarg:
        frame[arguments.kwarg.arg] = at.make(arguments.kwarg, "dict", everything)
    at.frames.append(frame)
    at.receivers.append(frame[names[0]] if names else Value())
    at.outer.append(set())
    at.returned.append(NONE)
    at.running.append(key)
    try:
        if isinstance(node, ast.Lambda):
            at.returned[-1] = at.value(node.body)
        else:
            at.block(node.body)
            yields = [n for n in nodes_in(node) if isinstance(n, ast.Yield | ast.YieldFrom)]
            for given_out in yields:
                if given_out.value is not None:
                    at.returned[-1] = at.returned[-1] | at.value(given_out.value)
    finally:
        at.running.pop()
        at.receivers.pop()
        at.floors.pop()
        at.frames.pop()
        at.outer.pop()
        result = at.returned.pop()
    if isinstance(node, ast.AsyncFunctionDef):  # a coroutine, which is not what it gives
        return at.make((key, "coroutine"), "", everything | result.objects)
    return result


def callbacks(at: Follower, objects: Objects, held: Objects = NOTHING) -> None:
    """Call, with everything at hand, the notebook's functions that are passed to a call.

    ``held`` are elements of the object whose method is called: ``s.apply(f)``.
    """
    for one in at.heap.inside(objects) & at.heap.routines.keys():
        routine = at.heap.routines[one]
        if not isinstance(routine.node, ast.ClassDef):
            others = Value((at.heap.inside(objects) | held) - {one})
            enter(at, one, routine, [others] * _positional(routine.node), {})


def _positional(node: ast.AST) -> int:
    arguments = getattr(node, "args", None)
    return len(arguments.args) if isinstance(arguments, ast.arguments) else 0


def decorated(at: Follower, decorator: ast.expr, called: Value, function: Value) -> Value:
    """Return what a decorator of the notebook makes of a function."""
    node = at.heap.calls.setdefault(id(decorator), ast.Call(decorator, [], []))
    return own(at, node, called, [function], {}, function.objects)
