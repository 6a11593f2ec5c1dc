"""``try: import x`` that installs ``x`` where it is missing: a requirement of the project."""

from __future__ import annotations

import ast
import re

from ..model import CodeCell
from ..text import Edit, apply_edits, offsets, span

MISSING = {"ImportError", "ModuleNotFoundError", "Exception"}
SAYS = {"print", "display"}
ASKS = {"find_spec", "exists", "isfile", "isdir", "get", "str", "get_ipython", "hasattr", "len"}


def leave_out_installs(code: list[CodeCell], sources: dict[int, str]) -> None:
    """Take out of cells what they do only to install something.

    In a cell's Python ``pass`` stands where its source, as it is written, installs.
    """
    cells = [one for one in code if not one.opaque and "install" in sources[one.index]]
    asked: dict[str, CodeCell] = {}
    for cell in cells:
        tree = ast.parse(cell.code)
        where = offsets(cell.code)
        edits = []
        for node in tree.body:
            if isinstance(node, ast.Try) and _installs_what_is_missing(node):
                edits.append(Edit(*span(node, where), "\n".join(map(ast.unparse, node.body))))
            elif isinstance(node, ast.If) and _only_installs(node):
                edits.append(Edit(*span(node, where), "pass"))
                if isinstance(node.test, ast.Name):
                    asked[node.test.id] = cell
        cell.code = apply_edits(cell.code, edits)
    for name, cell in asked.items():
        _leave_out_question(name, cell, code)


def _leave_out_question(name: str, cell: CodeCell, code: list[CodeCell]) -> None:
    """Take out ``IN_COLAB = "google.colab" in sys.modules``, where nothing else reads it."""
    if sum(len(re.findall(rf"\b{name}\b", one.code)) for one in code) != 1:
        return
    for node in ast.parse(cell.code).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == name
            and _only_asks(node.value)
        ):
            edit = Edit(*span(node, offsets(cell.code)), "pass")
            cell.code = apply_edits(cell.code, [edit])


def _installs_what_is_missing(node: ast.Try) -> bool:
    wanted = _imported(node.body)
    return (
        bool(wanted)
        and all(_imports(one) or _says(one) for one in node.body)
        and all(
            _is_missing(handler.type)
            and all(_imports(one) or _says(one) or _installs(one) for one in handler.body)
            and any(_installs(one) for one in handler.body)
            and _imported(handler.body) <= wanted
            for handler in node.handlers
        )
        and not node.orelse
        and not node.finalbody
    )


def _is_missing(kind: ast.expr | None) -> bool:
    names = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return all(one is None or (isinstance(one, ast.Name) and one.id in MISSING) for one in names)


def _only_installs(node: ast.If) -> bool:
    return _only_asks(node.test) and all(_installs(one) for one in [*node.body, *node.orelse])


def _only_asks(test: ast.expr) -> bool:
    return not any(
        isinstance(one, ast.NamedExpr | ast.Await)
        or (isinstance(one, ast.Call) and _last_name(one.func) not in ASKS)
        for one in ast.walk(test)
    )


def _installs(node: ast.stmt) -> bool:
    """Say whether it installs something, or did: ``pass`` stands for ``!pip install``."""
    if isinstance(node, ast.Pass):
        return True
    text = ast.unparse(node) if isinstance(node, ast.Expr) else ""
    return "pip" in text and "install" in text and isinstance(node.value, ast.Call)  # type: ignore[attr-defined]


def _imports(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _imported(body: list[ast.stmt]) -> set[str]:
    return {
        f"{getattr(one, 'module', '')} {alias.name} {alias.asname}"
        for one in body
        if isinstance(one, ast.Import | ast.ImportFrom)
        for alias in one.names
    }


def _says(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and _last_name(call.func) in SAYS


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
