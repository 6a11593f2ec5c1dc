"""Paths and intrinsic functions: what a state's ``…$`` fields say."""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

Json = Any
STEP = re.compile(r"\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|\['(?P<quoted>[^']+)'\]|\[(?P<index>\d+)\]")
CALL = re.compile(r"States\.\w+\(")


class PathError(Exception):
    """A path finds nothing, or an intrinsic function is given nonsense."""


def read(path: str, data: Json, context: Json) -> Json:
    """Return what ``path`` finds; raises ``PathError``."""
    if CALL.match(path):
        return Intrinsics(data, context).value(path)
    if path.startswith("$$"):
        return _walk(path[1:], context, path)
    return _walk(path, data, path)


def _walk(path: str, data: Json, shown: str) -> Json:
    position, found = 1, data
    if not path.startswith("$"):
        raise PathError(f"{shown} is no path")
    while position < len(path):
        step = STEP.match(path, position)
        if not step:
            raise PathError(f"{shown} is no path that is known here")
        key: Any = step["name"] or step["quoted"] or int(step["index"])
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):
            raise PathError(f"{shown} finds nothing at {step[0]}") from None
        position = step.end()
    return found


def fill(template: Json, data: Json, context: Json) -> Json:
    """Return a payload template with its ``…$`` fields filled in."""
    if isinstance(template, dict):
        found = {}
        for key, value in template.items():
            if key.endswith(".$"):
                found[key[:-2]] = copy.deepcopy(read(value, data, context))
            else:
                found[key] = fill(value, data, context)
        return found
    if isinstance(template, list):
        return [fill(one, data, context) for one in template]
    return template


def put(path: str | None, data: Json, result: Json) -> Json:
    """Return ``data`` with ``result`` at a ``ResultPath``; null drops it."""
    if path is None:
        return data
    if path == "$":
        return result
    found = copy.deepcopy(data) if isinstance(data, dict) else {}
    at, names = found, [step["name"] or step["quoted"] for step in STEP.finditer(path)]
    if None in names or "".join(f".{name}" for name in names) != path[1:]:
        raise PathError(f"{path} is no reference path")
    for name in names[:-1]:
        at = at.setdefault(name, {})
    at[names[-1]] = result
    return found


class Intrinsics:
    """A recursive-descent reader of ``States.Format('{}', $.x)`` and its like."""

    def __init__(self, data: Json, context: Json) -> None:
        self.data, self.context = data, context

    def value(self, text: str) -> Json:
        found, rest = self._expression(text.strip())
        if rest.strip():
            raise PathError(f"{text}: what is {rest!r}?")
        return found

    def _expression(self, text: str) -> tuple[Json, str]:
        if CALL.match(text):
            return self._call(text)
        if text.startswith("'"):
            return self._literal(text)
        if text.startswith("$"):
            end = _path_end(text)
            return read(text[:end].strip(), self.data, self.context), text[end:]
        found = re.match(r"-?\d+(\.\d+)?|true|false|null", text)
        if not found:
            raise PathError(f"cannot read {text!r}")
        return json.loads(found[0]), text[found.end() :]

    def _literal(self, text: str) -> tuple[str, str]:
        found, position = [], 1
        while position < len(text) and text[position] != "'":
            if text[position] == "\\":
                position += 1
                # An escaped brace must not be taken for a place of Format's.
                found.append({"{": "\x01", "}": "\x02"}.get(text[position], text[position]))
            else:
                found.append(text[position])
            position += 1
        if position >= len(text):
            raise PathError(f"{text}: the text does not end")
        return "".join(found), text[position + 1 :]

    def _call(self, text: str) -> tuple[Json, str]:
        name, _, rest = text.partition("(")
        arguments = []
        rest = rest.strip()
        while not rest.startswith(")"):
            value, rest = self._expression(rest)
            arguments.append(value)
            rest = rest.strip()
            if rest.startswith(","):
                rest = rest[1:].strip()
        functions: dict[str, Callable[..., Json]] = {
            "States.Format": _format,
            "States.JsonToString": lambda value: json.dumps(value, separators=(",", ":")),
            "States.StringToJson": json.loads,
            "States.JsonMerge": _merge,
            "States.Array": lambda *values: list(values),
            "States.ArrayGetItem": lambda values, number: values[number],
            "States.ArrayLength": len,
            "States.StringSplit": lambda text, by: [
                part for part in re.split(f"[{re.escape(by)}]", text) if part
            ],
            "States.UUID": lambda: str(uuid.uuid4()),
        }
        if name not in functions:
            raise PathError(f"{name} is no intrinsic function that is known here")
        plain = [_unmask(one) if name != "States.Format" else one for one in arguments]
        try:
            return functions[name](*plain), rest[1:]
        except (TypeError, ValueError, IndexError) as error:
            raise PathError(f"{name}: {error}") from None


def _unmask(value: Json) -> Json:
    if isinstance(value, str):
        return value.replace("\x01", "{").replace("\x02", "}")
    return value


def _format(template: str, *values: Json) -> str:
    parts = template.split("{}")
    if len(parts) != len(values) + 1:
        raise ValueError(f"{template!r} has {len(parts) - 1} places for {len(values)} values")
    found = parts[0]
    for part, value in zip(parts[1:], values, strict=True):
        if isinstance(value, list | dict):
            raise ValueError("takes text, numbers and booleans")
        shown = value if isinstance(value, str) else json.dumps(value)
        found += shown.replace("{", "\x01").replace("}", "\x02") + part
    if "{" in found or "}" in found:
        raise ValueError(f"{template!r} has a brace that is not escaped")
    return str(_unmask(found))


def _merge(one: Json, other: Json, deep: bool) -> Json:
    if deep is not False:
        raise ValueError("only shallow merges exist")
    return {**one, **other}


def _path_end(text: str) -> int:
    depth = 0
    for position, character in enumerate(text):
        if character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
        elif character in ",)" and depth == 0:
            return position
    return len(text)
