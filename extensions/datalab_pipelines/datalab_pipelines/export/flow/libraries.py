"""What calls of libraries and builtins give and change."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..facts.storing import without_copy
from ..facts.tensors import made_by_tensors
from . import purity
from .classes import is_instance
from .entering import callbacks
from .heap import NOTHING, Objects, Value

if TYPE_CHECKING:
    from .following import Follower

TENSORS = "tensors"  # the type of what TensorFlow and Keras make
PLAIN_DATA = re.compile(r"\.datasets\.\w+\.load_data$|\.utils\.(to_categorical|get_file)$")


def library(
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
        if name in ("setattr", "delattr"):
            at.stored |= given[0].objects
        if name in ("setattr", "heapq.heappush", "bisect.insort"):
            at.heap.hold(given[0].objects, everything - given[0].objects)
    if name == "id":
        at.change_only(everything)
    callbacks(at, everything)
    if root in purity.DRAWING_ROOTS:
        return at.make(node, "drawing")
    if name == "type" or (name in purity.PURE_BUILTINS - purity.SCALARS):
        instances = frozenset(one for one in at.heap.inside(everything) if is_instance(at, one))
        if instances:  # a class that makes others of them, or what ``__add__`` makes
            return at.of(at.make(node, "", everything).objects | instances)
    if name in purity.PURE_BUILTINS:
        if name in ("range", "slice"):
            return Value(type="range" if name == "range" else "")
        kind = purity.type_of_call(name)
        return Value(type=kind) if name in purity.SCALARS else at.make(node, kind or "made")
    if name in purity.ELEMENTS:
        held = NOTHING
        for one in given:
            held |= at.heap.elements(one.objects)
        for one in named.values():  # ``dict(a=x)`` holds ``x``
            held |= one.objects
        if purity.type_of_call(name) in purity.DICTS:  # of pairs
            held |= at.heap.elements(held)
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
            if without_copy(node):
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
