"""As much of IAM's policy evaluation as our policies use: allow statements and their conditions.

Knows ``StringEquals`` and ``StringLike``, wildcards, and variables (``${aws:PrincipalTag/…}``); one
without a value matches nothing, as in IAM. Anything else raises: a policy that this cannot judge
fails its test instead of passing it.
"""

from __future__ import annotations

import re
from typing import Any


def allowed(policy: dict[str, Any], action: str, resource: str, context: dict[str, str]) -> bool:
    """Return whether a policy allows an action.

    Args:
        context: condition keys, such as ``aws:ResourceTag/datalab:hub``.
    """
    return any(_matches(entry, action, resource, context) for entry in policy["Statement"])


def _matches(entry: dict[str, Any], action: str, resource: str, context: dict[str, str]) -> bool:
    unknown = set(entry) - {"Sid", "Effect", "Action", "Resource", "Condition"}
    assert not unknown, f"cannot judge {unknown}"
    assert entry["Effect"] == "Allow", "cannot judge denials"
    return (
        any(_like(pattern.lower(), action.lower(), {}) for pattern in _list(entry["Action"]))
        and any(_like(pattern, resource, context) for pattern in _list(entry["Resource"]))
        and all(
            _holds(operator, key, _list(wanted), context)
            for operator, keys in entry.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, key: str, wanted: list[str], context: dict[str, str]) -> bool:
    assert operator in {"StringEquals", "StringLike"}, f"cannot judge {operator}"
    value = context.get(key)
    if value is None:
        return False
    if operator == "StringLike":
        return any(_like(pattern, value, context) for pattern in wanted)
    return any(_filled(text, context) == value for text in wanted)


def _like(pattern: str, value: str, context: dict[str, str]) -> bool:
    # A value that fills a variable is not a pattern itself.
    parts = re.split(r"(\$\{[^}]+\}|\*|\?)", pattern)
    expression = ""
    for part in parts:
        if part == "*":
            expression += ".*"
        elif part == "?":
            expression += "."
        elif part.startswith("${"):
            filled = _filled(part, context)
            if filled is None:
                return False
            expression += re.escape(filled)
        else:
            expression += re.escape(part)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _filled(text: str, context: dict[str, str]) -> str | None:
    for variable in re.findall(r"\$\{([^}]+)\}", text):
        if variable not in context:
            return None
        text = text.replace("${" + variable + "}", context[variable])
    return text


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
