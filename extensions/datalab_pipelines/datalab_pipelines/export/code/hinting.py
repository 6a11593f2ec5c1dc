"""Type hints as text, with the imports that they need."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path

SHORT = {"pandas": "pd", "numpy": "np", "polars": "pl"}
UNTOLD = {"", "made", "function", "module", "drawing", "None"}


@dataclass
class Hints:
    """Collects hints of one module.

    ``aliases``: how the notebook calls imported names; ``lines``: what imports them.
    """

    aliases: dict[str, str]
    lines: dict[str, str]
    shared: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)  # of ``shared``

    def text(self, kind: str) -> str:
        """Return the hint for a type: ``pd.DataFrame`` for ``pandas.DataFrame``."""
        if kind in UNTOLD:
            return self._any()
        if kind.startswith("class "):
            name = kind.removeprefix("class ")
            if name not in self.shared:
                return self._any()
            self.names.add(name)
            return name
        if "[" in kind:
            outer, inner = kind[:-1].split("[", 1)
            parts = ", ".join(self.text(one) for one in _parts(inner))
            return f"{outer}[{parts}]"
        if "." not in kind:
            return kind if hasattr(builtins, kind) else self._any()
        # An argument of type ``Path`` stands for the file that it names, which a variable does not.
        kind = kind if kind != "pathlib.Path" else f"pathlib.{type(Path()).__name__}"
        module, _, name = kind.rpartition(".")
        alias = next((a for a, full in self.aliases.items() if full == kind), "")
        if alias:
            self.imports.add(_from(module, name, alias))
            return alias
        for short, full in self.aliases.items():
            if full == module:
                self.imports |= set(self.lines[short].split("\n"))
                return f"{short}.{name}"
        if not is_module(module):
            return self._within(kind)
        if module in SHORT:
            self.imports.add(f"import {module} as {SHORT[module]}")
            return f"{SHORT[module]}.{name}"
        self.imports.add(_from(module, name, name))
        return name

    def _within(self, kind: str) -> str:
        """Return the hint as the notebook reaches it: no module is called statsmodels.api.tsa."""
        found = [one for one in self.aliases.items() if kind.startswith(f"{one[1]}.")]
        if not found:
            return self._any()
        short, full = max(found, key=lambda one: len(one[1]))
        self.imports |= set(self.lines[short].split("\n"))
        return f"{short}{kind.removeprefix(full)}"

    def _any(self) -> str:
        self.imports.add("from typing import Any")
        return "Any"


def _from(module: str, name: str, alias: str) -> str:
    renamed = "" if name == alias else f" as {alias}"
    return f"from {module} import {name}{renamed}"


def _parts(text: str) -> list[str]:
    tree = ast.parse(text, mode="eval").body
    inner = tree.elts if isinstance(tree, ast.Tuple) else [tree]
    return [ast.unparse(one) for one in inner]


def is_module(name: str) -> bool:
    """Say whether a dotted name is a module of what is installed, without importing any of it."""
    parts = name.split(".")
    places: Sequence[str] | None = None
    for number in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:number]), places)
        if spec is None:
            return number == 1  # built in, or beside the notebook
        places = spec.submodule_search_locations
        if places is None and number < len(parts):
            return False
    return True
