"""The rules of Choice states."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from .data import PathError, read

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
KINDS: dict[str, Callable[[Any], bool]] = {
    "Numeric": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "String": lambda value: isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
}


def holds(rule: dict[str, Any], data: Any, context: Any) -> bool:
    """Say whether a choice rule holds; raises ``PathError`` where its variable is not there."""
    if "Not" in rule:
        return not holds(rule["Not"], data, context)
    if "And" in rule:
        return all(holds(one, data, context) for one in rule["And"])
    if "Or" in rule:
        return any(holds(one, data, context) for one in rule["Or"])
    [test] = [key for key in rule if key not in ("Variable", "Next", "Comment")]
    try:
        value = read(rule["Variable"], data, context)
    except PathError:
        if test == "IsPresent":
            return not rule[test]
        raise
    if test == "IsPresent":
        return bool(rule[test])
    if test.startswith("Is"):
        return KINDS[test[2:]](value) is rule[test]
    wanted = rule[test]
    if test.endswith("Path"):
        test, wanted = test.removesuffix("Path"), read(wanted, data, context)
    for kind, fits in KINDS.items():
        if test.startswith(kind):
            compare = OPERATORS[test.removeprefix(kind)]
            return fits(value) and fits(wanted) and compare(value, wanted)
    raise PathError(f"the test {test} is not known here")
