"""Digests of variables that are equal when the values are: for comparing two processes.

Order of dictionaries and types count; memory addresses, and in which module a function or class was
defined, do not. Which parts are one object shows only when one is changed, in what comes after.
"""

from __future__ import annotations

import hashlib
import types
from typing import Any

SKIPPED = {"In", "Out", "exit", "quit", "open", "get_ipython"}
LARGEST = 3_000_000


def digests(variables: dict[str, Any]) -> dict[str, str]:
    """Return the digest of every variable; ``?`` and why for one that cannot be compared."""
    found = {}
    for name, value in list(variables.items()):
        if not name.startswith("_") and name not in SKIPPED:
            try:
                found[name] = digest(value)
            except Exception as error:  # noqa: BLE001 - __reduce__ may raise anything
                found[name] = f"? {type(error).__name__}: {error}"[:200]
    return found


def digest(value: Any) -> str:
    """Return the digest of one value. Raises for what cannot be taken apart."""
    walk = _Walk()
    walk.add(value)
    return walk.hash.hexdigest()


class _Walk:
    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.done: dict[int, str] = {}
        self.open: list[int] = []
        self.kept: list[Any] = []
        self.steps = 0

    def say(self, *parts: object) -> None:
        self.hash.update(repr(parts).encode(errors="surrogatepass"))

    def add(self, value: Any, depth: int = 0) -> None:
        self.steps += 1
        if self.steps > LARGEST or depth > 200:
            raise ValueError("it is too large to be compared")
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes):
            return self.say(kind.__name__, value)
        if isinstance(value, types.ModuleType):
            return self.say("module", value.__name__)
        if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type):
            return self.say(
                "named", value.__qualname__.replace("<lambda>", "lambda")[-80:].split(".")[-1]
            )
        if isinstance(value, types.GeneratorType):
            raise TypeError("a generator")
        if kind in (tuple, frozenset, set, list, dict) or hasattr(value, "__dict__"):
            if id(value) in self.open:
                return self.say("itself", len(self.open) - self.open.index(id(value)))
            if id(value) not in self.done:
                self.kept.append(value)  # so that no other object gets its identity
                outer, self.hash = self.hash, hashlib.sha256()
                self.open.append(id(value))
                self._inside(value, depth)
                self.open.pop()
                self.done[id(value)] = self.hash.hexdigest()
                self.hash = outer
            return self.say(self.done[id(value)])
        self._inside(value, depth)

    def _inside(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind in (list, tuple):
            self.say(kind.__name__, len(value))
            for one in value:
                self.add(one, depth + 1)
        elif kind is dict:
            self.say("dict", len(value))
            for key, one in value.items():
                self.add(key, depth + 1)
                self.add(one, depth + 1)
        elif kind in (set, frozenset):
            self.say(kind.__name__, sorted(digest(one) for one in value))
        elif kind.__module__ == "numpy" and kind.__name__ == "ndarray":
            self._array(value, depth)
        elif kind.__module__.split(".")[0] == "pandas" and kind.__name__ in ("DataFrame", "Series"):
            self._pandas(value, depth)
        elif kind.__module__.startswith("matplotlib"):
            raise TypeError("a drawing")
        else:
            self._object(value, depth)

    def _array(self, value: Any, depth: int) -> None:
        if value.dtype.hasobject:
            self.say("array", value.shape)
            return self.add(value.tolist(), depth + 1)
        self.say("array", value.dtype.str, value.shape)
        self.hash.update(value.tobytes())

    def _pandas(self, value: Any, depth: int) -> None:
        import numpy

        self.say(type(value).__name__, value.shape)
        columns = (
            [value.iloc[:, at] for at in range(value.shape[1])] if value.ndim == 2 else [value]
        )
        self.add(list(value.columns) if value.ndim == 2 else value.name, depth + 1)
        self.say(str(value.index.dtype), value.index.names)
        self.add(list(value.index), depth + 1)
        for column in columns:
            self.say(str(column.dtype))
            plain = isinstance(column.dtype, numpy.dtype) and not column.dtype.hasobject
            self.add(column.to_numpy() if plain else column.tolist(), depth + 1)

    def _object(self, value: Any, depth: int) -> None:
        parts = value.__reduce_ex__(4)
        if isinstance(parts, str):
            return self.say("named", parts.split(".")[-1])
        self.say(type(value).__name__)
        function, arguments, state, items, pairs = (*parts, None, None, None, None)[:5]
        self.add(function, depth + 1)
        self.add(arguments, depth + 1)
        self.add(state, depth + 1)
        self.add(None if items is None else list(items), depth + 1)
        self.add(None if pairs is None else list(pairs), depth + 1)
