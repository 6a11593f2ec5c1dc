"""Which definitions can be said again in every stage that needs them, as they stand by then.

A function or class that reads variables, or that is defined anew in other words: said where a stage
begins, it sees that stage's variables, as it did in the notebook. That holds when its statement may
run once more later than it did: what it reads *at once* (defaults, base classes, decorators) has to
be the same object by then, and nothing may be kept in it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..cells.names import Flow
from ..cells.scopes import scope_of, strings_in
from ..model import CodeCell, Definition
from ..trees import nodes_in
from .changing import Function
from .naming import short_name
from .places import moves
from .soundness import remembers, sound

# Decorators that do not call what they are given.
PATIENT = {
    *("cache", "lru_cache", "cached_property", "wraps", "contextmanager", "staticmethod"),
    *("classmethod", "property", "dataclass", "total_ordering", "abstractmethod"),
}
# Whoever reads annotations may tell whether a name in one was something else by then.
READERS = {
    *("get_type_hints", "__annotations__", "get_annotations", "singledispatch"),
    *("validate_call", "validate_arguments", "singledispatchmethod", "typechecked", "beartype"),
}
# What looks at classes by other means than their names.
LOOKS_AT_CLASSES = {
    "__subclasses__",
    "__bases__",
    "__mro__",
    "mro",
    "get_objects",
    "__init_subclass__",
}
SETTLED = (
    *(ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)
CONSUMERS = {
    *("sum", "max", "min", "any", "all", "sorted", "list", "tuple", "set", "dict", "frozenset"),
    *("join", "sort", "len", "print", "array", "extend", "update", "first"),
}
ASKS = {"isinstance", "issubclass"}


@dataclass
class Early:
    """The names that a definition reads at once.

    ``same``: of which only the object matters; ``computed``: of which more does; ``hints``: in
    annotations of functions, ``named`` those that are such an annotation.
    """

    same: set[str] = field(default_factory=set)
    computed: set[str] = field(default_factory=set)
    hints: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)

    def names(self) -> set[str]:
        """Return all of them."""
        return self.same | self.computed | self.hints | self.named


def early_of(node: ast.stmt) -> Early:
    """Return what a definition's statement reads when it runs."""
    found = Early()
    if isinstance(node, Function):
        _of_function(node, found)
    elif isinstance(node, ast.ClassDef):
        _of_class(node, found)
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        _defaults(node.value.args, found)
    else:
        flow = Flow()
        flow.statement(node)
        found.computed |= flow.exposed
    return found


def _read(node: ast.AST) -> set[str]:
    return {
        one.id
        for one in nodes_in(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
    }


def _defaults(arguments: ast.arguments, found: Early) -> None:
    for one in filter(None, [*arguments.defaults, *arguments.kw_defaults]):
        (found.same if isinstance(one, ast.Name) else found.computed).update(_read(one))


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, found: Early) -> None:
    for one in node.decorator_list:
        called = one.func if isinstance(one, ast.Call) else one
        found.same |= _read(called)
        found.computed |= _read(one) - _read(called)
        if short_name(called) not in PATIENT:
            found.computed |= set(scope_of(node).reads)


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, found: Early) -> None:
    _defaults(node.args, found)
    _decorators(node, found)
    arguments = node.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    given += filter(None, [arguments.vararg, arguments.kwarg])
    for hint in filter(None, [*(one.annotation for one in given), node.returns]):
        if any(isinstance(one, ast.Call) for one in nodes_in(hint)):  # which may say something
            found.computed |= _read(hint)
        else:
            (found.named if isinstance(hint, ast.Name) else found.hints).update(_read(hint))


def _of_class(node: ast.ClassDef, found: Early) -> None:
    _decorators(node, found)
    for base in node.bases:
        plain = isinstance(base, ast.Name | ast.Attribute)
        (found.same if plain else found.computed).update(_read(base))
    for word in node.keywords:
        found.computed |= _read(word.value) | set(scope_of(node).reads)
    own: set[str] = set()
    inner = Early()
    for one in node.body:
        if isinstance(one, Function):
            decorators = [d for d in one.decorator_list if not _of_property(d, own)]
            copied = Early()
            _of_function(one, copied)
            inner.same |= copied.same
            inner.hints |= copied.hints
            inner.named |= copied.named
            inner.computed |= copied.computed if decorators or not one.decorator_list else set()
            own.add(one.name)
        else:
            named = isinstance(one, ast.Assign) and isinstance(one.value, ast.Name)
            (inner.same if named else inner.computed).update(_read(one) - own)
            flow = Flow()
            flow.statement(one)
            own |= flow.definite | flow.maybe
    found.same |= inner.same - own
    found.computed |= inner.computed - own
    found.hints |= inner.hints - own
    found.named |= inner.named - own


def _of_property(decorator: ast.expr, own: set[str]) -> bool:
    """Say whether it is ``@size.setter``."""
    return (
        isinstance(decorator, ast.Attribute)
        and decorator.attr in ("setter", "getter", "deleter")
        and isinstance(decorator.value, ast.Name)
        and decorator.value.id in own
    )


