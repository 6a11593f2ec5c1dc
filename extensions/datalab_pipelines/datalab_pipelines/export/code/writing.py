"""What runs: the modules of a plan, its notebook, and the files that the notebook reads."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..model import Plan
from .data_files import KEEP, kept_folders, placed
from .rendering import code_files
from .withholding import withheld

LARGEST_NOTEBOOK = 5 * 2**20
Files = dict[str, bytes]


def render_code(plan: Plan) -> Files:
    """Return the modules, the notebook, and the files it reads, by path in the project."""
    texts = code_files(plan)
    for text in texts.values():
        ast.parse(text)
    files = {path: text.encode() for path, text in texts.items()}
    return {**data(plan), **files}


def write_code(plan: Plan, folder: Path) -> None:
    """Write what ``render_code`` gives, and what stays out of a project: a complete one, to run."""
    put(render_code(plan), folder)
    here = placed(plan)
    for name in withheld(plan):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(here[name], folder / name)


def put(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into ``folder``, by their paths in it."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def data(plan: Plan) -> Files:
    """Return the notebook and the files that it names, unless they are withheld."""
    out = withheld(plan)
    found = {name: path.read_bytes() for name, path in placed(plan).items() if name not in out}
    found |= {f"{one}/{KEEP}": b"" for one in kept_folders(plan)}  # git keeps no empty folder
    return {**found, plan.analysis.notebook.path.name: _copy(plan)}


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
