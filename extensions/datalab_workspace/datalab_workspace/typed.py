"""JSON into dataclasses: every field is held against its type hint."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


class WireError(ValueError):
    """A message that cannot be understood; the text names the field and what was expected."""


def read(kind: Any, body: dict[str, Any], path: str) -> Any:
    """Return a dataclass of this kind from the fields that it knows.

    Args:
        path: of the object in the message, for what is said about it.

    Raises:
        WireError: a field is missing, or of another type.
    """
    hints = get_type_hints(kind)
    values = {}
    for item in fields(kind):
        if item.name in body:
            values[item.name] = _check(body[item.name], hints[item.name], f"{path}.{item.name}")
        elif item.default is MISSING and item.default_factory is MISSING:
            raise WireError(f"{path}.{item.name} is missing")
    return kind(**values)


def _check(value: Any, hint: Any, path: str) -> Any:
    """Return a value as its type hint wants it: plain, ``| None``, list, dict, or dataclass."""
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, dict):
        return read(hint, value, path)
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    for option in options:
        container, inner = get_origin(option), get_args(option)
        if container is list and isinstance(value, list):
            return [_check(entry, inner[0], f"{path}[{at}]") for at, entry in enumerate(value)]
        if container is dict and isinstance(value, dict):
            return {key: _check(entry, inner[1], f"{path}.{key}") for key, entry in value.items()}
        if container is None and _is(value, option):
            return value
    expected = " or ".join(getattr(option, "__name__", str(option)) for option in options)
    raise WireError(f"{path} is a {type(value).__name__}, expected {expected}")


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):  # which Python counts as a number
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
