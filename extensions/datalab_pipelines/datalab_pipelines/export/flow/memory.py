"""What is known while the notebook is followed: variables, the frames of functions, objects."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from . import purity
from .heap import NOTHING, Heap, Objects, Routine, Value

Dotted = Callable[[ast.AST], str]
MOST_STEPS = 30_000


@dataclass
class Memory:
    """What names may hold. ``dotted`` resolves imported names."""

    dotted: Dotted
    variables: dict[str, Value] = field(default_factory=dict)
    heap: Heap = field(default_factory=Heap)
    changed: Objects = NOTHING

    def __post_init__(self) -> None:
        self.frames: list[dict[str, Value]] = []
        self.floors: list[int] = []  # of each function that is walked: the lowest frame it sees
        self.outer: list[set[str]] = []  # names that a frame declares global or nonlocal
        self.returned: list[Value] = []
        self.receivers: list[Value] = []  # the first arguments
        self.running: list[int] = []
        self.sites: list[int] = []  # the calls that are being walked
        self.touchy: set[str] = set()  # classes whose objects change when they are looked at
        self.acting: dict[str, list[Routine]] = {}  # by class, methods that may change variables
        self.classes: dict[str, set[int]] = {}  # by what their instances' type is called
        self.resized: Objects = NOTHING  # by this cell, as far as code says so: ``d[k] = v``
        self.plain: dict[tuple[object, ...], bool] = {}  # classes, and whether it is an attribute
        self.told_apart: set[int] = set()  # comparisons by ``is`` of objects that are followed
        self.stored: Objects = NOTHING  # objects of which an attribute was set
        self.in_place: Objects = NOTHING  # estimators that were told not to copy their data
        self.steps = 0
        self.limit = MOST_STEPS
        self.shallow = False

    def visible(self) -> list[dict[str, Value]]:
        """Return the frames that the function which is walked sees: its own, and those around."""
        return self.frames[self.floors[-1] :] if self.floors else self.frames

    def get(self, name: str) -> Value:
        """Return what a name may hold."""
        for frame in reversed(self.visible()):
            if name in frame:
                return frame[name]
        return self.variables.get(name, Value())

    def bind(self, name: str, value: Value) -> None:
        """Bind a name."""
        if self.frames and name not in self.outer[-1]:
            self.frames[-1][name] = value
            return
        around = [frame for frame in self.visible()[:-1] if name in frame]
        (around[-1] if around else self.variables)[name] = value

    def change(self, objects: Objects) -> None:
        """Note that ``objects``, and what is in them, may be changed."""
        self.changed |= self.heap.inside(objects)

    def change_only(self, objects: Objects) -> None:
        """Note that ``objects`` may be changed, and not what they hold."""
        self.changed |= objects

    def make(self, node: object, kind: str = "", holds: Objects = NOTHING) -> Value:
        """Return a new object, made by ``node``."""
        if kind in purity.IMMUTABLE:
            return Value(type=kind)
        place = node if isinstance(node, tuple) else id(node)
        number = self.heap.new((place, kind, *self.sites[-3:]), kind)
        self.heap.hold([number], holds - {number})
        return self.of(frozenset({number}))

    def of(self, objects: Objects) -> Value:
        """Return a value that may be any of ``objects``."""
        kinds = {self.heap.types.get(one, "") for one in objects}
        kind = kinds.pop() if len(kinds) == 1 else ""
        return Value(objects, "" if kind == "made" else kind)

    def name_of(self, node: ast.AST) -> str:
        """Return the dotted name of something imported or built in; nothing for a variable."""
        inner = node
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        if not isinstance(inner, ast.Name):
            return ""
        for scope in (*self.visible(), self.variables):
            if inner.id in scope and scope[inner.id].type != "module":
                return ""
        return self.dotted(node)

    def _state(self) -> list[dict[str, Value]]:
        return [dict(self.variables), *(dict(frame) for frame in self.frames)]

    def _restore(self, state: list[dict[str, Value]]) -> None:
        self.variables = dict(state[0])
        self.frames[:] = [dict(frame) for frame in state[1:]]

    def _join(self, state: list[dict[str, Value]]) -> None:
        for now, then in zip([self.variables, *self.frames], state, strict=True):
            for name, value in then.items():
                now[name] = now[name] | value if name in now and now[name] != value else value
