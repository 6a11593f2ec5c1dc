"""What runs: the modules of a plan, its notebook, and the files that the notebook reads."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path

from ..cells.names import strings_in
from ..model import Plan
from .rendering import code_files

MOST_MODULES = 200  # of one package
LARGEST_DATA = 50 * 2**20
LONGEST_NAME = 200  # bytes; file systems end at 255
LARGEST_NOTEBOOK = 5 * 2**20
MAGIC = re.compile(r"\s*%%?\w+\s+(.+)")
Files = dict[str, bytes]


def render_code(plan: Plan) -> Files:
    """Return the modules, the notebook, and the files it reads, by path in the project."""
    texts = code_files(plan)
    for text in texts.values():
        ast.parse(text)
    files = {path: text.encode() for path, text in texts.items()}
    return {**data(plan), **files}


def write_code(plan: Plan, folder: Path) -> None:
    """Write what ``render_code`` gives."""
    put(render_code(plan), folder)


def put(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into ``folder``, by their paths in it."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def data(plan: Plan) -> Files:
    """Return the notebook and the files beside it that it names."""
    notebook = plan.analysis.notebook.path
    found = {
        Path(name).as_posix(): (notebook.parent / name).read_bytes() for name in data_files(plan)
    }
    return {**found, notebook.name: _copy(plan)}


def _copy(plan: Plan) -> bytes:
    """Return the notebook as it is; a very large one without its outputs."""
    notebook = plan.analysis.notebook
    text = notebook.path.read_bytes()
    if len(text) <= LARGEST_NOTEBOOK:
        return text
    cells = [
        {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in notebook.document["cells"]
    ]
    document = {**notebook.document, "cells": cells}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def data_files(plan: Plan) -> list[str]:
    """Return the files beside the notebook that it names, relative to it, and its modules."""
    folder = plan.analysis.notebook.path.resolve().parent
    texts = set(strings_in(s.node for cell in plan.analysis.code for s in cell.statements))
    texts |= _modules_beside(folder, plan.analysis.imports)
    run = _named_by_magics(plan)
    texts |= run
    # What is downloaded where it is not there already: ``download("https://…/data.csv")``.
    texts |= {text.rsplit("/", 1)[-1] for text in texts if text.startswith(("http:", "https:"))}
    found, total = [], 0
    for text in sorted(texts):
        if (
            not text
            or len(text.encode(errors="replace")) > LONGEST_NAME
            or {"\n", "\0"} & set(text)
        ):
            continue
        path = folder / text
        inside = not Path(text).is_absolute() and ".." not in Path(text).parts
        called = path.suffix != ".ipynb" or text in run
        if inside and path.is_file() and called and path.name != plan.analysis.notebook.path.name:
            total += path.stat().st_size
            if total <= LARGEST_DATA:
                found.append(text)
    return found


def _named_by_magics(plan: Plan) -> set[str]:
    """Return what cells that only IPython runs may name: ``%run Code.ipynb``, ``%load x.py``."""
    opaque = {cell.index for cell in plan.analysis.code if cell.opaque}
    found: set[str] = set()
    for cell in plan.analysis.notebook.cells:
        for line in cell.source.splitlines() if cell.index in opaque else ():
            if match := MAGIC.match(line):
                words = [*match[1].split(), match[1].strip()]
                found |= {word.strip("'\"") for word in words}
                found |= {f"{word}.py" for word in words}
    return found


def _modules_beside(folder: Path, imported: list[str]) -> set[str]:
    """Return the modules and packages in ``folder`` that are imported, and what these import."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = {name.split(".")[0] for name in imported}
    while waiting:
        root = waiting.pop()
        seen.add(root)
        package = folder / root
        paths = [folder / f"{root}.py"]
        paths += sorted(package.rglob("*.py"))[:MOST_MODULES] if package.is_dir() else []
        for path in paths:
            if path.is_file():
                found.add(path.relative_to(folder).as_posix())
                waiting |= roots_of(path) - seen
    return found


def roots_of(path: Path) -> set[str]:
    """Return the first parts of what a module imports; nothing for one that is not Python 3."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return set()
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    names += [
        n.module
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.module and not n.level
    ]
    return {name.split(".")[0] for name in names}
