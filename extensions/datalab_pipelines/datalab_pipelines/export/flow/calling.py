"""What calls give and change: of libraries, of methods, of the notebook's own functions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..facts.storing import without_copy
from . import purity
from .classes import is_instance, methods_of
from .entering import above, callbacks, enter, own
from .heap import NONE, NOTHING, Objects, Value
from .libraries import TENSORS, library

if TYPE_CHECKING:
    from .following import Follower

ITERATOR = "iterator"  # what a splitter of scikit-learn gives
SPLITTERS = "sklearn.model_selection."
DATA = purity.COPIED | {purity.ARRAY}
MOST_SPREAD = 8  # positions that ``*args`` may fill
GIVES_PLAIN_DATA = {"predict", "evaluate", "numpy", "get_weights", "count_params", "to_json"}


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
    if any(word.startswith("overwrite_") for word in named) or without_copy(node):
        at.change(everything)
    reached = at.heap.inside(everything)
    if at.in_place & reached:  # cross_val_score(scaler, X)
        at.change_only(reached)
    _may_draw(at, reached)
    name = at.name_of(node.func)
    at.sites.append(id(node))
    try:
        if name:
            value = library(at, node, name, given, named, everything)
            if without_copy(node) and value.type.split(".")[0] in purity.ESTIMATOR_ROOTS:
                at.in_place |= value.objects
            return value
        if isinstance(node.func, ast.Attribute):
            return _method(at, node, node.func, given, named, everything)
        return own(at, node, at.value(node.func), given, named, everything)
    finally:
        at.sites.pop()


def _may_draw(at: Follower, objects: Objects) -> None:
    """Note that whoever gets a generator of random numbers, or what holds one, draws from it."""
    for kind in purity.GENERATORS:
        at.change_only(at.heap.among(objects, kind))


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
    if isinstance(func.value, ast.Call) and getattr(func.value.func, "id", "") == "super":
        return above(at, node, method, given, named, everything)
    theirs, others = methods_of(at, owner, method)
    if theirs:
        at.change(others | everything if others else NOTHING)
        result: Value | None = None
        for number, routine in theirs:
            arguments = [routine.receiver, *given] if routine.receiver else given
            value = enter(at, number, routine, [one for one in arguments if one], named)
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
    if method in purity.GROWS | purity.SHRINKS:
        at.resized |= owner.objects
    if method in purity.GROWS:
        at.change_only(owner.objects)
        added = everything
        if method in ("extend", "update", "extendleft"):
            added = at.heap.elements(everything)
            for one in named.values():  # ``d.update(a=x)`` holds ``x``
                added |= one.objects
        if owner.type not in purity.COPIED:
            at.heap.hold(owner.objects, added - owner.objects)
        return Value(added if method == "setdefault" else NOTHING, "")
    if method == "rvs":  # draws, it may be from a generator of its own
        at.change_only(owner.objects)
    if method in purity.SHRINKS:
        at.change_only(owner.objects)
        return at.of(at.heap.elements(owner.objects))
    kinds = [at.heap.types.get(one, "") for one in owner.objects]
    if TENSORS in kinds and method in GIVES_PLAIN_DATA:
        at.change(owner.objects | everything)
        return at.make(node, "made")
    _may_draw(at, at.heap.inside(owner.objects))
    if method == "split" and kinds and all(one.startswith(SPLITTERS) for one in kinds):
        return at.make(node, ITERATOR, owner.objects | everything)
    if at.in_place & at.heap.inside(owner.objects):
        at.change(everything)
    estimator = bool(kinds) and all(one.split(".")[0] in purity.ESTIMATOR_ROOTS for one in kinds)
    if "drawing" in kinds:
        at.change_only(owner.objects)
        return owner
    user = any(is_instance(at, one) for one in owner.objects)
    if estimator and purity.TRAINING.fullmatch(method):
        if method.startswith(("fit", "partial", "set")):
            # Not the data that it was made of, as a model of statsmodels is.
            inside = at.heap.inside(owner.objects)
            at.change_only(frozenset(one for one in inside if at.heap.types.get(one) not in DATA))
            at.heap.keep(owner.objects, _kept(given, named) - owner.objects)
        if method in ("fit", "partial_fit", "set_params", "set_output"):
            return owner if kind else at.make(node, "", owner.objects)
        return at.make(node, kind or "made")
    if method in purity.PURE_METHODS and not user:
        callbacks(at, everything, at.heap.held(owner.objects))
        if method in ("plot", "hist", "boxplot"):
            return at.make(node, "drawing")
        if not owner.objects:
            return Value(type=kind) if kind in purity.IMMUTABLE else at.make(node, kind or "made")
        if owner.type in purity.COPIED:
            made = at.make(node, kind or "made", at.heap.held(owner.objects))
            if method in purity.LOOKS_LATER:  # sees what is changed in place afterwards
                at.heap.keep(made.objects, owner.objects)
            return made
        if method in purity.VIEW_METHODS:
            return Value(owner.objects, kind or owner.type)
        if method in purity.DICT_METHODS:
            held = at.heap.elements(owner.objects)
            if method == "get":
                return at.of(held | everything)
            if owner.type not in purity.DICTS:
                return at.make(node, "list", held)
            view = at.make(node, purity.DICT_VIEWS[method], held)
            at.heap.keep(view.objects, owner.objects)
            return view
        return at.make(node, kind or "made", at.heap.held(owner.objects))
    if owner.type in purity.IMMUTABLE:
        return at.make(node, kind or "made")
    # Anything may happen to the object and to what it is given.
    callbacks(at, everything)
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
