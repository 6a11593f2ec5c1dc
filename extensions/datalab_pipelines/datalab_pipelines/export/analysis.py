"""What each code cell does with names: the facts that a person is shown, and what is copied."""

from __future__ import annotations

import ast

from .magics import translate
from .model import Analysis, CodeCell, Facts, Notebook, Warn
from .names import Flow


def analyse(notebook: Notebook) -> Analysis:
    """Return the facts of every code cell; raises ``ExportError`` for a syntax error."""
    warnings: list[Warn] = []
    code = [
        translate(cell, warnings)
        for cell in notebook.cells
        if cell.kind == "code" and cell.source.strip()
    ]
    found = Analysis(notebook, code, {}, warnings)
    for cell in code:
        found.facts[cell.index] = _facts(cell)
        found.installs += cell.installs
        if cell.opaque and not found.whole:
            found.whole = f"cell {cell.index + 1}: {cell.opaque}"
    found.imports = sorted({name for cell in code for name in _imports(cell)})
    bound: set[str] = set()
    for cell in code:
        facts = found.facts[cell.index]
        later = set().union(
            *(found.facts[one.index].bound for one in code if one.index > cell.index)
        )
        for name in sorted(facts.certain & later - bound - facts.bound):
            if not hasattr(__import__("builtins"), name):
                warnings.append(
                    Warn(
                        "order",
                        f"{name} is used before the cell that defines it: run from top to bottom "
                        "this fails",
                        cell.index,
                    )
                )
        bound |= facts.bound
    return found


def _facts(cell: CodeCell) -> Facts:
    flow = Flow()
    flow.run(one.node for one in cell.statements)
    nodes = [one.node for one in cell.statements]
    kind = "compute"
    if nodes and all(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes):
        kind = "import"
    elif nodes and all(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in nodes):
        kind = "definition"
    return Facts(
        cell.index,
        kind,
        definite=flow.definite,
        maybe=flow.maybe - flow.definite,
        deleted=flow.deleted,
        exposed=flow.exposed,
        certain=flow.certain,
    )


def _imports(cell: CodeCell) -> set[str]:
    found: set[str] = set()
    for statement in cell.statements:
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found
