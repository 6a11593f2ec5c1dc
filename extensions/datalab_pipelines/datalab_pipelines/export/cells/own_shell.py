"""The shell that a notebook asks for itself: ``ipython = get_ipython()``, and what it is asked.

Templates of notebooks, and those made for Colab, begin with such lines. What has the same answer
wherever a pipeline runs is answered here, so that they do not make the notebook one for IPython
alone.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable

from ..model import Cell

HELD = re.compile(r"^(\w+)[ \t]*=[ \t]*get_ipython\(\)[ \t]*(#.*)?$", re.MULTILINE)
COLAB = ("google.colab", "colab")
EXTENSIONS = {"load_ext", "reload_ext", "autoreload"}


def with_the_shell_named(cells: list[Cell]) -> list[Cell]:
    """Return code cells that call ``get_ipython`` where they used a variable that holds the shell.

    Only where that variable is bound once, and nothing but the shell's attributes is used of it.
    """
    held = [match[1] for cell in cells for match in HELD.finditer(cell.source)]
    plain = {name for name in held if held.count(name) == 1 and _only_attributes(name, cells)}
    if not plain:
        return cells
    used = re.compile(rf"\b({'|'.join(sorted(plain))})(?=\.\w)")

    def named(source: str) -> str:
        without = HELD.sub(lambda match: "" if match[1] in plain else match[0], source)
        return used.sub("get_ipython()", without)

    return [dataclasses.replace(cell, source=named(cell.source)) for cell in cells]


def _only_attributes(name: str, cells: Iterable[Cell]) -> bool:
    """Say whether each use of a variable asks for an attribute of it."""
    word = re.compile(rf"(?<![\w.'\"]){name}\b(?!\s*=\s*get_ipython\(\)|\.\w)")
    code = [re.sub(r"#.*", "", cell.source) for cell in cells]
    return not any(word.search(source) for source in code)


def answer(node: ast.AST) -> str | None:
    """Return what stands for an expression, or a statement, that asks the shell; None for others.

    ``"google.colab" in str(get_ipython())`` is False: pipelines do not run in Colab. A statement
    that only loads extensions where they are not loaded is ``pass``.
    """
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        asked, (where,) = node.left, node.comparators
        if isinstance(asked, ast.Constant) and asked.value in COLAB and _text_of_shell(where):
            return str(isinstance(node.ops[0], ast.NotIn))
    if isinstance(node, ast.If) and not node.orelse and _asks_what_is_loaded(node.test):
        return "pass" if all(_loads(one) for one in node.body) else None
    return None


def _is_shell(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) and not node.args else None
    return isinstance(called, ast.Name) and called.id == "get_ipython"


def _text_of_shell(node: ast.AST) -> bool:
    """Say whether it is ``str(get_ipython())``, or the module that the shell's class is from."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return node.func.id in ("str", "repr") and _is_shell(node.args[0])
    return ast.unparse(node) == "get_ipython().__class__.__module__"


def _asks_what_is_loaded(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Constant)
        and ast.unparse(node.comparators[0]) == "get_ipython().extension_manager.loaded"
    )


def _loads(node: ast.stmt) -> bool:
    """Say whether a statement is ``%load_ext name`` or ``%autoreload 2``."""
    call = node.value if isinstance(node, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and _is_shell(call.func.value)
        and call.func.attr == "run_line_magic"
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value in EXTENSIONS
    )
