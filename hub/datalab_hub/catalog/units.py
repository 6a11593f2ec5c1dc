"""Sizes and durations as people write them: ``4 GiB``, ``30m``, ``never``."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

_SIZE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12} | {
    f"{letter}i": 1024**power for power, letter in enumerate("kmgt", start=1)
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE)
_TIME_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_TIME = re.compile(r"(?:\d+\s*[dhms]\s*)+", re.IGNORECASE)
_ISO_TIME = TypeAdapter(timedelta)


def parse_size(value: Any) -> int:
    """Return bytes from ``"4 GiB"``, ``"4G"``, ``"512M"`` or a whole number of bytes.

    ``GiB`` and ``Gi`` are powers of 1024, ``GB`` and ``G`` powers of 1000, as in Kubernetes.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    size = int(Decimal(match[1]) * _SIZE_UNITS[(match[2] or "").lower()]) if match else 0
    if size <= 0:
        raise PydanticCustomError("size", "expected a size such as '4 GiB', '512 MiB' or '4G'")
    return size


def format_size(size: int) -> str:
    """Return the shortest exact spelling of a number of bytes."""
    for unit in ("Ti", "Gi", "Mi", "Ki", "T", "G", "M", "K"):
        factor = _SIZE_UNITS[unit.lower()]
        if size % factor == 0:
            return f"{size // factor} {unit}B"
    return f"{size} B"


def parse_duration(value: Any) -> timedelta | None:
    """Return a duration from ``"1h30m"``, ``"8h"``, ISO 8601, or ``None`` from ``"never"``."""
    if value is None or isinstance(value, timedelta):
        found = value
    elif not isinstance(value, str):
        raise _duration_error()
    elif value.strip().lower() == "never":
        return None
    elif _TIME.fullmatch(value.strip()):
        parts = re.findall(r"(\d+)\s*([dhms])", value.lower())
        found = _seconds(sum(int(number) * _TIME_UNITS[unit] for number, unit in parts))
    elif value.strip().upper().startswith("P"):
        try:
            found = _ISO_TIME.validate_python(value.strip())
        except ValueError:
            raise _duration_error() from None
    else:
        raise _duration_error()
    if found is not None and found <= timedelta(0):
        raise _duration_error()
    return found


def format_duration(value: timedelta | None) -> str:
    """Return the spelling that :func:`parse_duration` reads back: ``1h30m``, ``never``."""
    if value is None:
        return "never"
    left, text = int(value.total_seconds()), ""
    for unit, seconds in _TIME_UNITS.items():
        number, left = divmod(left, seconds)
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def _seconds(number: int) -> timedelta:
    try:
        return timedelta(seconds=number)
    except OverflowError:
        raise _duration_error() from None


def _duration_error() -> PydanticCustomError:
    return PydanticCustomError(
        "duration", "expected a duration such as '30m', '8h', '1h30m', 'PT8H' or 'never'"
    )


def _required_duration(value: Any) -> timedelta:
    found = parse_duration(value)
    if found is None:
        raise PydanticCustomError("duration", "expected a duration such as '5m'; not 'never'")
    return found


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, when_used="json"),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["4 GiB", "512 MiB"]}),
]
Duration = Annotated[
    timedelta | None,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": ["string", "null"], "examples": ["30m", "8h", "never"]}),
]
RequiredDuration = Annotated[
    timedelta,
    BeforeValidator(_required_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["30s", "5m"]}),
]
