"""What following a notebook found, as plans ask for it: objects, moments, random numbers."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property

from ..cells.names import Flow
from ..facts.naming import dotted
from ..model import Analysis, CodeCell
from .draws import Draws
from .following import Follower, Moment
from .heap import NOTHING, Objects, reach


@dataclass
class Sight:
    """What following the notebook found: the moment at each cell's end."""

    analysis: Analysis
    moments: dict[int, Moment]
    follower: Follower
    draws: Draws
    later: dict[int, Objects] = field(default_factory=dict)  # changed in a later cell than this
    resized_later: dict[int, Objects] = field(default_factory=dict)
    # A plan is tried until nothing in it has to be together any more; known from try to try:
    flows: dict[tuple[int, ...], Flow] = field(default_factory=dict)
    _reached: dict[tuple[int, str], Objects] = field(default_factory=dict)

    def reached(self, cell: int, name: str) -> Objects:
        """Return the objects that a variable leads to when ``cell`` has ended."""
        found = self._reached.get((cell, name))
        if found is None:
            moment = self.moments[cell]
            found = reach(moment.variables[name].objects, moment.edges)
            self._reached[cell, name] = found
        return found

    @cached_property
    def looped(self) -> dict[int, set[str]]:
        """Return, by cell, the names that loops bind whenever they run at all."""
        return {cell.index: _looped(cell) for cell in self.analysis.code}

    @cached_property
    def selves(self) -> Objects:
        """Return the notebook's objects that are equal to nothing but themselves: ``one in team``.

        Stored twice they would be two, which is noticed although nobody changes them.
        """
        equal = {
            f"class {node.name}"
            for them in self.analysis.definitions.values()
            for one in them
            if isinstance(node := one.statement.node, ast.ClassDef) and _compares(node)
        }
        kinds = self.follower.heap.types.items()
        return frozenset(
            one for one, kind in kinds if kind.startswith("class ") and kind not in equal
        )


def follow(analysis: Analysis, resolve: dict[str, str]) -> Sight:
    """Follow the notebook from top to bottom."""

    def named(node: ast.AST) -> str:
        return dotted(node, resolve)

    follower = Follower(named)
    moments: dict[int, Moment] = {}
    found = Sight(analysis, moments, follower, Draws(analysis, named))
    for cell in analysis.code:
        if not cell.opaque:
            moments[cell.index] = follower.cell(one.node for one in cell.statements)
    changed = resized = NOTHING
    for index in sorted(moments, reverse=True):
        found.later[index], found.resized_later[index] = changed, resized
        changed |= moments[index].changed
        resized |= moments[index].resized
    return found


def _compares(node: ast.ClassDef) -> bool:
    """Say whether objects of a class that are alike are equal."""
    made = [*node.decorator_list, *node.bases]
    return any(getattr(one, "name", "") == "__eq__" for one in node.body) or any(
        word in ast.unparse(one) for one in made for word in ("dataclass", "Tuple", "tuple", "Enum")
    )


def _looped(cell: CodeCell) -> set[str]:
    """Return the names that loops of a cell bind whenever they run at all."""
    found: set[str] = set()
    for one in cell.statements:
        if isinstance(one.node, ast.For | ast.While):
            flow = Flow()
            if isinstance(one.node, ast.For):
                flow.target(one.node.target)
            flow.run(one.node.body)
            found |= flow.definite
    return found
