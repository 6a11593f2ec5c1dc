"""What calls give and change: of libraries, of methods, of the notebook's own functions."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..facts.tensors import made_by_tensors
from ..trees import nodes_in
from . import purity
from .heap import NONE, NOTHING, Objects, Routine, Value

if TYPE_CHECKING:
    from .following import Follower

MOST_SPREAD = 8  # positions that ``*args`` may fill
TENSORS = "tensors"  # the type of what TensorFlow and Keras make
PLAIN_DATA = re.compile(r"\.datasets\.\w+\.load_data$|\.utils\.(to_categorical|get_file)$")
GIVES_PLAIN_DATA = {"predict", "evaluate", "numpy", "get_weights", "count_params", "to_json"}
DEEPEST = 12  # functions inside one another that are walked into


def call(at: Follower, node: ast.Call) -> Value:
    given: list[Value] = []
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            spread = at.of(at.heap.elements(at.value(argument.value).objects))
            given += [spread] * MOST_SPREAD
        else:
            given.append(at.value(argument))
    named = {word.arg or "**": at.value(word.value) for word in node.keywords}
    if "**" in named:
        named["**"] = at.of(at.heap.elements(named["**"].objects))
    everything = NOTHING
    for one in [*given, *named.values()]:
        everything |= one.objects
    if "out" in named:
        at.change(named["out"].objects)
    if any(word.startswith("overwrite_") for word in named) or _without_copy(node):
        at.change(everything)
    for number in everything:
        if at.heap.types.get(number) in purity.GENERATORS:  # whoever gets one draws from it
            at.change_only(frozenset({number}))
    name = at.name_of(node.func)
    at.sites.append(id(node))
    try:
        if name:
            return _library(at, node, name, given, named, everything)
        if isinstance(node.func, ast.Attribute):
            return _method(at, node, node.func, given, named, everything)
        return _own(at, node, at.value(node.func), given, named, everything)
    finally:
        at.sites.pop()


def _without_copy(node: ast.Call) -> bool:
    return any(
        word.arg == "copy" and isinstance(word.value, ast.Constant) and not word.value.value
        for word in node.keywords
    )


def decorated(at: Follower, decorator: ast.expr, called: Value, function: Value) -> Value:
    """Return what a decorator of the notebook makes of a function."""
    node = at.heap.calls.setdefault(id(decorator), ast.Call(decorator, [], []))
    return _own(at, node, called, [function], {}, function.objects)


def _library(
    at: Follower,
    node: ast.Call,
    name: str,
    given: list[Value],
    named: dict[str, Value],
    everything: Objects,
) -> Value:
    root, last = name.split(".")[0], name.rsplit(".", 1)[-1]
    builtin = "." not in name and root not in purity.HARMLESS_ROOTS
    if name in purity.CHANGES_FIRST and given:
        at.change(given[0].objects)
        if name in ("setattr", "heapq.heappush", "bisect.insort"):
            at.heap.hold(given[0].objects, everything - given[0].objects)
    if name == "id":
        at.change_only(everything)
    _callbacks(at, everything)
    if root in purity.DRAWING_ROOTS:
        return at.make(node, "drawing")
    if name in purity.PURE_BUILTINS:
        if name in ("range", "slice"):
            return Value(type="range" if name == "range" else "")
        kind = purity.type_of_call(name)
        return Value(type=kind) if name in purity.SCALARS else at.make(node, kind or "made")
    if name in purity.ELEMENTS:
        held = NOTHING
        for one in given:
            held |= at.heap.elements(one.objects)
        if name in ("max", "min", "next", "random.choice"):
            return at.of(held | (everything if len(given) > 1 else NOTHING))
        lazy = name in ("zip", "map", "filter", "iter", "enumerate", "reversed")
        return at.make(node, purity.type_of_call(name), held | (everything if lazy else NOTHING))
    if root == "timeit":  # what is timed runs
        at.change(everything)
        if last == "timeit":
            return Value(type="float")
    if made_by_tensors(name):
        at.change(everything)
        return at.make(node, "made" if PLAIN_DATA.search(name) else TENSORS, everything)
    if name == "getattr":
        return at.of(everything | at.heap.inside(everything))
    if builtin or root not in (purity.HARMLESS_ROOTS | purity.ESTIMATOR_ROOTS):
        if root == "torch" and last in ("tensor", "from_numpy", "as_tensor", "zeros", "randn"):
            return at.make(node, "", everything)
        at.change(everything)
        return at.make(node, "", everything)
    if name in purity.VIEWS:
        array = any(one.type == purity.ARRAY for one in given)
        return Value(everything, purity.ARRAY if array and last != "diag" else "")
    kind = purity.type_of_call(name)
    if name == "sklearn.model_selection.train_test_split":
        return _split(at, node, given)
    if name == "pandas.concat":
        joined = given[0] if given else named.get("objs", Value())
        frames = any(one.type == purity.FRAME for one in joined.parts or ())
        return at.make(node, purity.FRAME if frames else "made")
    if purity.COPIES.match(name):
        held = NOTHING
        if name in ("copy.deepcopy", "sklearn.base.clone"):
            kind = given[0].type if given else ""
        elif kind in (purity.FRAME, purity.SERIES, purity.ARRAY):
            for one in given:  # the objects in their cells are not copied
                held |= _deep(at, one)
            if kind == purity.SERIES or _of_objects(node):
                held |= at.heap.elements(everything)
            if _without_copy(node):
                made = at.make(node, kind, held)
                at.heap.keep(made.objects, everything)
                return made
        return at.make(node, kind or "made", held)
    return at.make(node, kind, everything)


def _of_objects(node: ast.Call) -> bool:
    return any(
        word.arg == "dtype" and ast.unparse(word.value).strip("'") in ("object", "O")
        for word in node.keywords
    )


def _deep(at: Follower, value: Value) -> Objects:
    """Return the objects that a table made of ``value`` would hold in its cells."""
    found = NOTHING
    for one in at.heap.elements(value.objects):
        if at.heap.types.get(one) in ("list", "dict", "set"):
            found |= at.heap.holds.get(one, NOTHING)
    return found


def _split(at: Follower, node: ast.Call, given: list[Value]) -> Value:
    parts: list[Value] = []
    for number, one in enumerate(given):
        for half in (0, 1):
            place = (id(node), number, half)
            parts.append(at.make(place, one.type or "made"))
    return Value(at.make(node, "made").objects, "list", tuple(parts))


def _callbacks(at: Follower, objects: Objects, held: Objects = NOTHING) -> None:
    """Call, with everything at hand, the notebook's functions that are passed to a call.

    ``held`` are elements of the object whose method is called: ``s.apply(f)``.
    """
    for one in at.heap.inside(objects):
        routine = at.heap.routines.get(one)
        if routine and not isinstance(routine.node, ast.ClassDef):
            others = Value((at.heap.inside(objects) | held) - {one})
            _enter(at, one, routine, [others] * _positional(routine.node), {})


def _positional(node: ast.AST) -> int:
    arguments = getattr(node, "args", None)
    return len(arguments.args) if isinstance(arguments, ast.arguments) else 0


def _method(
    at: Follower,
    node: ast.Call,
    func: ast.Attribute,
    given: list[Value],
    named: dict[str, Value],
    everything: Objects,
) -> Value:
    owner = at.value(func.value)
    method = func.attr
    own = _methods_of(at, owner, method)
    if own:
        result: Value | None = None
        for number, routine in own:
            arguments = [routine.receiver, *given] if routine.receiver else given
            value = _enter(at, number, routine, [one for one in arguments if one], named)
            result = value if result is None else result | value
        return result or Value()
    inplace = any(
        word.arg == "inplace"
        and not (isinstance(word.value, ast.Constant) and word.value.value is False)
        for word in node.keywords
    )
    kind = purity.type_of_method(owner.type, method)
    if inplace:
        at.change_only(owner.objects)
        return NONE
    if method in purity.GROWS:
        at.change_only(owner.objects)
        added = everything
        if method in ("extend", "update", "extendleft"):
            added = at.heap.elements(everything)
        if owner.type not in purity.COPIED:
            at.heap.hold(owner.objects, added - owner.objects)
        return Value(added if method == "setdefault" else NOTHING, "")
    if method in purity.SHRINKS:
        at.change_only(owner.objects)
        return at.of(at.heap.elements(owner.objects))
    kinds = [at.heap.types.get(one, "") for one in owner.objects]
    if TENSORS in kinds and method in GIVES_PLAIN_DATA:
        at.change(owner.objects | everything)
        return at.make(node, "made")
    estimator = bool(kinds) and all(one.split(".")[0] in purity.ESTIMATOR_ROOTS for one in kinds)
    if "drawing" in kinds:
        at.change_only(owner.objects)
        return owner
    user = any(_is_user_object(at, one) for one in owner.objects)
    if estimator and purity.TRAINING.fullmatch(method):
        if method.startswith(("fit", "partial", "set")):
            at.change(owner.objects)
            at.heap.keep(owner.objects, _kept(given, named) - owner.objects)
        if method in ("fit", "partial_fit", "set_params", "set_output"):
            return owner if kind else at.make(node, "", owner.objects)
        return at.make(node, kind or "made")
    if method in purity.PURE_METHODS and not user:
        _callbacks(at, everything, held_by(at, owner))
        if method in ("plot", "hist", "boxplot"):
            return at.make(node, "drawing")
        if not owner.objects:
            return Value(type=kind) if kind in purity.IMMUTABLE else at.make(node, kind or "made")
        if owner.type in purity.COPIED:
            made = at.make(node, kind or "made", held_by(at, owner))
            if method in purity.LOOKS_LATER:  # sees what is changed in place afterwards
                at.heap.keep(made.objects, owner.objects)
            return made
        if method in purity.VIEW_METHODS:
            return Value(owner.objects, kind or owner.type)
        if method in purity.DICT_METHODS:
            held = at.heap.elements(owner.objects)
            single = method == "get"
            return at.of(held | everything) if single else at.make(node, "list", held)
        return at.make(node, kind or "made", held_by(at, owner))
    if owner.type in purity.IMMUTABLE:
        return at.make(node, kind or "made")
    # Anything may happen to the object and to what it is given.
    _callbacks(at, everything)
    at.change(owner.objects | everything)
    at.heap.hold(owner.objects, everything - owner.objects)
    made = at.make(node, kind, owner.objects | everything)
    return Value(made.objects | owner.objects, kind)


def _kept(given: list[Value], named: dict[str, Value]) -> Objects:
    kept = NOTHING
    for one in [*given, *named.values()]:
        if one.type not in purity.COPIED:
            kept |= one.objects
    return kept


def _is_user_object(at: Follower, number: int) -> bool:
    return at.heap.types.get(number, "").startswith("class ")


def _methods_of(at: Follower, owner: Value, method: str) -> list[tuple[int, Routine]]:
    """Return the notebook's own methods that ``owner.method`` may be."""
    found: list[tuple[int, Routine]] = []
    for one in sorted(owner.objects):
        kind = at.heap.types.get(one, "")
        if not kind.startswith("class "):
            continue
        for number, routine in list(at.heap.routines.items()):
            node = routine.node
            if isinstance(node, ast.ClassDef) and node.name == kind[6:]:
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and inner.name == method:
                        found.append((number, Routine(inner, routine.reads, Value(owner.objects))))
    return found


