"""Which names code reads and binds, in the order in which its statements run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..trees import nodes_in
from .scopes import names_in_text_of_call, scope_of

Expand = Callable[[str], set[str]]


@dataclass
class Flow:
    """A walk over statements in the order in which they run.

    ``definite``: bound whatever happens; ``maybe``: bound perhaps; ``deleted``: perhaps deleted;
    ``exposed``: perhaps read before the code itself binds them; ``certain``: surely so.
    """

    expand: Expand = lambda name: set()
    known: set[str] = field(default_factory=set)
    definite: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    exposed: set[str] = field(default_factory=set)
    certain: set[str] = field(default_factory=set)
    writes_of: Expand = lambda name: set()

    def __post_init__(self) -> None:
        self.sure = True
        self.local: list[set[str]] = []

    def run(self, body: Iterable[ast.stmt]) -> None:
        """Walk ``body``."""
        for node in body:
            self.statement(node)

    def read(self, name: str) -> None:
        """Note that ``name`` is read here."""
        if any(name in scope for scope in self.local):
            return
        for one in {name} | self.expand(name):
            if one not in self.definite:
                self.exposed.add(one)
                if self.sure and one == name and one not in self.maybe:
                    self.certain.add(one)
        for one in self.writes_of(name):
            self.maybe.add(one)

    def bind(self, name: str) -> None:
        """Note that ``name`` is bound here."""
        if any(name in scope for scope in self.local):
            return
        if self.sure:
            self.definite.add(name)
            self.deleted.discard(name)
        self.maybe.add(name)

    def delete(self, name: str) -> None:
        """Note that ``name`` is deleted here."""
        self.read(name)
        self.definite.discard(name)
        self.deleted.add(name)

    # -- statements ---------------------------------------------------------------------------

    def statement(self, node: ast.stmt) -> None:
        """Walk one statement."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            for one in [*node.decorator_list, *node.bases, *(w.value for w in node.keywords)]:
                self.expression(one)
            for name in sorted(scope_of(node).reads):
                self._late(name)
            self.bind(node.name)
        elif isinstance(node, ast.Assign):
            self.expression(node.value)
            for target in node.targets:
                self.target(target)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name):
                self.read(node.target.id)
            self.expression(node.value)
            self.target(node.target)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.expression(node.value)
                self.target(node.target)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self.expression(node.iter)
            self._maybe(lambda: self._turn(node))
            self._maybe(lambda: self.run(node.orelse))
        elif isinstance(node, ast.While):
            self.expression(node.test)
            self._maybe(lambda: self.run(node.body))
            self._maybe(lambda: self.run(node.orelse))
        elif isinstance(node, ast.If):
            self.expression(node.test)
            self._branches([node.body, node.orelse])
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self.expression(item.context_expr)
                if item.optional_vars is not None:
                    self.target(item.optional_vars)
            self.run(node.body)
        elif isinstance(node, ast.Try | ast.TryStar):
            self._try(node)
        elif isinstance(node, ast.Match):
            self.expression(node.subject)
            for case in node.cases:
                self._maybe(lambda case=case: self._case(case))  # type: ignore[misc]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self.bind(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name != "*" and node.module != "__future__":
                    self.bind(alias.asname or alias.name)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(one, ast.Name):
                        self.delete(one.id)
                    else:
                        self.expression(one)
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.expression(child)

    def _turn(self, node: ast.For | ast.AsyncFor) -> None:
        self.target(node.target)
        self.run(node.body)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        for one in [*node.decorator_list, *arguments.defaults, *arguments.kw_defaults]:
            if one is not None:
                self.expression(one)
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if argument.annotation is not None:
                self.expression(argument.annotation)
        if node.returns is not None:
            self.expression(node.returns)
        if node.decorator_list:
            for name in sorted(scope_of(node).reads):
                self._late(name)
        self.bind(node.name)

    def _late(self, name: str) -> None:
        sure, self.sure = self.sure, False
        self.read(name)
        self.sure = sure

    def _maybe(self, walk: Callable[[], object]) -> None:
        sure, definite = self.sure, set(self.definite)
        self.sure = False
        # Inside, what was bound before in the same branch is bound: track it on a copy.
        outer_bind = self.bind
        inner: set[str] = set()

        def bind(name: str) -> None:
            outer_bind(name)
            if not any(name in scope for scope in self.local):
                inner.add(name)
                self.definite.add(name)

        self.bind = bind  # type: ignore[method-assign]
        try:
            walk()
        finally:
            self.bind = outer_bind  # type: ignore[method-assign]
            self.sure = sure
            self.definite = definite - self.deleted

    def _branches(self, bodies: list[list[ast.stmt]]) -> None:
        ends: list[set[str]] = []
        before = set(self.definite)
        for body in bodies:
            self.definite = set(before)
            sure, self.sure = self.sure, False
            outer_bind = self.bind

            def bind(name: str, outer: Callable[[str], None] = outer_bind) -> None:
                outer(name)
                if not any(name in scope for scope in self.local):
                    self.definite.add(name)

            self.bind = bind  # type: ignore[method-assign]
            self.run(body)
            self.bind = outer_bind  # type: ignore[method-assign]
            self.sure = sure
            if not _leaves(body):
                ends.append(set(self.definite))
        self.definite = set.intersection(*ends) if ends else before

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        before = set(self.definite)
        ends: list[set[str]] = []
        self._branches([[*node.body, *node.orelse]])
        ends.append(set(self.definite))
        for handler in node.handlers:
            self.definite = set(before)
            if handler.type is not None:
                self.expression(handler.type)
            name = handler.name
            self.local.append({name} if name else set())
            self._branches([handler.body])
            self.local.pop()
            if not _leaves(handler.body):
                ends.append(set(self.definite))
        self.definite = set.intersection(*ends)
        self.run(node.finalbody)

    def _case(self, case: ast.match_case) -> None:
        for one in nodes_in(case.pattern):
            name = getattr(one, "name", None) or getattr(one, "rest", None)
            if isinstance(name, str):
                self.bind(name)
            if isinstance(one, ast.MatchValue | ast.MatchClass):
                self.expression(one.value if isinstance(one, ast.MatchValue) else one.cls)
        if case.guard is not None:
            self.expression(case.guard)
        self.run(case.body)

    # -- expressions --------------------------------------------------------------------------

    def target(self, node: ast.expr) -> None:
        """Walk what is assigned to."""
        if isinstance(node, ast.Name):
            self.bind(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            for one in node.elts:
                self.target(one)
        elif isinstance(node, ast.Starred):
            self.target(node.value)
        else:
            self.expression(node)

    def expression(self, node: ast.AST) -> None:
        """Walk an expression."""
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self.read(node.id)
        elif isinstance(node, ast.NamedExpr):
            self.expression(node.value)
            self.bind(node.target.id)
        elif isinstance(node, ast.Lambda):
            for one in [*node.args.defaults, *node.args.kw_defaults]:
                if one is not None:
                    self.expression(one)
            for name in sorted(scope_of(node).reads):
                self._late(name)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            self._comprehension(node)
        elif isinstance(node, ast.BoolOp | ast.IfExp):
            if_parts = [] if isinstance(node, ast.BoolOp) else [node.test, node.body, node.orelse]
            parts = node.values if isinstance(node, ast.BoolOp) else if_parts
            self.expression(parts[0])
            for one in parts[1:]:
                self._maybe(lambda one=one: self.expression(one))  # type: ignore[misc]
        else:
            if isinstance(node, ast.Call):
                for name in sorted(names_in_text_of_call(node)):
                    self._late(name)
            for child in ast.iter_child_nodes(node):
                self.expression(child)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> None:
        self.expression(node.generators[0].iter)
        targets: set[str] = set()
        for one in node.generators:
            targets |= {n.id for n in nodes_in(one.target) if isinstance(n, ast.Name)}
        walrus = {n.target.id for n in nodes_in(node) if isinstance(n, ast.NamedExpr)} - targets
        self.local.append(targets)
        sure, self.sure = self.sure, False
        for number, one in enumerate(node.generators):
            if number:
                self.expression(one.iter)
            for test in one.ifs:
                self.expression(test)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self.expression(part)
        self.sure = sure
        self.local.pop()
        for name in walrus:
            self.maybe.add(name)


def _leaves(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise)
