"""Read the operator's YAML file and say everything that is wrong with it, at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ..errors import DatalabError
from .backends import KubernetesOptions, LocalOptions, SageMakerOptions
from .models import Catalog, Gpu, Image, Profile, Resources

Path_ = Sequence[str | int]

DEFAULT_CATALOG = Path(__file__).with_name("default.yaml")
_VALUE_CHARS = 60
_SECRET_KEYS = re.compile(r"passw|secret|token|api_?key|credential|private", re.IGNORECASE)
_REFERENCES = ("kubernetes", "secrets_manager", "file")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a catalog.

    Attributes:
        path: as in ``profiles[2].resources.memory``; empty for the file as a whole.
        line: where in the file, counted from 1; ``None`` when the file itself is the problem.
        value: what stands there, abbreviated; ``None`` when nothing does or it may be secret.
        expectation: what would be right.
    """

    path: str
    line: int | None
    value: str | None
    expectation: str

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        found = f" is {self.value}" if self.value is not None else ""
        return f"{place}{self.path or 'the file'}{found}: {self.expectation}"


class CatalogError(DatalabError):
    """A catalog that cannot be used; ``str()`` lists every problem with its place."""

    def __init__(self, file: Path, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{file}: {count}\n{lines}")


def load_catalog(path: Path | None = None) -> Catalog:
    """Return the catalog in a file, or the packaged default one.

    Raises:
        CatalogError: with all problems, not only the first.
    """
    file = path or DEFAULT_CATALOG
    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise CatalogError(
            file, [_whole(f"cannot be read ({error.strerror}); expected a YAML file")]
        ) from error
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise CatalogError(file, [_whole(problem)]) from error
    return parse_catalog(text, file)


def parse_catalog(text: str, file: Path) -> Catalog:
    """Return the catalog in a text; ``file`` is only for the messages.

    Raises:
        CatalogError: with all problems.
    """
    data, root = _read_yaml(text, file)
    if not isinstance(data, dict):
        raise CatalogError(
            file, [_whole("expected a mapping with profiles:, images:, data_sources:")]
        )
    problems = [
        Problem(_dotted(path), _line(root, path), None, expectation)
        for path, expectation in _inline_secrets(data)
    ]
    try:
        catalog = Catalog.model_validate(data)
    except ValidationError as error:
        problems += [
            _problem(dict(item), data, root)
            for item in error.errors()
            # pydantic counts only the entries that were right: a list of wrong ones is not short
            if not (item["type"] == "too_short" and item["input"])
        ]
    else:
        problems += [
            Problem(_dotted(path), _line(root, path), _shown(path, value), expectation)
            for path, value, expectation in catalog.cross_problems()
        ]
        if not problems:
            return catalog
    problems = sorted(set(problems), key=lambda problem: (problem.line or 0, problem.path))
    raise CatalogError(file, problems)


def _read_yaml(text: str, file: Path) -> tuple[Any, Any]:
    try:
        return YAML(typ="safe", pure=True).load(text), YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = (error.problem or "not valid YAML").split("\n")[0]
        if "cannot start any token" in what:
            what += "; indent with spaces, not tabs, and quote special characters"
        problem = Problem("", mark.line + 1 if mark else None, None, f"not valid YAML: {what}")
    except (YAMLError, ValueError, RecursionError, OverflowError, TypeError, KeyError) as error:
        what = str(error).split("\n")[0][:200]
        problem = _whole(f"not valid YAML: {what or type(error).__name__}")
    raise CatalogError(file, [problem])


def _whole(expectation: str) -> Problem:
    return Problem("", None, None, expectation)


def _problem(item: dict[str, Any], data: Any, root: Any) -> Problem:
    """Turn one of pydantic's errors into a problem with place, value and expectation."""
    path = _real_path(item["loc"], data)
    kind, message = item["type"], str(item["msg"])
    value: str | None = _shown(path, item["input"])
    if kind == "extra_forbidden":
        expectation, value = _unknown_key(path), None
    elif kind == "missing":
        expectation, value = "is missing", None
    elif kind == "union_tag_invalid":
        kinds = item["ctx"]["expected_tags"].replace("'", "")
        path = (*path, "kind")
        return Problem(
            _dotted(path), _line(root, path), repr(item["ctx"]["tag"]), f"expected one of: {kinds}"
        )
    elif kind == "union_tag_not_found":
        path, value = (*path, "kind"), None
        expectation = "is missing; it says what kind of data source this is"
    elif kind == "literal_error":
        expectation = f"expected {item['ctx']['expected']}"
    elif kind == "string_pattern_mismatch" and path and path[-1] in {"name", "[key]"}:
        expectation = "expected 1 to 63 lowercase letters, digits and '-', not at the ends"
    else:
        expectation = re.sub(r"^(Input|String|Value) should", "should", message)
    if isinstance(item["input"], dict | list):
        value = None
    return Problem(_dotted(path), _line(root, path), value, expectation)


def _real_path(loc: Sequence[str | int], data: Any) -> tuple[str | int, ...]:
    """Drop what pydantic puts into a location that is not in the file: union tags."""
    path: list[str | int] = []
    node = data
    for index, part in enumerate(loc):
        if part == "[key]":
            path.append(part)
            continue
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and isinstance(part, int):
            node = node[part] if part < len(node) else None
        elif isinstance(node, dict) and node.get("kind") == part and index < len(loc) - 1:
            continue
        else:
            node = None
        path.append(part)
    return tuple(path)


def _unknown_key(path: Path_) -> str:
    parent = [part for part in path[:-1] if isinstance(part, str)]
    known = sorted(_keys_at(parent))
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    choices = f" Known here: {', '.join(known)}." if known and not close else ""
    return f"unknown key{hint}{choices}"


_BLOCKS: dict[str, type[BaseModel]] = {
    "profiles": Profile,
    "images": Image,
    "resources": Resources,
    "gpu": Gpu,
    "local": LocalOptions,
    "kubernetes": KubernetesOptions,
    "sagemaker": SageMakerOptions,
}


def _keys_at(parent: list[str]) -> set[str]:
    if not parent:
        return set(Catalog.model_fields)
    if parent[0] == "images" and len(parent) == 2:
        return set(Image.model_fields)
    model = _BLOCKS.get(parent[-1]) if parent[0] == "profiles" else None
    return set(model.model_fields) if model else set()


def _inline_secrets(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[Path_, str]]:
    """Find keys that look like secrets and hold a value instead of a reference."""
    found: list[tuple[Path_, str]] = []
    if isinstance(data, dict):
        for key, value in data.items():
            here = (*path, str(key))
            in_source = bool(path) and path[0] in {"data_sources", "profiles"}
            if in_source and _SECRET_KEYS.search(str(key)) and isinstance(value, str):
                if str(key) not in {"minting", *_REFERENCES}:
                    found.append(
                        (
                            here,
                            "looks like a secret; the catalog holds only references: "
                            "secret: {kubernetes: NAME/KEY} or {secrets_manager: ARN} "
                            "or {file: PATH}",
                        )
                    )
            else:
                found += _inline_secrets(value, here)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += _inline_secrets(value, (*path, index))
    return found


def _shown(path: Path_, value: Any) -> str | None:
    """Return a value for a message, unless it may be secret or is a whole block."""
    if any(_SECRET_KEYS.search(str(part)) for part in path) or isinstance(value, dict | list):
        return None
    text = repr(value)
    return text if len(text) <= _VALUE_CHARS else f"{text[: _VALUE_CHARS - 1]}…"


def _dotted(path: Path_) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else part
    return text


def _line(node: Any, path: Path_) -> int | None:
    """Return the line of the deepest part of a path that stands in the file."""
    line = node.start_mark.line + 1 if node is not None else None
    for part in path:
        children = node.value if node is not None else []
        if isinstance(part, int) and node.id == "sequence" and part < len(children):
            node = children[part]
            line = node.start_mark.line + 1
        elif isinstance(part, str) and getattr(node, "id", "") == "mapping":
            pair = next((pair for pair in children if pair[0].value == part), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        else:
            return line
    return line
