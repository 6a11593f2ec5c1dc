"""What modules beside the notebook say, and set when they are imported: ``rcParams``, say."""

from __future__ import annotations

import ast
from pathlib import Path

from ..facts import knowledge
from ..facts.naming import dotted
from ..model import Plan
from ..trees import nodes_in
from .data_files import modules, roots_of


def setting_modules(plan: Plan) -> set[str]:
    """Return the roots of such modules, and of those that import one."""
    folder = plan.analysis.notebook.path.resolve().parent
    roots: dict[str, set[str]] = {}
    found: set[str] = set()
    for imported, name in modules(plan).items():
        root = imported.split("/")[0].removesuffix(".py")
        roots.setdefault(root, set()).update(roots_of(folder / name))
        if _sets(folder / name):
            found.add(root)
    while more := {one for one, others in roots.items() if others & found} - found:
        found |= more
    return found


def texts_of_modules(plan: Plan) -> list[str]:
    """Return what stands in the modules beside the notebook."""
    folder = plan.analysis.notebook.path.resolve().parent
    return [
        (folder / name).read_text(encoding="utf-8", errors="replace")
        for name in modules(plan).values()
    ]


def _sets(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    resolve: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            resolve |= {one.asname or one.name.split(".")[0]: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            resolve |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return any(
        knowledge.SETTING_ROOT.match(name) and not knowledge.NOT_SETTING.match(name)
        for node in tree.body
        for target in _targets(node)
        if (name := dotted(target, resolve))
    )


def _targets(node: ast.stmt) -> list[ast.AST]:
    """Return what a statement at the top of a module calls or sets."""
    if isinstance(node, ast.If | ast.Try | ast.With | ast.For):
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            return []
        return [
            target
            for one in nodes_in(node)
            if isinstance(one, ast.Expr | ast.Assign)
            for target in _targets(one)
        ]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [node.value.func]
    if isinstance(node, ast.Assign):
        return [one for one in node.targets if isinstance(one, ast.Attribute | ast.Subscript)]
    return []
