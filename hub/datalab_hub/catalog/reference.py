"""Reference page of the catalog, out of the models: ``python -m datalab_hub.catalog.reference``."""

from __future__ import annotations

from typing import Any

from .schema import catalog_schema

_HEAD = """# Catalog reference

Generated from the models by `make docs-reference`; do not edit.

One YAML file declares everything an operator offers. `datalab check FILE` says what is wrong
with it, all at once; the hub refuses to start on a broken one.
"""


def render() -> str:
    """Return the page as Markdown."""
    schema = catalog_schema()
    sections = [_HEAD, _section("The file", schema)]
    sections += [
        _section(name, definition)
        for name, definition in sorted(schema["$defs"].items())
        if "properties" in definition
    ]
    return "\n".join(sections)


def _section(title: str, definition: dict[str, Any]) -> str:
    required = set(definition.get("required", []))
    rows = [
        f"| `{key}` | {_type(field)} | {_default(key, field, required)} | "
        f"{field.get('description', '')} |"
        for key, field in definition["properties"].items()
    ]
    about = definition.get("description", "").split("\n")[0]
    table = "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows])
    return f"## {title}\n\n{about}\n\n{table}\n"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    for key in ("anyOf", "oneOf"):
        if key in field:
            found = dict.fromkeys(_type(part) for part in field[key] if part != {"type": "null"})
            return " or ".join(found)
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping to {_type(field['additionalProperties'])}"
    kind = field.get("type", "anything")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _default(key: str, field: dict[str, Any], required: set[str]) -> str:
    if key in required:
        return "required"
    default = field.get("default")
    return "" if default in (None, [], {}, "") else f"`{default}`"


if __name__ == "__main__":
    print(render(), end="")