def _own(
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
        if routine is None:
            at.change(everything | called.objects)
            value = at.make(node, "", everything | called.objects)
        elif isinstance(routine.node, ast.ClassDef):
            value = _instance(at, node, one, routine, given, named, everything)
        else:
            value = _enter(at, one, routine, given, named)
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
    made = at.make(node, f"class {definition.name}", everything)
    for one in definition.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            _enter(at, number, Routine(one, routine.reads), [made, *given], named)
    return made


def _captured(at: Follower, routine: Routine) -> Objects:
    """Return the objects that a function, or one that it calls, may know by name."""
    found: set[int] = set()
    seen: set[str] = set()
    waiting = [routine]
    while waiting:
        for name in waiting.pop().reads - seen:
            seen.add(name)
            for one in at.get(name).objects - found:
                found.add(one)
                if one in at.heap.routines:
                    waiting.append(at.heap.routines[one])
    return frozenset(one for one in found if one not in at.heap.routines)


def _enter(
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
        captured = _captured(at, routine)
        at.change(everything | captured)
        return at.make(("again", key), "", everything | captured)
    frame: dict[str, Value] = {}
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
        at.frames.pop()
        at.outer.pop()
        result = at.returned.pop()
    if isinstance(node, ast.AsyncFunctionDef):  # a coroutine, which is not what it gives
        return at.make((key, "coroutine"), "", everything | result.objects)
    return result


def held_by(at: Follower, value: Value) -> Objects:
    """Return what the objects of ``value`` hold."""
    held = NOTHING
    for one in value.objects:
        held |= at.heap.holds.get(one, NOTHING)
    return held
