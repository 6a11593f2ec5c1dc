"""The notebook as one plain process: cells one after the other, what they make and show noted.

``python -m datalab_pipelines.export.proof.reference`` reads ``.cells.json`` in the working
directory and writes ``.digests.json``. A cell is ``{"index", "code", "shown", "digest"}``: whether
its last expression is shown, and whether the variables are noted after it.
"""

from __future__ import annotations

import ast
import codeop
import json
import linecache
import os
import re
import sys
import types
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ...digests import digests, digests_from_files
from ...notebook import (
    capture_output,
    display,
    end_of_cell,
    run_notebook,
    shell,
    shell_lines,
    show,
    show_error,
)
from ...outputs import Recorder, recording, tables_as_in_notebooks
from ...typed import type_of

GRIDS = "seaborn.axisgrid"
HELPERS: dict[str, Any] = {
    "shell": shell,
    "shell_lines": shell_lines,
    "display": display,
    "capture_output": capture_output,
    "show_error": show_error,
}


def main() -> None:
    """Run the cells; where the first one is a notebook's path, IPython runs that."""
    cells = json.loads(Path(".cells.json").read_text(encoding="utf-8"))
    sys.path.insert(0, str(Path.cwd()))
    target = Path(".digests.json").resolve()
    if "path" not in cells[0]:
        _forget_ipython()
    if os.environ.get("MALLOC_PERTURB_"):
        _fill_empty_arrays()
    if any(re.search(r"\bpandas\b", cell.get("code", "")) for cell in cells):
        with suppress(ImportError):
            import_module("pandas")
        tables_as_in_notebooks()  # from the first cell on: a stage's imports come first
    with recording() as recorder:
        found = _whole(cells[0], recorder) if "path" in cells[0] else _each(cells, recorder)
    target.write_text(json.dumps(found), encoding="utf-8")


def _forget_ipython() -> None:
    """Unload IPython, which only the exporter needs: with it patsy shows another text."""
    for name in list(sys.modules):
        if name.split(".")[0] == "IPython":
            del sys.modules[name]


def _fill_empty_arrays() -> None:
    """Let ``numpy.empty`` give something else than it does: NumPy keeps small pieces of memory."""
    try:
        import numpy
    except ImportError:
        return
    for name in ("empty", "empty_like"):
        plain = getattr(numpy, name)

        def filled(*arguments: Any, plain: Any = plain, **named: Any) -> Any:
            array = plain(*arguments, **named)
            if array.dtype.kind in "iufc":
                array.fill(77)
            return array

        setattr(numpy, name, filled)


def _whole(cell: dict[str, Any], recorder: Recorder) -> dict[str, Any]:
    variables = run_notebook(cell["path"])
    last = {"variables": digests(variables), "outputs": recorder.take(), "optional": []}
    return {str(cell["index"]): last}


def _each(cells: list[dict[str, Any]], recorder: Recorder) -> dict[str, Any]:
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    module.__dict__.update(HELPERS)
    found: dict[str, Any] = {}
    # As IPython does: what a cell takes from ``__future__`` holds for the cells after it too.
    compiler = codeop.Compile()
    for cell in cells:
        before = _places(module)
        optional, quiet = _run(cell, module, recorder, compiler)
        end_of_cell()
        tables_as_in_notebooks()
        noted = found[str(cell["index"])] = {
            "variables": {},
            "outputs": recorder.take(),
            "open": recorder.left_open,
            "optional": optional,
            "quiet": quiet,
            "bound": [name for name, at in _places(module).items() if before.get(name) != at],
        }
        if cell["digest"]:
            own = {
                name: value
                for name, value in module.__dict__.items()
                if not (name in HELPERS and value is HELPERS[name])
            }
            noted["variables"] = digests(own)
            noted["from files"] = digests_from_files(own)
            noted["types"] = {name: type_of(value) for name, value in own.items()}
    return found


def _places(module: types.ModuleType) -> dict[str, int]:
    """Return where the value of each variable lies: a cell that binds one puts another there.

    No reference is held, since that is seen: by weak references, and by ``ndarray.resize``.
    """
    return {name: id(value) for name, value in module.__dict__.items()}


def _run(
    cell: dict[str, Any], module: types.ModuleType, recorder: Recorder, compiler: codeop.Compile
) -> tuple[list[str], bool]:
    """Run a cell; return the lines that a plot's return value shows, which is nobody's result.

    And whether there is nothing to see in the last value, which the stage then need not show.
    """
    tree = ast.parse(cell["code"])
    body, last = tree.body, None
    if cell["shown"] != "no" and isinstance(body[-1], ast.Expr):
        last = body.pop()
    exec(_compiled(tree, cell, compiler), module.__dict__)
    if not isinstance(last, ast.Expr):
        return [], False
    value = eval(_compiled(ast.Expression(last.value), cell, compiler), module.__dict__)
    drawn = isinstance(last.value, ast.Call) and _was_drawn_on(value)
    passing = drawn or cell["shown"] == "passing"
    before = recorder.take() if passing else []
    show(value)
    shown = recorder.take() if passing else []
    for line in before:
        recorder.text(line + "\n")
    return shown, drawn or value is None


def _was_drawn_on(value: Any) -> bool:
    """Say whether a value is part of a figure, or several are, and no figure itself."""
    if type(value).__name__ == "ndarray" and value.dtype == object:
        value = value.ravel().tolist()
    if isinstance(value, list | tuple) and value:
        return all(map(_was_drawn_on, value))
    kind = type(value)
    root = kind.__module__.split(".")[0]
    return (root == "matplotlib" and "Figure" not in kind.__name__) or kind.__module__ == GRIDS


def _compiled(
    tree: ast.Module | ast.Expression, cell: dict[str, Any], compiler: codeop.Compile
) -> types.CodeType:
    name = f"cell {cell['index'] + 1}"
    code = cell["code"]
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)  # inspect
    # ``compile`` takes trees, and so does this, whatever its type says.
    made = compiler(tree, name, "exec" if isinstance(tree, ast.Module) else "eval")  # type: ignore[arg-type]
    assert isinstance(made, types.CodeType)
    return made


if __name__ == "__main__":
    main()
