"""What an API server checks and changes in the objects that it is sent."""

from __future__ import annotations

import base64
import re
from typing import Any

from .store import KINDS, ApiError, Object

_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST = {"services": 63}
_LONGEST_LABEL = 63


def validate(plural: str, body: Object) -> None:
    """Refuse what a real API server refuses: names, labels, and an empty image."""
    metadata = body.get("metadata") or {}
    name = metadata.get("name") or metadata.get("generateName", "").rstrip(".-")
    problems = []
    if not _NAME.fullmatch(name) or len(name) > _LONGEST.get(plural, 253):
        problems.append(f'metadata.name: Invalid value: "{name}"')
    for key, value in (metadata.get("labels") or {}).items():
        if not _LABEL_VALUE.fullmatch(value) or len(value) > _LONGEST_LABEL:
            problems.append(f'metadata.labels: Invalid value: "{value}"')
        if not _LABEL_KEY.fullmatch(key):
            problems.append(f'metadata.labels: Invalid value: "{key}"')
    if plural == "pods":
        for container in body["spec"]["containers"]:
            if not container.get("image"):
                problems.append("spec.containers[0].image: Required value")
    if problems:
        text = f'{KINDS[plural]} "{name}" is invalid: {", ".join(problems)}'
        raise ApiError(422, "Invalid", text)


def encode_string_data(secret: Object) -> None:
    """Move ``stringData`` into ``data``, as base64."""
    encoded = {
        key: base64.b64encode(text.encode()).decode()
        for key, text in (secret.pop("stringData", None) or {}).items()
    }
    secret["data"] = {**(secret.get("data") or {}), **encoded}


def merge(target: Any, change: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict) or not isinstance(target, dict):
        return change
    merged = dict(target)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged
