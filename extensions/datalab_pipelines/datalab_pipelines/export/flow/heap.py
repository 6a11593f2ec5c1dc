"""Values and objects as the analysis sees them: which may be the same, and which may be changed.

A ``Value`` is what a variable may hold: a set of *objects* (numbers; one for each place in the
notebook that makes one) and its type, where that is known. Values that cannot change (numbers,
text) are no objects. Objects *hold* others (a list its elements) and *keep* others (a fitted model
its data): what is changed through an object is what it holds, what is shared is both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

Objects = frozenset[int]
NOTHING: Objects = frozenset()


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
    _inside: dict[Objects, Objects] = field(default_factory=dict)  # until something holds more
    calls: dict[int, ast.Call] = field(default_factory=dict)  # that stand for decorators
    attributes: dict[int, Objects] = field(default_factory=dict)  # what classes hold themselves
    vague: set[int] = field(default_factory=set)  # instances whose attributes are not all known

    def new(self, place: object, kind: str = "") -> int:
        """Return the object that ``place`` makes; the same one each time."""
        if place not in self.made:
            self.made[place] = len(self.made) + 1
        number = self.made[place]
        known = self.types.setdefault(number, kind)
        if known != kind:
            self.types[number] = ""
        return number

    def hold(self, owners: Iterable[int], held: Objects) -> None:
        """Note that ``owners`` may hold ``held``."""
        for one in owners:
            before = self.holds.get(one, NOTHING)
            if not held <= before:
                self.holds[one] = before | held
                self._inside.clear()

    def keep(self, owners: Iterable[int], kept: Objects) -> None:
        """Note that ``owners`` may keep ``kept`` without changing it."""
        for one in owners:
            self.keeps[one] = self.keeps.get(one, NOTHING) | kept

    def inside(self, objects: Objects) -> Objects:
        """Return ``objects`` and all that can be changed through them."""
        found = self._inside.get(objects)
        if found is None:
            found = self._inside[objects] = _closure(objects, self.holds)
        return found

    def elements(self, objects: Objects) -> Objects:
        """Return what iterating over ``objects``, or indexing them, may give."""
        found: Objects = NOTHING
        unknown: set[int] = set()
        for one in objects:
            kind = self.types.get(one, "")
            held = self.holds.get(one, NOTHING)
            plain = kind in ("list", "tuple", "set", "dict", "collections.Counter")
            if plain or kind.startswith("collections.abc."):
                found |= held
            elif kind == "numpy.ndarray":
                found |= {one} | held
            elif kind in ("pandas.DataFrame", "pandas.Series"):
                found |= held
            elif kind in ("made", "drawing"):
                found |= {one} | held
            else:
                unknown.add(one)
        return found | self.inside(frozenset(unknown))

    def held(self, objects: Objects) -> Objects:
        """Return what ``objects`` hold themselves."""
        found = NOTHING
        for one in objects:
            found |= self.holds.get(one, NOTHING)
        return found

    def snapshot(self) -> dict[int, Objects]:
        """Return, for now, everything that each object holds or keeps."""
        joined = dict(self.holds)
        for one, kept in self.keeps.items():
            joined[one] = joined.get(one, NOTHING) | kept
        return joined


def _closure(objects: Objects, edges: dict[int, Objects]) -> Objects:
    found = set(objects)
    waiting = list(objects)
    while waiting:
        for one in edges.get(waiting.pop(), NOTHING):
            if one not in found:
                found.add(one)
                waiting.append(one)
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
