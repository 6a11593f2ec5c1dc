"""Label and field selectors, as the Kubernetes API documents them.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Matcher = Callable[[dict[str, Any]], bool]

_SET = re.compile(r"^(?P<key>[^\s!=(),]+)\s+(?P<kind>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=(),]+)\s*(?P<kind>==|=|!=)\s*(?P<value>[^\s!=(),]*)$")
_EXISTS = re.compile(r"^(?P<no>!?)(?P<key>[^\s!=(),]+)$")

# What an API server can select by, per kind; anything else is refused with 400.
_FIELDS = {
    "pods": {"spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP"},
    "events": {"type", "reason", "reportingComponent", "source"},
}
_COMMON_FIELDS = {"metadata.name", "metadata.namespace"}


class BadSelector(ValueError):
    """A selector that a real API server refuses with 400."""


def label_matcher(selector: str) -> Matcher:
    """Return a predicate over objects for a label selector; empty selects all."""
    terms = [_label_term(term.strip()) for term in _split(selector)]
    return lambda obj: all(term(obj.get("metadata", {}).get("labels") or {}) for term in terms)


def field_matcher(plural: str, selector: str) -> Matcher:
    """Return a predicate over objects for a field selector; empty selects all."""
    terms: list[Matcher] = []
    for term in _split(selector):
        match = _EQUAL.match(term.strip())
        if match is None or not _selectable(plural, match["key"]):
            raise BadSelector(f"field label not supported: {term}")
        terms.append(_field_term(match["key"], match["kind"] == "!=", match["value"]))
    return lambda obj: all(term(obj) for term in terms)


def _selectable(plural: str, field: str) -> bool:
    involved = plural == "events" and field.startswith("involvedObject.")
    return involved or field in _COMMON_FIELDS | _FIELDS.get(plural, set())


def _field_term(path: str, negated: bool, value: str) -> Matcher:
    def matches(obj: dict[str, Any]) -> bool:
        found: Any = obj
        for part in path.split("."):
            found = (found or {}).get(part)
        return (str(found or "") == value) is not negated

    return matches


def _label_term(term: str) -> Matcher:
    if match := _SET.match(term):
        values = {value.strip() for value in match["values"].split(",")}
        key, wanted = match["key"], match["kind"] == "in"
        return lambda labels: (labels.get(key) in values) is wanted
    if match := _EQUAL.match(term):
        key, value, equal = match["key"], match["value"], match["kind"] != "!="
        return lambda labels: (labels.get(key) == value) is equal
    if match := _EXISTS.match(term):
        key, present = match["key"], not match["no"]
        return lambda labels: (key in labels) is present
    raise BadSelector(f"unable to parse requirement: {term}")


def _split(selector: str) -> list[str]:
    """Split at the commas that are not inside parentheses."""
    return [term for term in re.split(r",(?![^()]*\))", selector or "") if term.strip()]
