"""Following the notebook from top to bottom, without running it: what is shared, what is changed.

The statements are walked in the order in which they run; functions of the notebook are walked where
they are called. Loops are walked twice, of branches all. What is unknown is taken to change, and to
keep, whatever it is given.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from ..cells.scopes import scope_of
from ..trees import nodes_in, standing_alone
from . import purity
from .classes import changes_when_looked_at, may_act
from .entering import decorated
from .evaluating import evaluate
from .heap import NONE, NOTHING, Objects, Routine, Value
from .memory import MOST_STEPS, Memory

Code = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
STEPS = 1_000  # for one statement of a cell, before its calls are no longer walked into


class TooLong(Exception):
    """The notebook's functions call one another too often to be followed."""


@dataclass
class Moment:
    """What holds at the end of a cell."""

    variables: dict[str, Value]
    edges: dict[int, Objects]
    changed: Objects  # by this cell
    resized: Objects = NOTHING  # by this cell: lists and dictionaries in which something is put


class Follower(Memory):
    """Walks statements."""

    def cell(self, body: Iterable[ast.stmt]) -> Moment:
        """Walk a cell; return what holds at its end."""
        self.changed = self.resized = NOTHING
        for node in body:
            self.limit = min(self.steps + STEPS, MOST_STEPS)
            before = self._state()
            try:
                self.statement(node)
            except TooLong:
                self._shallow(node, before)
        return Moment(dict(self.variables), self.heap.snapshot(), self.changed, self.resized)

    # -- statements ---------------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Walk ``body``."""
        for node in body:
            self.step()
            self.statement(node)

    def step(self) -> None:
        """Count; raises ``TooLong``."""
        self.steps += 1
        if self.steps > self.limit:
            raise TooLong

    def _shallow(self, node: ast.stmt, before: list[dict[str, Value]]) -> None:
        """Walk a statement again, and no function that it calls."""
        self.frames, self.outer, self.returned, self.floors = [], [], [], []
        self.receivers, self.running, self.sites = [], [], []
        self._restore(before)
        self.limit, self.shallow = self.steps + MOST_STEPS, True
        self.statement(node)
        self.shallow = False

    def statement(self, node: ast.stmt) -> None:
        """Walk one statement."""
        method = getattr(self, f"_{type(node).__name__}", None)
        if method:
            method(node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)

    def _Assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value))

    def _AugAssign(self, node: ast.AugAssign) -> None:
        before = self.value(node.target)
        given = self.value(node.value)
        if isinstance(node.target, ast.Name):
            self.change_only(before.objects)
            self.heap.hold(before.objects, self.heap.elements(given.objects) - before.objects)
            kind = before.type if before.type == given.type or before.objects else ""
            if before.objects:
                self.bind(node.target.id, Value(before.objects, kind))
            elif before.type in purity.IMMUTABLE and given.type in purity.IMMUTABLE:
                self.bind(node.target.id, Value(type=kind))
            else:
                self.bind(node.target.id, self.make(node, "", given.objects))
        else:
            self.assign(node.target, given)

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind or store ``value``."""
        if isinstance(target, ast.Name):
            self.bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            self._spread(target, value)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, self.make(target, "list", value.objects))
        elif isinstance(target, ast.Attribute | ast.Subscript):
            owner = self.value(target.value)
            self._change_owners(target, owner)
            if isinstance(target, ast.Subscript):
                self.value(target.slice)
            stored = value.objects
            if owner.type in purity.COPIED or owner.type == purity.ARRAY:
                stored = self.heap.elements(stored) if value.type in ("list", "") else NOTHING
                stored = NOTHING if value.type in purity.COPIED else stored
            self.heap.hold(owner.objects, stored - owner.objects)

    def _change_owners(self, target: ast.Attribute | ast.Subscript, owner: Value) -> None:
        """Note that storing in ``a.b[c]`` changes ``a.b``, and ``a``: ``df.index.name = "x"``."""
        self.change_only(owner.objects)
        if isinstance(target, ast.Subscript):  # of no function, and of no class
            self.resized |= owner.objects
        else:
            self.stored |= owner.objects
        kinds = {self.heap.types.get(one, "") for one in owner.objects}
        if any(one.startswith("class ") or one == "collections.ChainMap" for one in kinds):
            self.change(owner.objects)  # what ``__setitem__`` and properties pass it on to
        inner = target.value
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
            self.change_only(self.value(inner).objects)

    def _spread(self, target: ast.Tuple | ast.List, value: Value) -> None:
        starred = any(isinstance(one, ast.Starred) for one in target.elts)
        if value.parts and len(value.parts) == len(target.elts) and not starred:
            for one, part in zip(target.elts, value.parts, strict=True):
                self.assign(one, part)
            return
        held = self.heap.elements(value.objects)
        made = any(self.heap.types.get(one) == "made" for one in value.objects)
        for number, one in enumerate(target.elts):
            if made:  # each part of something new is new
                self.assign(one, self.make((id(target), number), "", held))
            else:
                self.assign(one, self.of(held))

    def _For(self, node: ast.For | ast.AsyncFor) -> None:
        over = self.value(node.iter)
        for _ in range(2):
            before = self._state()
            self.assign(node.target, self._turn(node.iter, over))
            self.block(node.body)
            self._join(before)
        self.block(node.orelse)

    _AsyncFor = _For

    def _turn(self, node: ast.expr, over: Value) -> Value:
        """Return what a loop's variable is bound to."""
        if over.type == "range" or over.type == "str":
            return Value(type="int" if over.type == "range" else "str")
        if isinstance(node, ast.Call):
            parts = [self.value(one) for one in node.args]
            name = self.name_of(node.func)
            if name == "enumerate" and parts:
                return Value(parts=(Value(type="int"), self._each(parts[0])))
            if name == "zip":
                return Value(parts=tuple(self._each(one) for one in parts))
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("items", "iterrows"):
                return Value(parts=(Value(), self._each(self.value(node.func.value))))
        return self._each(over)

    def _each(self, over: Value) -> Value:
        return self.of(self.heap.elements(over.objects))

    def _While(self, node: ast.While) -> None:
        for _ in range(2):
            before = self._state()
            self.value(node.test)
            self.block(node.body)
            self._join(before)
        self.block(node.orelse)

    def _If(self, node: ast.If) -> None:
        self.value(node.test)
        before = self._state()
        self.block(node.body)
        then = self._state()
        self._restore(before)
        self.block(node.orelse)
        self._join(then)

    def _Try(self, node: ast.Try) -> None:
        before = self._state()
        self.block(node.body)
        self._join(before)
        for handler in node.handlers:
            mid = self._state()
            if handler.name:
                kinds = self.value(handler.type).objects if handler.type else NOTHING
                self.bind(handler.name, self.make(handler, "", kinds))
            self.block(handler.body)
            self._join(mid)
        self.block(node.orelse)
        self.block(node.finalbody)

    _TryStar = _Try

    def _With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.value(item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        self.block(node.body)

    _AsyncWith = _With

    def _Match(self, node: ast.Match) -> None:
        subject = self.value(node.subject)
        held = subject.objects | self.heap.inside(subject.objects)
        for case in node.cases:
            before = self._state()
            for one in nodes_in(case.pattern):
                name = getattr(one, "name", None) or getattr(one, "rest", None)
                if isinstance(name, str):
                    self.bind(name, Value(held))
            self.block(case.body)
            self._join(before)

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.value(default)
        made = self._routine(node)
        for one in reversed(node.decorator_list):
            decorator = self.value(one)
            if any(number in self.heap.routines for number in decorator.objects):
                made = made | decorated(self, one, decorator, made)
        if node.decorator_list:
            made = made | self.make((id(node), "decorated"), "", made.objects)
        self.bind(node.name, made)

    _AsyncFunctionDef = _FunctionDef

    def _ClassDef(self, node: ast.ClassDef) -> None:
        attributes = NOTHING
        for one in node.body:
            if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
                attributes |= self.value(one.value).objects
        for decorator in reversed(node.decorator_list):
            self.value(decorator)
        if changes_when_looked_at(node):
            self.touchy.add(f"class {node.name}")
        acting = self.acting.setdefault(f"class {node.name}", [])
        inherited = [self.acting.get(f"class {getattr(base, 'id', '')}", []) for base in node.bases]
        for method in [*chain(*inherited), *may_act(node)]:
            if method not in acting:
                acting.append(method)
        made = self._routine(node)
        self.classes.setdefault(f"class {node.name}", set()).update(made.objects)
        for base in node.bases:
            for above in self.get(base.id).objects if isinstance(base, ast.Name) else ():
                attributes |= self.heap.attributes.get(above, NOTHING)
        for number in made.objects:
            self.heap.attributes[number] = attributes - made.objects
        self.heap.hold(made.objects, attributes - made.objects)
        self.bind(node.name, made)

    def _routine(self, node: Code) -> Value:
        made = self.make(node, "function")
        (number,) = made.objects
        reads = scope_of(standing_alone(node)).reads
        self.heap.routines[number] = Routine(node, reads, nested=bool(self.frames))
        for name in reads:
            if any(name in frame for frame in self.visible()):
                self.heap.hold([number], self.get(name).objects - {number})
        return made

    def _Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.bind(alias.asname or alias.name.split(".")[0], Value(type="module"))

    def _ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.bind(alias.asname or alias.name, Value(type="module"))

    def _Global(self, node: ast.Global | ast.Nonlocal) -> None:
        if self.outer:
            self.outer[-1].update(node.names)

    _Nonlocal = _Global

    def _Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                if not self.frames:
                    self.variables.pop(target.id, None)
            elif isinstance(target, ast.Attribute | ast.Subscript):
                owner = self.value(target.value)
                self.change_only(owner.objects)
                self.resized |= owner.objects

    def _Return(self, node: ast.Return) -> None:
        if node.value is not None and self.returned:
            value = self.value(node.value)
            before = self.returned[-1]
            self.returned[-1] = value if before == NONE else before | value

    # -- expressions: see ``evaluating`` ----------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        """Return what an expression may give, and note what evaluating it may change."""
        return evaluate(self, node)
