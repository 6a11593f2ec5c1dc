"""Why a function or class cannot be said elsewhere, in words for the person who wrote it."""

from __future__ import annotations

import ast
import builtins

from ..model import Definition
from .changing import changed_names
from .looking import kept_attributes
from .repeating import early_of
from .soundness import remembers, sound


class Telling:
    """Says why definitions keep their cells together.

    ``trees`` are all statements of the notebook, ``bound`` those that bind each name, ``stored``
    functions and classes in which something is stored by another name.
    """

    def __init__(
        self,
        trees: list[ast.stmt],
        bound: dict[str, list[ast.stmt]],
        definitions: dict[str, list[Definition]],
        stored: set[str],
    ) -> None:
        self.bound = bound
        self.definitions = definitions
        self.kept = kept_attributes(trees, bound)
        self.stored = stored.union(*(changed_names(tree) for tree in trees))

    def why(self, one: Definition) -> str:
        """Return what keeps the cells of a function or class together."""
        node = one.statement.node
        said = f"{one.kind} {one.name}"
        if one.name in self.stored:
            return f"something is stored in {said}"
        if len(self.bound[one.name]) > len(self.definitions[one.name]):
            return f"{one.name} is a {one.kind}, and something else elsewhere"
        if any(remembers(each) for each in getattr(node, "decorator_list", [])):
            return f"{said} remembers what it gave"
        if not sound(one, self.bound, self.kept):
            what = "an attribute, a default" if one.kind == "class" else "a default"
            return f"{said} keeps something that may change, in {what} or a decorator"
        if hasattr(builtins, one.name):
            return f"{one.name} is Python's own until the notebook defines {said}"
        early = early_of(node)
        for name in sorted(early.computed | early.same):
            if name in self.bound and not self._shared(name):
                return f"{said} takes {name} as it is where it is defined, and {name} may change"
        return f"{said} depends on what it finds, and is not the same elsewhere"

    def _shared(self, name: str) -> bool:
        return name in self.definitions and self.definitions[name][0].shared
