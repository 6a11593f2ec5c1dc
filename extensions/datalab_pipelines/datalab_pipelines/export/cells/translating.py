"""The cells of a notebook as Python, with the files that they run, and failing where they may."""

from __future__ import annotations

import ast

from IPython.core.inputtransformer2 import TransformerManager

from ..errors import ExportError
from ..model import Cell, CodeCell, Notebook, Warn
from .automagic import bound_in
from .failing import FAILS, let_fail
from .magics import translate
from .own_magics import without_unused_magics
from .own_shell import with_the_shell_named
from .running import Runs


def translate_all(notebook: Notebook, warnings: list[Warn]) -> list[CodeCell]:
    """Return the Python of a notebook's code cells; raises ``ExportError`` as ``translate``."""
    cells = [one for one in notebook.cells if one.kind == "code" and one.source.strip()]
    cells = without_unused_magics(with_the_shell_named(cells), warnings)
    runs = Runs(notebook)
    code = _each(cells, warnings, runs)
    if runs.ran:
        without = Runs(notebook, scripts=False)
        bare = _each(cells, [], without)
        clashes = runs.clashes(bare)
        code = [
            CodeCell(one.index, "", opaque=clashes[one.index]) if one.index in clashes else one
            for one in code
        ]
    let_fail(code, {one.index for one in cells if FAILS in one.tags})
    return code


def _each(cells: list[Cell], warnings: list[Warn], runs: Runs) -> list[CodeCell]:
    code: list[CodeCell] = []
    bound: set[str] = set()
    for cell in cells:
        code.append(_unless_it_fails(cell, warnings, runs, bound))
        bound |= bound_in(code[-1])
    return code


def _unless_it_fails(cell: Cell, warnings: list[Warn], runs: Runs, bound: set[str]) -> CodeCell:
    """Return the Python of a cell; of one that is tagged to fail and is none, nothing."""
    try:
        return translate(cell, warnings, runs, bound)
    except ExportError as error:
        if FAILS not in cell.tags:
            raise
        if _can_be_read(cell.source):
            return CodeCell(cell.index, "", opaque=f"it is tagged {FAILS}, and {error.message}")
        text = f"cell {cell.index + 1} is {error.message}, as its tag says: left out"
        warnings.append(Warn("fails", text, cell.index))
        return CodeCell(cell.index, "")


def _can_be_read(source: str) -> bool:
    try:
        ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return False
    return True
