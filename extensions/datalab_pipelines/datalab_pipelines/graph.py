"""The plain data of a pipeline: nodes, and where each argument comes from.

A ``Region`` is a list of nodes in the order of the script: the pipeline's body, a branch, or the
body of a loop. Everything here is inert; ``tracing`` builds it, ``run`` and ``compile`` read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .errors import Place
    from .stages import Stage

Operator = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Constant:
    """A value written in the script; JSON."""

    value: Any


@dataclass(frozen=True)
class Parameter:
    """A parameter of the pipeline; ``default`` is ``REQUIRED`` when it has none."""

    name: str
    hint: Any
    default: Any


REQUIRED = object()


@dataclass(frozen=True)
class Output:
    """What a node gives: all of it (``field`` is ""), or one named output.

    ``gathered`` counts the loops around the node that the reader stands outside of: 1 gives a
    list with one value for each item of the loop.
    """

    node: str
    field: str = ""
    gathered: int = 0


@dataclass(frozen=True)
class Item:
    """The item that a loop is at; ``depth`` counts loops from the outside, from 0."""

    depth: int


@dataclass(frozen=True)
class Several:
    """A list of sources, in the script's order."""

    sources: tuple[Source, ...]


Source = Constant | Parameter | Output | Item | Several


@dataclass(frozen=True)
class Comparison:
    """``left operator right``; one side may be a constant."""

    left: Source
    operator: Operator
    right: Source


@dataclass(frozen=True)
class Truth:
    """A boolean source by itself."""

    source: Source


@dataclass(frozen=True)
class Junction:
    """All, any, or (with one part) none of ``parts``."""

    kind: Literal["all", "any", "not"]
    parts: tuple[Condition, ...]


Condition = Comparison | Truth | Junction


@dataclass
class Node:
    """One step; ``needs`` lists nodes of the same region that come first."""

    name: str
    place: Place
    loops: int = 0
    after: tuple[str, ...] = ()


@dataclass
class StageNode(Node):
    """A call of a stage."""

    stage: Stage[..., Any] = field(kw_only=True)
    arguments: dict[str, Source] = field(kw_only=True)


@dataclass
class Region:
    """Nodes, and what the region as a whole gives (a branch's or a loop body's value)."""

    nodes: list[Node] = field(default_factory=list)
    result: Source | None = None

    def walk(self) -> Iterator[Node]:
        """Yield every node, those of branches and loops after the node that holds them."""
        for node in self.nodes:
            yield node
            for region in regions_of(node):
                yield from region.walk()


@dataclass
class ChoiceNode(Node):
    """``when``/``otherwise``/``choose``: the first region whose condition holds; else ``other``."""

    condition: Condition = field(kw_only=True)
    then: Region = field(kw_only=True)
    other: Region = field(kw_only=True)


@dataclass
class LoopNode(Node):
    """``for_each``: ``body`` for each of ``items``."""

    items: Source = field(kw_only=True)
    body: Region = field(kw_only=True)
    at_once: int = field(kw_only=True)


@dataclass
class AttemptNode(Node):
    """``attempt``: ``body``, and when it fails, ``rescue``."""

    body: Region = field(kw_only=True)
    rescue: Region = field(kw_only=True)


def regions_of(node: Node) -> tuple[Region, ...]:
    """Return the regions inside ``node``."""
    if isinstance(node, ChoiceNode):
        return node.then, node.other
    if isinstance(node, LoopNode):
        return (node.body,)
    if isinstance(node, AttemptNode):
        return node.body, node.rescue
    return ()


def sources_of(node: Node) -> Iterator[Source]:
    """Yield every source that ``node`` itself, or anything inside it, reads."""
    if isinstance(node, StageNode):
        for source in node.arguments.values():
            yield from flat(source)
    elif isinstance(node, ChoiceNode):
        yield from condition_sources(node.condition)
    elif isinstance(node, LoopNode):
        yield from flat(node.items)
    for region in regions_of(node):
        for inner in region.nodes:
            yield from sources_of(inner)
        if region.result is not None:
            yield from flat(region.result)


def condition_sources(condition: Condition) -> Iterator[Source]:
    """Yield every source that a condition reads."""
    if isinstance(condition, Comparison):
        yield from flat(condition.left)
        yield from flat(condition.right)
    elif isinstance(condition, Truth):
        yield from flat(condition.source)
    else:
        for part in condition.parts:
            yield from condition_sources(part)


def flat(source: Source) -> Iterator[Source]:
    """Yield ``source``, or what it is a list of."""
    if isinstance(source, Several):
        for one in source.sources:
            yield from flat(one)
    else:
        yield source


def needs(node: Node, region: Region) -> set[str]:
    """Return the names of the nodes of ``region`` that ``node`` (or something inside it) needs."""
    owner: dict[str, str] = {}
    for other in region.nodes:
        owner[other.name] = other.name
        for inner_region in regions_of(other):
            owner.update({inner.name: other.name for inner in inner_region.walk()})
    named = {source.node for source in sources_of(node) if isinstance(source, Output)}
    for inner in _with_inner(node):
        named.update(inner.after)
    return {owner[name] for name in named if name in owner} - {node.name}


def _with_inner(node: Node) -> Iterator[Node]:
    yield node
    for region in regions_of(node):
        yield from region.walk()
