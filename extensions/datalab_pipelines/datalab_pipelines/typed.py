"""The type of a value as a person writes it in a hint, by a name that can be imported."""

from __future__ import annotations

import sys
from typing import Any

from .kinds import module_of

PLAIN = (bool, int, float, complex, str, bytes)
SAMPLE = 50
DEEPEST = 4  # deeper hints nobody reads, and a list may hold itself


def type_of(value: Any, depth: int = 0) -> str:
    """Return ``pandas.DataFrame``, ``list[int]``, ``dict[str, float]``…; nothing when none is sure.

    A class is called by the shortest module that has it: ``sklearn.linear_model.Lasso`` and not
    ``sklearn.linear_model._coordinate_descent.Lasso``. Classes of the notebook are ``class Name``,
    private ones of a library what their first public base is called.
    """
    kind = type(value)
    if value is None:
        return "None"
    if kind in (list, set, frozenset, tuple, dict):
        return _container(value, depth)
    if module_of(kind) in ("builtins", ""):
        return kind.__name__ if kind in PLAIN or kind is range else ""
    if kind.__module__ == "numpy":
        scalar = _scalar(value)
        if scalar:
            return scalar
    if kind.__module__ in ("__main__", "shared") or kind.__module__.startswith("stages."):
        return f"class {kind.__qualname__}" if kind.__qualname__.isidentifier() else ""
    if "<locals>" in kind.__qualname__ or not kind.__qualname__.isidentifier():
        return ""
    if kind.__name__.startswith("_"):
        return _public(kind)
    return _importable(kind)


def _public(kind: type) -> str:
    """Return what a class is called that its library keeps to itself: by its first public base."""
    for base in kind.__mro__[1:]:
        if base.__name__.startswith("_") or base.__module__ in ("typing", "abc", "collections.abc"):
            continue
        if base.__module__ == "builtins":
            return base.__name__ if base in (*PLAIN, list, set, frozenset, tuple, dict) else ""
        return _importable(base)
    return ""


def _importable(kind: type) -> str:
    parts = kind.__module__.split(".")
    for length in range(1, len(parts) + 1):
        module = ".".join(parts[:length])
        if getattr(sys.modules.get(module), kind.__name__, None) is kind:
            return f"{module}.{kind.__name__}"
    return ""


def _scalar(value: Any) -> str:
    import numpy

    if not isinstance(value, numpy.generic):
        return ""
    # numpy.float64 is a float; numpy.int64 is no int.
    return "float" if type(value) is numpy.float64 else f"numpy.{type(value).__name__}"


def _container(value: Any, depth: int) -> str:
    name = type(value).__name__
    if depth >= DEEPEST:
        return name
    if isinstance(value, dict):
        keys, values = (
            _common(list(value)[:SAMPLE], depth),
            _common(list(value.values())[:SAMPLE], depth),
        )
        return f"dict[{keys}, {values}]" if keys and values else "dict"
    if isinstance(value, tuple):
        kinds = [type_of(one, depth + 1) for one in value[:5]]
        fits = 0 < len(value) <= 5 and all(kind and " " not in kind for kind in kinds)
        return f"tuple[{', '.join(kinds)}]" if fits else "tuple"
    inner = _common(list(value)[:SAMPLE], depth)
    return f"{name}[{inner}]" if inner else name


def _common(values: list[Any], depth: int) -> str:
    kinds = {type_of(one, depth + 1) for one in values}
    found = kinds.pop() if len(kinds) == 1 else ""
    return found if "class " not in found and found != "None" else ""