class Repeating:
    """Says which definitions can be said again.

    ``good`` are the names that are shared, ``places`` those of paths from the working folder;
    ``kept`` are attributes whose objects may be changed.
    """

    def __init__(
        self,
        code: list[CodeCell],
        bound: dict[str, list[ast.stmt]],
        good: set[str],
        places: set[str],
        kept: frozenset[str],
    ) -> None:
        self.bound = bound
        self.places = places
        self.good = good
        self.trees = [one.node for cell in code for one in cell.statements]
        self.kept = kept
        words = {
            getattr(one, "id", getattr(one, "attr", getattr(one, "name", "")))
            for tree in self.trees
            for one in nodes_in(tree)
            if isinstance(one, ast.Name | ast.Attribute | Function)
        }
        words |= set(strings_in(self.trees)) & LOOKS_AT_CLASSES
        self.hints_count = bool(words & READERS)
        self.classes_count = bool(words & LOOKS_AT_CLASSES)
        self.moves = moves(self.trees)
        self.handed_on = {name for tree in self.trees for name in _handed_on(tree)}

    def again(self, one: Definition) -> bool:
        """Say whether the statement of ``one`` can run where any later stage begins."""
        node = one.statement.node
        if one.kind == "import":
            return isinstance(node, ast.Import | ast.ImportFrom)
        if one.kind == "place":
            return not self.moves and all(map(self._place_or_shared, one.free))
        if one.beside or not sound(one, self.bound, self.kept):
            return False
        if one.kind == "constant":
            return all(self._shared(name) for name in one.free)
        early = early_of(node)
        if self.hints_count:
            early.computed |= early.hints | early.named
        # Of a name that is bound anew the hint says something else by then, which nobody reads.
        hints = (early.hints | early.named) - early.computed - early.same
        if not all(self._the_same(name) for name in early.same - early.computed):
            return False
        if not all(self._shared(name) for name in early.computed):
            return False
        if not all(self._shared(name) or self._plainly_bound(name) for name in hints):
            return False
        if any(remembers(each) for each in getattr(node, "decorator_list", [])):
            # What it remembers it computed of what it read by then.
            return all(self._shared(name) for name in one.free)
        if "eval" in one.free and _gives_away(node):
            return False
        return one.kind == "function" or self._only_shown(one) or self._class_again(one)

    def _class_again(self, one: Definition) -> bool:
        node = one.statement.node
        assert isinstance(node, ast.ClassDef)
        plain = not node.keywords and "eval" not in one.free
        return plain and not self.classes_count and one.name not in self.handed_on

    def _only_shown(self, one: Definition) -> bool:
        """Say whether instances of a class are made to be shown at once, and are never kept."""
        shown = {
            id(tree.value.func)
            for tree in self.trees
            if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Call)
        }
        return one.kind == "class" and all(
            id(node) in shown
            for tree in self.trees
            for node in nodes_in(tree)
            if isinstance(node, ast.Name) and node.id == one.name
        )

    def _place_or_shared(self, name: str) -> bool:
        """Say whether a name is shared, or a path that is bound once, and so can be said again."""
        return self._shared(name) or (name in self.places and len(self.bound[name]) == 1)

    def _shared(self, name: str) -> bool:
        return name in self.good or name not in self.bound

    def _settled(self, name: str) -> bool:
        """Say whether ``name`` is bound once, whatever happens."""
        return len(self.bound.get(name, [])) == 1 and self._plainly_bound(name)

    def _plainly_bound(self, name: str) -> bool:
        """Say whether ``name`` is bound whatever happens, and never deleted."""
        return all(isinstance(one, SETTLED) for one in self.bound.get(name, []))

    def _the_same(self, name: str) -> bool:
        return self._shared(name) or self._settled(name)


def _gives_away(node: ast.stmt) -> bool:
    """Say whether a function in it evaluates text, and may do so when its variables are gone."""
    inner = node.value if isinstance(node, ast.Assign) else node
    own = {id(inner), *(id(one) for one in getattr(inner, "body", []) if _is_method(one, inner))}
    own |= {
        id(given)
        for call in nodes_in(inner)
        if isinstance(call, ast.Call) and short_name(call.func) in CONSUMERS
        for given in [*call.args, *(word.value for word in call.keywords)]
    }
    return any(
        isinstance(part, ast.Lambda | Function | ast.ClassDef | ast.GeneratorExp)
        and "eval" in scope_of(part).reads
        for part in nodes_in(inner)
        if id(part) not in own
    )


def _is_method(part: ast.AST, inside: ast.AST) -> bool:
    return isinstance(inside, ast.ClassDef) and isinstance(part, Function)


def _handed_on(tree: ast.stmt) -> Iterator[str]:
    """Yield the names that are more than called, asked for, derived from, or looked into."""
    plain: set[int] = set()
    for node in nodes_in(tree):
        if isinstance(node, ast.Call):
            plain.add(id(node.func))
            if isinstance(node.func, ast.Name) and node.func.id in ASKS:
                for given in node.args[1:]:
                    plain |= {id(one) for one in nodes_in(given)}
        elif isinstance(node, ast.ClassDef):
            plain |= {id(one) for one in node.bases}
        elif isinstance(node, ast.Attribute):
            plain.add(id(node.value))
        elif isinstance(node, ast.ExceptHandler) and node.type is not None:
            plain |= {id(one) for one in nodes_in(node.type)}
        elif isinstance(node, ast.Raise):
            plain.add(id(node.exc))
        for hint in filter(
            None, (getattr(node, "annotation", None), getattr(node, "returns", None))
        ):
            plain |= {id(one) for one in nodes_in(hint)}
    for node in nodes_in(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in plain:
            yield node.id
