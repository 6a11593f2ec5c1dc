"""``from module import *`` as the names that the notebook uses of it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from .model import Analysis

SAYS = (
    "import importlib, json, sys\n"
    "module = importlib.import_module(sys.argv[1])\n"
    "names = getattr(module, '__all__', [n for n in vars(module) if n[:1] != '_'])\n"
    "print(json.dumps(sorted(names)))\n"
)
LONGEST = 120


def star_imports(analysis: Analysis) -> tuple[dict[str, str], str]:
    """Return an import line for every name that a star import brings and the notebook uses.

    The second value says why the names cannot be told, or is empty. Modules are imported, in a
    process of their own.
    """
    modules = _modules(analysis)
    if not modules:
        return {}, ""
    bound = {name for facts in analysis.facts.values() for name in facts.bound}
    loaded = {
        node.id
        for cell in analysis.code
        for one in cell.statements
        for node in ast.walk(one.node)
        if isinstance(node, ast.Name)
    }
    found: dict[str, str] = {}
    for module in modules:
        exported = _exported(module, str(analysis.notebook.path.resolve().parent))
        if exported is None:
            return {}, f"what `from {module} import *` brings is not known here"
        clash = sorted(exported & loaded & bound)
        if clash:
            return {}, f"{clash[0]} is a name of {module} and of a variable"
        for name in sorted(exported & loaded):
            found[name] = f"from {module} import {name}"
    return found, ""


def _modules(analysis: Analysis) -> list[str]:
    found: list[str] = []
    for cell in analysis.code:
        for one in cell.statements:
            node = one.node
            star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
            if star and isinstance(node, ast.ImportFrom):
                found.append("." * node.level + (node.module or ""))
    return found


@lru_cache
def _exported(module: str, folder: str) -> frozenset[str] | None:
    try:
        done = subprocess.run(
            [sys.executable, "-c", SAYS, module],
            cwd=folder if Path(folder).is_dir() else None,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        names = json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return None
    return None if names is None else frozenset(names) - {"__builtins__"}
