"""Where the classes of values come from."""

from __future__ import annotations


def module_of(kind: type) -> str:
    """Return the module of a class; nothing for the class of Cython's functions, which has none."""
    module = kind.__module__
    return module if isinstance(module, str) else ""
