"""What expressions give and change; calls are in ``calling``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..trees import nodes_in
from . import purity
from .calling import call
from .classes import attribute_of, computes, is_instance, looked_at, operators_of
from .entering import enter
from .heap import NOTHING, Objects, Value
from .libraries import TENSORS

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
    for child in nodes_in(node):
        if isinstance(child, ast.FormattedValue):
            evaluate(at, child.value)
    return Value(type="str")


def _name(at: Follower, node: ast.Name) -> Value:
    found = at.get(node.id)
    for kind in at.touchy:
        for one in at.heap.among(at.heap.inside(found.objects), kind):
            at.change(frozenset({one}))
    if any(at.acting.values()):
        looked_at(at, found)
    return found


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
        if all(_is_seen(at, one) for one in given):
            at.told_apart.add(id(node))
    if any(isinstance(one, ast.Is | ast.IsNot | ast.In | ast.NotIn) for one in node.ops):
        return Value(type="bool")
    if any(one.type == purity.SERIES for one in given):
        return at.make(node, purity.SERIES)
    if any(one.type == purity.FRAME for one in given):
        return at.make(node, purity.FRAME)
    if all(one.type in purity.IMMUTABLE for one in given):
        return Value(type="bool")
    return at.make(node, "made") if any(one.objects for one in given) else Value()


def _is_seen(at: Follower, value: Value) -> bool:
    """Say whether a value is surely one of the objects that are followed, no number or text."""
    kinds = {at.heap.types.get(one, "") for one in value.objects}
    known = ("list", "dict", "set", purity.FRAME, purity.SERIES, purity.ARRAY)
    return bool(kinds) and all(one in known or one.startswith("class ") for one in kinds)


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
    if any(is_instance(at, one) for one in left.objects | right.objects):
        result: Value | None = None
        for number, method, first, second in operators_of(at, node, left, right):
            value = enter(at, number, method, [first, second], {})
            result = value if result is None else result | value
        if result is not None:
            return result
        given = left.objects | right.objects  # ``__add__`` may give one of them, or another one
        return at.of(at.make(node, "", given).objects | given)
    held = at.heap.elements(left.objects) | at.heap.elements(right.objects)
    kind = left.type if left.type == right.type and left.type in ("list", "tuple") else "made"
    if left.type == "list" or right.type == "list":
        kind = "list"
    elif isinstance(node.op, ast.Mult) and "tuple" in (left.type, right.type):
        kind = "tuple"
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
    if any(is_instance(at, one) for one in inner.objects):
        return at.of(at.make(node, "", inner.objects).objects | inner.objects)
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
    if node.attr in purity.GROWS | purity.SHRINKS:  # the method itself, given to somebody
        at.change_only(owner.objects)
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
    kinds = {at.heap.types.get(one, "") for one in owner.objects}
    if node.attr == "history" and TENSORS in kinds and kinds <= {TENSORS, ""}:
        return at.make(node, "made")  # of a training: lists of numbers
    result: Value | None = None
    for number, method in computes(at, owner, node.attr):
        value = enter(at, number, method, [owner], {})
        result = value if result is None else result | value
    if result is not None:
        return result
    if attribute_of(at, owner, node.attr):
        return at.of(at.heap.held(owner.objects))
    return at.of(owner.objects | at.heap.inside(owner.objects))


def _subscript(at: Follower, node: ast.Subscript) -> Value:
    if at.name_of(node):
        evaluate(at, node.slice)
        return Value()
    owner = evaluate(at, node.value)
    evaluate(at, node.slice)
    for one in owner.objects:
        if at.heap.types.get(one) == "collections.defaultdict":  # reading a key may add it
            at.change_only(frozenset({one}))
    if owner.type == purity.FRAME:
        located = isinstance(node.value, ast.Attribute) and node.value.attr in ("loc", "iloc", "at")
        if located:
            return _cell_of(at, node, owner)
        text = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        return at.make(node, purity.SERIES if text else purity.FRAME, at.heap.held(owner.objects))
    if owner.type == purity.SERIES:
        return _cell_of(at, node, owner)
    if owner.type == purity.ARRAY:
        return Value(
            owner.objects | at.heap.held(owner.objects), purity.ARRAY if _slices(node) else ""
        )
    if owner.type in ("str", "bytes"):
        return Value(type=owner.type)
    if owner.type == "list" and isinstance(node.slice, ast.Slice):
        return at.make(node, "list", at.heap.held(owner.objects))
    if owner.parts and isinstance(node.slice, ast.Constant):
        try:
            return owner.parts[node.slice.value]  # type: ignore[index]
        except (IndexError, TypeError):
            return Value(at.heap.held(owner.objects))
    return at.of(at.heap.elements(owner.objects))


def _cell_of(at: Follower, node: ast.Subscript, owner: Value) -> Value:
    """Return what a table's part may be: something new, or the object that lies in a cell."""
    held = at.heap.held(owner.objects)
    made = at.make(node, "made", held)
    return at.of(made.objects | held) if held else made


def _slices(node: ast.Subscript) -> bool:
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return any(isinstance(one, ast.Slice) for one in inner)


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
    ast.Call: call,
}
