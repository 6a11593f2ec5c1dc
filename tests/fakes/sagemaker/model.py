"""Requests and responses held against botocore's own service model, constraints included.

botocore itself checks types and required members, and only on the client's side. SageMaker also
refuses values by enumeration, pattern, length and range; all of these are in the model, so they
are checked here, in both directions.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

_LONGEST_VALUE = 60  # characters of a wrong value that are quoted


@cache
def service(name: str) -> ServiceModel:
    """Return botocore's model of a service."""
    return botocore.session.Session().get_service_model(name)


def operation(service_name: str, name: str) -> OperationModel | None:
    """Return the model of one operation, ``None`` when the service has none of that name."""
    model = service(service_name)
    return model.operation_model(name) if name in model.operation_names else None


def problems(shape: Shape | None, value: Any, path: str = "") -> list[str]:
    """Return everything that is wrong with a JSON value, as sentences like AWS's own."""
    if shape is None:
        return [] if value in (None, {}) else [f"{path or 'body'}: nothing is expected here"]
    check = _CHECKS.get(shape.type_name)
    return check(shape, value, path) if check else []


def _structure(shape: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [_wrong_type(path, "a structure", value)]
    found = [
        f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if value.get(name) is None
    ]
    for name, item in value.items():
        if name not in shape.members:
            found.append(f"Unknown member '{_join(path, name)}'")
        elif item is not None:
            found += problems(shape.members[name], item, _join(path, name))
    return found


def _list(shape: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, list):
        return [_wrong_type(path, "a list", value)]
    found = _size(shape, len(value), path, "length")
    for at, item in enumerate(value):
        found += problems(shape.member, item, f"{path}.{at + 1}.member")
    return found


def _map(shape: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [_wrong_type(path, "a map", value)]
    found = _size(shape, len(value), path, "length")
    for key, item in value.items():
        found += problems(shape.key, key, f"{path}.key")
        found += problems(shape.value, item, f"{path}.{key}")
    return found


def _string(shape: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, str):
        return [_wrong_type(path, "a string", value)]
    found = _size(shape, len(value), path, "length")
    if shape.enum and value not in shape.enum:
        found.append(f"Value '{_short(value)}' at '{path}' is not one of the enumerated values")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(_python_pattern(pattern), value, re.DOTALL):
        found.append(
            f"Value '{_short(value)}' at '{path}' failed to satisfy constraint: Member must "
            f"satisfy regular expression pattern: {pattern}"
        )
    return found


def _integer(shape: Any, value: Any, path: str) -> list[str]:
    if type(value) is not int:
        return [_wrong_type(path, "an integer", value)]
    return _size(shape, value, path, "value")


def _number(shape: Any, value: Any, path: str) -> list[str]:
    return [] if type(value) in (int, float) else [_wrong_type(path, "a number", value)]


def _boolean(shape: Any, value: Any, path: str) -> list[str]:
    return [] if isinstance(value, bool) else [_wrong_type(path, "a boolean", value)]


_CHECKS = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "timestamp": _number,  # the JSON protocol's default: seconds since the epoch
    "boolean": _boolean,
}


def _size(shape: Any, size: int, path: str, what: str) -> list[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    constraint = "failed to satisfy constraint: Member must have"
    if low is not None and size < low:
        return [f"Value at '{path}' {constraint} {what} greater than or equal to {low}"]
    if high is not None and size > high:
        return [f"Value at '{path}' {constraint} {what} less than or equal to {high}"]
    return []


@cache
def _python_pattern(pattern: str) -> str:
    """Return a Java pattern as Python writes it; only the classes that the models use."""
    for java, python in {
        r"\p{L}": r"\w",
        r"\p{Z}": r"\s",
        r"\p{N}": r"\d",
        r"\p{M}": r"\w",
        r"\p{Alnum}": "A-Za-z0-9",
        r"\p{P}": r"!-/:-@\[-`{-~",
        r"\p{S}": r"$+<=>^`|~",
        r"\p{C}": "\x00-\x1f",
    }.items():
        pattern = pattern.replace(java, python)
    return pattern


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _wrong_type(path: str, expected: str, value: Any) -> str:
    return f"Value at '{path or 'body'}' is a {type(value).__name__}, expected {expected}"


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "…"
