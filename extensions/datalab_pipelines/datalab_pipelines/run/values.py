"""Reading a run's values: what decides, and what identifies the inputs of a call."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import wiring
from ..errors import StageFailed
from ..graph import (
    Comparison,
    Condition,
    Constant,
    Item,
    Node,
    Output,
    Parameter,
    Several,
    Source,
    StageNode,
    Truth,
)
from ..results import ONLY, Reference, read_result
from ..stores import Store

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Turn:
    """Where in the loops a region runs: the numbers of the turns, and their items."""

    numbers: tuple[int, ...] = ()
    items: tuple[Any, ...] = ()

    @property
    def path(self) -> str:
        """Return ``/3/0``: the end of the keys of this turn's nodes."""
        return "".join(f"/{number}" for number in self.numbers)


@dataclass(frozen=True)
class Values:
    """The values of one run: its parameters, and what its nodes gave so far."""

    store: Store
    run: str
    nodes: Mapping[str, Node]
    parameters: Mapping[str, Any]

    def inputs(self, node: StageNode, turn: Turn) -> dict[str, Any]:
        """Return what identifies the inputs of a call: values, and digests of artifacts."""
        return {name: self._identity(source, turn) for name, source in node.arguments.items()}

    def _identity(self, source: Source, turn: Turn) -> Any:
        if isinstance(source, Several):
            return [self._identity(one, turn) for one in source.sources]
        if not isinstance(source, Output):
            return {"value": self.value(source, turn)}
        return self._digests(wiring.parsed(source, self.nodes, turn.numbers))

    def _digests(self, reference: Reference) -> Any:
        if reference.every:
            names = self.store.children(f"runs/{self.run}/{reference.node}")
            turns = sorted(int(name) for name in names if name.isdecimal())
            return [
                self._digests(Reference(f"{reference.node}/{turn}", reference.field))
                for turn in turns
            ]
        document, field = read_result(self.store, self.run, reference)
        outputs = document["outputs"]
        if field or ONLY in outputs:
            return outputs[field or ONLY]["artifact"]
        return {name: output["artifact"] for name, output in outputs.items()}

    def value(self, source: Source, turn: Turn) -> Any:
        """Return a plain value that decides something; raises ``StageFailed`` when it is not."""
        if isinstance(source, Constant):
            return source.value
        if isinstance(source, Parameter):
            return self.parameters[source.name]
        if isinstance(source, Item):
            return turn.items[source.depth]
        if isinstance(source, Several):
            return [self.value(one, turn) for one in source.sources]
        reference = wiring.parsed(source, self.nodes, turn.numbers)
        document, field = read_result(self.store, self.run, reference)
        try:
            return document["values"][field or ONLY]
        except KeyError:
            raise StageFailed(
                f"{reference} decides what runs, and is not a plain value (number, text, boolean, "
                "or a list of them, at most 100 kB)",
                place=self.nodes[source.node].place,
            ) from None

    def holds(self, condition: Condition, turn: Turn) -> bool:
        """Say whether a condition holds."""
        if isinstance(condition, Comparison):
            left, right = self.value(condition.left, turn), self.value(condition.right, turn)
            return bool(OPERATORS[condition.operator](left, right))
        if isinstance(condition, Truth):
            return bool(self.value(condition.source, turn))
        parts = [self.holds(part, turn) for part in condition.parts]
        if condition.kind == "not":
            return not parts[0]
        return all(parts) if condition.kind == "all" else any(parts)
