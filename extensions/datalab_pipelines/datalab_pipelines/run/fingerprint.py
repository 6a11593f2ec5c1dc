"""What decides whether a stage has to run again: its code, its inputs, its values.

The code is the stage's module and every module of the project that it imports, directly or not;
installed libraries count by nothing (``run --fresh`` after an upgrade).
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Mapping
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from ..settings import SageMakerTuning
from ..stages import Stage, module_name


def fingerprint(stage: Stage[..., Any], inputs: Mapping[str, Any], root: Path) -> str:
    """Return the fingerprint of a call: ``inputs`` are values, and digests of artifacts."""
    tuned = stage.settings.compute
    parts = {
        "stage": stage.address,
        "code": code_digest(module_name(stage.function), root),
        "inputs": inputs,
        "tuning": repr(tuned) if isinstance(tuned, SageMakerTuning) else "",
        "python": sys.version_info[:2],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def code_digest(module: str, root: Path) -> str:
    """Return a digest of a module of the project and of what it imports from the project."""
    digest = hashlib.sha256()
    for path in sorted(_reached(module, root)):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _reached(module: str, root: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = [module]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _source(name, root)
        if path is None or path in found:
            continue
        found.add(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting.extend(_imports(path, package))
        waiting.append(name.rpartition(".")[0])
    return found


def _source(name: str, root: Path) -> Path | None:
    """Return the file of a module when it lies in the project."""
    if not name:
        return None
    search = [str(root)]
    spec = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or [])
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin).resolve()
    return path if path.is_relative_to(root) else None


def _imports(path: Path, package: str) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            names.append(base)
            names += [f"{base}.{alias.name}" for alias in node.names]
    return names
