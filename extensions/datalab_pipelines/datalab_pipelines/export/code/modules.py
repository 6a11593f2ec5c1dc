"""A module as it grows: what it imports, and its body."""

from __future__ import annotations

from dataclasses import dataclass, field

from .hinting import Hints
from .prose import sentence
from .sources import short


@dataclass
class Module:
    """The text of a module to be."""

    title: str
    hints: Hints
    imports: set[str] = field(default_factory=set)
    body: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)

    def text(self, futures: list[str]) -> str:
        """Return it; ``futures`` are its imports from ``__future__``."""
        lines = [f'"""{sentence(short(self.title))}"""', "", *futures, *self.first]
        lines += sorted(self.imports | self.hints.imports)
        return "\n".join([*lines, "", "", *self.body]) + "\n"
