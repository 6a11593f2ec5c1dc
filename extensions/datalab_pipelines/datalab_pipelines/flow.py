"""Branches, loops and rescues: ``when``/``otherwise``, ``choose``, ``for_each``, ``attempt``."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar, cast

from . import hints
from .errors import FlowError, Place, WiringError
from .graph import (
    AttemptNode,
    ChoiceNode,
    Condition,
    Item,
    Junction,
    LoopNode,
    Output,
    Region,
    Source,
)
from .tracing import Ref, Test, Trace, condition_of, needed

T = TypeVar("T")
R = TypeVar("R")


def all_of(*conditions: bool) -> bool:
    """Return a condition that holds when every one of ``conditions`` does."""
    return _join("all", conditions)


def any_of(*conditions: bool) -> bool:
    """Return a condition that holds when one of ``conditions`` does."""
    return _join("any", conditions)


def not_(condition: bool) -> bool:
    """Return the opposite of ``condition``."""
    trace = needed("not_()")
    return cast(bool, Test(trace, Junction("not", (condition_of(condition, "not_()"),))))


@contextmanager
def when(condition: bool) -> Iterator[None]:
    """Run the stages of the ``with`` block only when ``condition`` holds.

    Their results cannot be used after the block, since they may not exist; ``choose`` gives one.
    """
    trace = needed("when()")
    node = _choice(trace, condition_of(condition, "when()"), "when")
    with trace.inside(node.then):
        yield
    if not node.then.nodes:
        raise FlowError("the block of when() has no stage", place=node.place)


@contextmanager
def otherwise() -> Iterator[None]:
    """Run the stages of the ``with`` block when the ``when`` right above it does not hold."""
    trace = needed("otherwise()")
    last = trace.region.nodes[-1] if trace.region.nodes else None
    if not isinstance(last, ChoiceNode) or last.then.result is not None or last.other.nodes:
        raise FlowError(
            "otherwise() does not stand right below the block of a when()",
            hint="Only the lines of the when() block may stand between them.",
        )
    with trace.inside(last.other):
        yield
    if not last.other.nodes:
        raise FlowError("the block of otherwise() has no stage")


def choose(condition: bool, then: Callable[[], R], other: Callable[[], R]) -> R:
    """Return ``then()`` when ``condition`` holds, else ``other()``; only that one is run."""
    trace = needed("choose()")
    node = _choice(trace, condition_of(condition, "choose()"), "choose")
    first = _branch(trace, node.then, then, "choose()", node.place)
    second = _branch(trace, node.other, other, "choose()", node.place)
    return cast(R, _either(trace, node.name, first, second, "choose()", node.place))


def attempt(body: Callable[[], R], rescue: Callable[[], R]) -> R:
    """Return ``body()``; when one of its stages fails (after its retries), ``rescue()``."""
    trace = needed("attempt()")
    node = AttemptNode(
        name=trace.free_name("attempt"), place=Place.here(), body=Region(), rescue=Region()
    )
    trace.add(node)
    first = _branch(trace, node.body, body, "attempt()", node.place)
    second = _branch(trace, node.rescue, rescue, "attempt()", node.place)
    if not node.body.nodes:
        raise FlowError("attempt(): nothing that could fail is attempted", place=node.place)
    return cast(R, _either(trace, node.name, first, second, "attempt()", node.place))


def for_each(items: Iterable[T], body: Callable[[T], R], *, at_once: int = 0) -> list[R]:
    """Run ``body`` for each of ``items``, in parallel; return the results in the items' order.

    ``items`` is a list in the script, a parameter, or what a stage gives (a list of plain values,
    at most 256 KB as JSON). ``at_once`` limits how many run at a time; 0 does not.
    """
    trace = needed("for_each()")
    place = Place.here()
    if not isinstance(at_once, int) or not 0 <= at_once <= 1000:
        raise FlowError(f"for_each(at_once={at_once!r}): 0 to 1000")
    hint = items._hint if isinstance(items, Ref) else list[Any]
    if not hints.is_sequence(hint):
        raise WiringError(
            f"for_each() is given {items!r}, which is not a list", hint="Return a list from it."
        )
    if not isinstance(items, Ref):
        items = list(items)
        if not items:
            raise FlowError("for_each() is given an empty list")
    source = trace.source(items, hint, "for_each()", place)
    if isinstance(source, Output) and source.gathered:
        raise FlowError(
            "for_each() loops over the results of another for_each()",
            hint="Do both in one body, or gather the list in a stage first.",
        )
    node = LoopNode(
        name=trace.free_name("for_each"), place=place, items=source, body=Region(), at_once=at_once
    )
    trace.add(node)
    trace.loops.append(node.name)
    try:
        item = Ref(
            trace,
            Item(len(trace.loops) - 1),
            hints.element_of(hint),
            None,
            "the item of for_each()",
        )
        with trace.inside(node.body):
            result = body(cast(T, item))
        node.body.result = _result(trace, result, node.body, "for_each()", place)
    finally:
        trace.loops.pop()
    if not node.body.nodes:
        raise FlowError("the body of for_each() has no stage", place=place)
    return cast("list[R]", _gather(trace, node, result))


def _join(kind: Any, conditions: tuple[bool, ...]) -> bool:
    what = f"{kind}_of()"
    trace = needed(what)
    if not conditions:
        raise FlowError(f"{what} joins nothing")
    parts = tuple(condition_of(one, what) for one in conditions)
    return cast(bool, Test(trace, Junction(kind, parts)))


def _choice(trace: Trace, condition: Condition, name: str) -> ChoiceNode:
    node = ChoiceNode(
        name=trace.free_name(name),
        place=Place.here(),
        condition=condition,
        then=Region(),
        other=Region(),
    )
    trace.add(node)
    return node


def _branch(
    trace: Trace, region: Region, body: Callable[[], Any], what: str, place: Place
) -> Ref | None:
    with trace.inside(region):
        result = body()
        region.result = _result(trace, result, region, what, place)
    return result if isinstance(result, Ref) else None


def _result(trace: Trace, value: Any, region: Region, what: str, place: Place) -> Source | None:
    if value is None:
        return None
    if not isinstance(value, Ref) or not isinstance(value._source, Output):
        raise FlowError(
            f"{what}: the function returns {value!r}, not what a stage gives",
            hint="Return the result of one stage, or None.",
            place=place,
        )
    if what == "for_each()" and trace.homes[value._source.node] is not region:
        raise FlowError(
            "for_each(): the function returns something made outside the loop", place=place
        )
    if value._source.gathered:
        raise FlowError(
            f"{what}: the function returns the list of a for_each()",
            hint="Gather it in a stage and return that.",
            place=place,
        )
    return value._source


def _either(
    trace: Trace, name: str, first: Ref | None, second: Ref | None, what: str, place: Place
) -> Ref | None:
    if first is None and second is None:
        return None
    if first is None or second is None:
        raise FlowError(f"{what}: one of the two functions returns nothing", place=place)
    if not (hints.fits(first._hint, second._hint) or hints.fits(second._hint, first._hint)):
        raise WiringError(
            f"{what}: {first._what} gives {hints.says(first._hint)} and {second._what} gives "
            f"{hints.says(second._hint)}",
            hint="Both have to give the same type.",
            place=place,
        )
    outputs = first._outputs if first._outputs == second._outputs else None
    return Ref(trace, Output(name), first._hint, outputs, f"{what} of {first._what}")


def _gather(trace: Trace, node: LoopNode, result: Any) -> Ref | None:
    if not isinstance(result, Ref) or not isinstance(result._source, Output):
        return None
    inner = result._source
    outputs = None
    if result._outputs:
        outputs = {key: types.GenericAlias(list, (one,)) for key, one in result._outputs.items()}
    # The loop's own name is what others wait for; the body's node is what they read.
    source = replace(inner, gathered=inner.gathered + 1)
    trace.homes[inner.node] = trace.region
    hint = types.GenericAlias(list, (result._hint,))
    return Ref(trace, source, hint, outputs, f"the list of {result._what}")
