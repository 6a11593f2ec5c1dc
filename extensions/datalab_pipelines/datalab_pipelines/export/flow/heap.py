"""Values and objects as the analysis sees them: which may be the same, and which may be changed.

A ``Value`` is what a variable may hold: a set of *objects* (numbers; one for each place in the
notebook that makes one) and its type, where that is known. Values that cannot change (numbers,
text) are no objects. Objects *hold* others (a list its elements) and *keep* others (a fitted model
its data): what is changed through an object is what it holds, what is shared is both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

Objects = frozenset[int]
NOTHING: Objects = frozenset()
HOLDERS = {
    *("list", "tuple", "set", "dict", "collections.Counter", "pandas.DataFrame", "pandas.Series"),
}


@dataclass(frozen=True)
class Value:
    """What an expression may give."""

    objects: Objects = NOTHING
    type: str = ""
    parts: tuple[Value, ...] | None = None  # a tuple whose parts are known

    def __or__(self, other: Value) -> Value:
        kind = self.type if self.type == other.type else ""
        return Value(self.objects | other.objects, kind)


NONE = Value(type="None")


@dataclass
class Routine:
    """A function, lambda or class of the notebook that an object stands for."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
    reads: frozenset[str] = frozenset()
    receiver: Value | None = None
    nested: bool = False  # made while another function ran


@dataclass
class Heap:
    """The objects that were made so far."""

    holds: dict[int, Objects] = field(default_factory=dict)
    keeps: dict[int, Objects] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    routines: dict[int, Routine] = field(default_factory=dict)
    made: dict[object, int] = field(default_factory=dict)
    _held: list[tuple[int, Objects]] = field(default_factory=list)  # who, and what, in this order
    # What is inside of objects, and how much of ``_held`` was there by then.
    _inside: dict[Objects, tuple[Objects, int]] = field(default_factory=dict)
    calls: dict[int, ast.Call] = field(default_factory=dict)  # that stand for decorators
    attributes: dict[int, Objects] = field(default_factory=dict)  # what classes hold themselves
    vague: set[int] = field(default_factory=set)  # instances whose attributes are not all known
    of_kind: dict[str, set[int]] = field(default_factory=dict)  # as ``new`` was asked for them

    def new(self, place: object, kind: str = "") -> int:
        """Return the object that ``place`` makes; the same one each time."""
        if place not in self.made:
            self.made[place] = len(self.made) + 1
        number = self.made[place]
        known = self.types.setdefault(number, kind)
        self.of_kind.setdefault(kind, set()).add(number)
        if known != kind:
            self.types[number] = ""
        return number

    def among(self, objects: Objects, kind: str) -> Objects:
        """Return those of ``objects`` that are of a type."""
        some = objects & self.of_kind.get(kind, NOTHING)
        return frozenset(one for one in some if self.types[one] == kind)

    def hold(self, owners: Iterable[int], held: Objects) -> None:
        """Note that ``owners`` may hold ``held``."""
        for one in owners:
            before = self.holds.get(one, NOTHING)
            if not held <= before:
                self.holds[one] = before | held
                self._held.append((one, held))

    def keep(self, owners: Iterable[int], kept: Objects) -> None:
        """Note that ``owners`` may keep ``kept`` without changing it."""
        for one in owners:
            self.keeps[one] = self.keeps.get(one, NOTHING) | kept

    def inside(self, objects: Objects) -> Objects:
        """Return ``objects`` and all that can be changed through them."""
        found, by_then = self._inside.get(objects, (NOTHING, 0))
        if not found:
            found = _closure(objects, self.holds)
        elif by_then < len(self._held):
            found |= _closure(
                {one for owner, held in self._held[by_then:] if owner in found for one in held},
                self.holds,
                found,
            )
        self._inside[objects] = found, len(self._held)
        return found

    def elements(self, objects: Objects) -> Objects:
        """Return what iterating over ``objects``, or indexing them, may give."""
        found: set[int] = set()
        unknown: set[int] = set()
        for one in objects:
            kind = self.types.get(one, "")
            held = self.holds.get(one, NOTHING)
            if kind in HOLDERS or kind.startswith("collections.abc."):
                found |= held
            elif kind in ("numpy.ndarray", "made", "drawing"):
                found.add(one)
                found |= held
            else:
                unknown.add(one)
        return frozenset(found | self.inside(frozenset(unknown)))

    def held(self, objects: Objects) -> Objects:
        """Return what ``objects`` hold themselves."""
        return NOTHING.union(*[self.holds[one] for one in objects if one in self.holds])

    def snapshot(self) -> dict[int, Objects]:
        """Return, for now, everything that each object holds or keeps."""
        joined = dict(self.holds)
        for one, kept in self.keeps.items():
            joined[one] = joined.get(one, NOTHING) | kept
        return joined


def _closure(
    objects: AbstractSet[int], edges: dict[int, Objects], known: Objects = NOTHING
) -> Objects:
    """Return ``objects`` and all that they lead to, less what is known already."""
    found: set[int] = set()
    new = objects - known
    while new:
        found |= new
        new = set().union(*[edges[one] for one in new if one in edges]) - found - known
    return frozenset(found)


def reach(objects: Objects, edges: dict[int, Objects]) -> Objects:
    """Return ``objects`` and all that they lead to in a snapshot."""
    return _closure(objects, edges)


def contents(objects: Objects, edges: dict[int, Objects], types: dict[int, str]) -> Objects:
    """Return ``objects`` and what surely lies in them: in lists and the like, and in attributes."""
    found = set(objects)
    waiting = list(objects)
    while waiting:
        one = waiting.pop()
        if types.get(one, "").startswith(("list", "tuple", "set", "dict", "class ")):
            more = edges.get(one, NOTHING) - found
            found |= more
            waiting += more
    return frozenset(found)
