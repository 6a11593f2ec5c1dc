"""What expressions give and change: the part of following a notebook that knows about calls."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import purity
from .heap import NONE, NOTHING, Objects, Routine, Value

if TYPE_CHECKING:
    from .following import Follower


def evaluate(at: Follower, node: ast.expr) -> Value:
    """Return what ``node`` may give; ``at`` notes what it may change."""
    at.step()
    method = _KINDS.get(type(node))
    if method:
        return method(at, node)
    inner = NOTHING
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            inner |= evaluate(at, child).objects
    return at.make(node, "", inner) if inner else Value()


def _constant(at: Follower, node: ast.Constant) -> Value:
    return Value(type=type(node.value).__name__ if node.value is not None else "None")


def _text(at: Follower, node: ast.JoinedStr) -> Value:
    for child in ast.walk(node):
        if isinstance(child, ast.FormattedValue):
            evaluate(at, child.value)
    return Value(type="str")


def _name(at: Follower, node: ast.Name) -> Value:
    return at.get(node.id)


def _display(at: Follower, node: ast.List | ast.Tuple | ast.Set) -> Value:
    parts = []
    held = NOTHING
    for one in node.elts:
        if isinstance(one, ast.Starred):
            inner = at.heap.elements(evaluate(at, one.value).objects)
            parts.append(Value(inner))
        else:
            parts.append(evaluate(at, one))
        held |= parts[-1].objects
    kind = type(node).__name__.lower()
    if kind == "tuple" and not held:
        return Value(type="tuple", parts=tuple(parts))
    made = at.make(node, kind, held)
    starred = any(isinstance(one, ast.Starred) for one in node.elts)
    return Value(made.objects, kind, None if starred else tuple(parts))


def _dict(at: Follower, node: ast.Dict) -> Value:
    held = NOTHING
    for key, one in zip(node.keys, node.values, strict=True):
        if key is not None:
            held |= evaluate(at, key).objects
            held |= evaluate(at, one).objects
        else:
            held |= at.heap.elements(evaluate(at, one).objects)
    return at.make(node, "dict", held)


def _comprehension(
    at: Follower, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
) -> Value:
    at.frames.append({})
    at.outer.append(set())
    for one in node.generators:
        over = evaluate(at, one.iter)
        at.assign(one.target, at._turn(one.iter, over))
        for test in one.ifs:
            evaluate(at, test)
    if isinstance(node, ast.DictComp):
        held = evaluate(at, node.key).objects | evaluate(at, node.value).objects
        kind = "dict"
    else:
        held = evaluate(at, node.elt).objects
        kind = {ast.ListComp: "list", ast.SetComp: "set"}.get(type(node), "")
    at.frames.pop()
    at.outer.pop()
    return at.make(node, kind, held)


def _lambda(at: Follower, node: ast.Lambda) -> Value:
    return at._routine(node)


def _if_else(at: Follower, node: ast.IfExp) -> Value:
    evaluate(at, node.test)
    return evaluate(at, node.body) | evaluate(at, node.orelse)


def _either(at: Follower, node: ast.BoolOp) -> Value:
    values = [evaluate(at, one) for one in node.values]
    found = values[0]
    for one in values[1:]:
        found = found | one
    return found


def _compare(at: Follower, node: ast.Compare) -> Value:
    given = [evaluate(at, one) for one in [node.left, *node.comparators]]
    if any(isinstance(one, ast.Is | ast.IsNot) for one in node.ops):
        for one in given:  # whether two names are one object counts from here on
            at.change_only(one.objects)
    if any(isinstance(one, ast.Is | ast.IsNot | ast.In | ast.NotIn) for one in node.ops):
        return Value(type="bool")
    if any(one.type == purity.SERIES for one in given):
        return at.make(node, purity.SERIES)
    if any(one.type == purity.FRAME for one in given):
        return at.make(node, purity.FRAME)
    if all(one.type in purity.IMMUTABLE for one in given):
        return Value(type="bool")
    return at.make(node, "made") if any(one.objects for one in given) else Value()


def _operation(at: Follower, node: ast.BinOp) -> Value:
    left, right = evaluate(at, node.left), evaluate(at, node.right)
    for kind in (purity.FRAME, purity.SERIES, purity.ARRAY):
        if kind in (left.type, right.type):
            product = isinstance(node.op, ast.MatMult)  # of two vectors a number
            return at.make(node, "made" if product else kind)
    if left.type in purity.IMMUTABLE and right.type in purity.IMMUTABLE:
        kinds = {left.type, right.type}
        if isinstance(node.op, ast.Div) and kinds <= {"int", "float"}:
            return Value(type="float")
        if kinds <= {"int", "float"}:
            return Value(type="float" if "float" in kinds else "int")
        return Value(type="str" if "str" in kinds else "")
    held = at.heap.elements(left.objects) | at.heap.elements(right.objects)
    kind = left.type if left.type == right.type and left.type in ("list", "tuple") else "made"
    if left.type == "list" or right.type == "list":
        kind = "list"
    elif not left.objects and not right.objects:
        return Value()
    elif kind == "made":
        held = NOTHING if not _holders(at, left.objects | right.objects) else held
    return at.make(node, kind, held)


def _holders(at: Follower, objects: Objects) -> bool:
    return any(at.heap.holds.get(one) for one in objects)


def _unary(at: Follower, node: ast.UnaryOp) -> Value:
    inner = evaluate(at, node.operand)
    if isinstance(node.op, ast.Not):
        return Value(type="bool")
    if not inner.objects:
        return Value(type=inner.type)
    return at.make(node, inner.type or "made")


def _walrus(at: Follower, node: ast.NamedExpr) -> Value:
    value = evaluate(at, node.value)
    kept = at.frames[:]
    at.bind(node.target.id, value)
    at.frames[:] = kept
    return value


def _attribute(at: Follower, node: ast.Attribute) -> Value:
    if at.name_of(node):
        return Value()
    owner = evaluate(at, node.value)
    if owner.type in purity.COPIED:
        if node.attr in ("T", "columns", "index", "values", "shape", "dtypes", "str", "dt", "size"):
            kind = {"T": owner.type, "values": purity.ARRAY, "shape": "tuple", "size": "int"}
            made = at.make(node, kind.get(node.attr, "made"))
            if node.attr == "values":  # sees what is changed in place afterwards
                at.heap.keep(made.objects, owner.objects)
            return made
        if node.attr in ("loc", "iloc", "at", "iat", "plot"):
            return owner
        return at.make(node, purity.SERIES if owner.type == purity.FRAME else "made")
    if owner.type == purity.ARRAY and node.attr in ("shape", "size", "ndim", "dtype", "nbytes"):
        return Value(type={"size": "int", "ndim": "int", "shape": "tuple"}.get(node.attr, ""))
    if owner.type == purity.ARRAY:
        return Value(owner.objects, purity.ARRAY)
    if not owner.objects:
        return Value()
    if owner.type == "drawing":
        return owner
    return at.of(owner.objects | at.heap.inside(owner.objects))


def _subscript(at: Follower, node: ast.Subscript) -> Value:
    if at.name_of(node):
        evaluate(at, node.slice)
        return Value()
    owner = evaluate(at, node.value)
    evaluate(at, node.slice)
    if owner.type == purity.FRAME:
        located = isinstance(node.value, ast.Attribute) and node.value.attr in ("loc", "iloc", "at")
        if located:
            return at.make(node, "made")
        text = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        return at.make(node, purity.SERIES if text else purity.FRAME, _held(at, owner))
    if owner.type == purity.SERIES:
        return at.make(node, "made", _held(at, owner))
    if owner.type == purity.ARRAY:
        return Value(owner.objects | _held(at, owner), purity.ARRAY if _slices(node) else "")
    if owner.type in ("str", "bytes"):
        return Value(type=owner.type)
    if owner.type == "list" and isinstance(node.slice, ast.Slice):
        return at.make(node, "list", _held(at, owner))
    if owner.parts and isinstance(node.slice, ast.Constant):
        try:
            return owner.parts[node.slice.value]  # type: ignore[index]
        except (IndexError, TypeError):
            return Value(_held(at, owner))
    return at.of(at.heap.elements(owner.objects))


def _slices(node: ast.Subscript) -> bool:
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return any(isinstance(one, ast.Slice) for one in inner)


def _held(at: Follower, value: Value) -> Objects:
    held = NOTHING
    for one in value.objects:
        held |= at.heap.holds.get(one, NOTHING)
    return held


# -- calls ------------------------------------------------------------------------------------


def _call(at: Follower, node: ast.Call) -> Value:
    given = [evaluate(at, one.value if isinstance(one, ast.Starred) else one) for one in node.args]
    named = {word.arg or "**": evaluate(at, word.value) for word in node.keywords}
    everything = NOTHING
    for one in [*given, *named.values()]:
        everything |= one.objects
    if "out" in named:
        at.change(named["out"].objects)
    name = at.name_of(node.func)
    at.sites.append(id(node))
    try:
        if name:
            return _library(at, node, name, given, named, everything)
        if isinstance(node.func, ast.Attribute):
            return _method(at, node, node.func, given, named, everything)
        return _own(at, node, evaluate(at, node.func), given, named, everything)
    finally:
        at.sites.pop()


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
        frames = any(one.type == purity.FRAME for one in (given[0].parts or ()) if given)
        return at.make(node, purity.FRAME if frames else "made")
    if purity.COPIES.match(name):
        held = NOTHING
        if name in ("copy.deepcopy", "sklearn.base.clone"):
            kind = given[0].type if given else ""
        elif kind in (purity.FRAME, purity.SERIES, purity.ARRAY):
            for one in given:  # the objects in their cells are not copied
                held |= _deep(at, one)
        return at.make(node, kind or "made", held)
    return at.make(node, kind, everything)


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


def _callbacks(at: Follower, objects: Objects) -> None:
    """Call, with everything at hand, the notebook's functions that are passed to a call."""
    for one in at.heap.inside(objects):
        routine = at.heap.routines.get(one)
        if routine and not isinstance(routine.node, ast.ClassDef):
            others = Value(at.heap.inside(objects) - {one})
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
    owner = evaluate(at, func.value)
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
        _callbacks(at, everything)
        if method in ("plot", "hist", "boxplot"):
            return at.make(node, "drawing")
        if not owner.objects:
            return Value(type=kind) if kind in purity.IMMUTABLE else at.make(node, kind or "made")
        if owner.type in purity.COPIED:
            made = at.make(node, kind or "made", _held(at, owner))
            if method == "to_numpy":  # sees what is changed in place afterwards
                at.heap.keep(made.objects, owner.objects)
            return made
        if method in purity.VIEW_METHODS:
            return Value(owner.objects, kind or owner.type)
        if method in purity.DICT_METHODS:
            held = at.heap.elements(owner.objects)
            single = method == "get"
            return at.of(held | everything) if single else at.make(node, "list", held)
        return at.make(node, kind or "made", _held(at, owner))
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
    from .following import DEEPEST

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
        frame[name] = evaluate(at, default)
    for word, standard in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        frame[word.arg] = evaluate(at, standard) if standard is not None else Value(everything)
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
            at.returned[-1] = evaluate(at, node.body)
        else:
            at.block(node.body)
            yields = [n for n in ast.walk(node) if isinstance(n, ast.Yield | ast.YieldFrom)]
            for given_out in yields:
                if given_out.value is not None:
                    at.returned[-1] = at.returned[-1] | evaluate(at, given_out.value)
    finally:
        at.running.pop()
        at.frames.pop()
        at.outer.pop()
        result = at.returned.pop()
    return result


_KINDS: dict[type[ast.expr], Callable[[Follower, Any], Value]] = {
    ast.Constant: _constant,
    ast.JoinedStr: _text,
    ast.Name: _name,
    ast.List: _display,
    ast.Tuple: _display,
    ast.Set: _display,
    ast.Dict: _dict,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Lambda: _lambda,
    ast.IfExp: _if_else,
    ast.BoolOp: _either,
    ast.Compare: _compare,
    ast.BinOp: _operation,
    ast.UnaryOp: _unary,
    ast.NamedExpr: _walrus,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
}
