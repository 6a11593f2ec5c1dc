"""The shell that a notebook asks for itself: ``ipython = get_ipython()``, and what it is asked.

Templates of notebooks, and those made for Colab, begin with such lines. What has the same answer
wherever a pipeline runs is answered here, so that they do not make the notebook one for IPython
alone.
"""

from __future__ import annotations

import ast
import dataclasses
import io
import itertools
import re
import tokenize

from ..model import Cell
from ..text import Edit, apply_edits

HELD = re.compile(r"^(\w+)[ \t]*=[ \t]*get_ipython\(\)[ \t]*(#.*)?$", re.MULTILINE)
F_STRING = re.compile(r"r?f", re.IGNORECASE)  # a token of its own until Python 3.12
COLAB = ("google.colab", "colab")
EXTENSIONS = {"load_ext", "reload_ext", "autoreload"}


def with_the_shell_named(cells: list[Cell]) -> list[Cell]:
    """Return code cells that call ``get_ipython`` where they used a variable that holds the shell.

    Only where that variable is bound once, and nothing but the shell's attributes is used of it.
    """
    held = [match[1] for cell in cells for match in HELD.finditer(cell.source)]
    names = {name for name in held if held.count(name) == 1}
    if not names:
        return cells
    found: list[Cell] = []
    for cell in cells:
        edits = _renamed(cell.source, names) if any(one in cell.source for one in names) else []
        if edits is None:
            return cells
        source = apply_edits(cell.source, edits)
        found.append(dataclasses.replace(cell, source=source) if edits else cell)
    return found


def _renamed(source: str, names: set[str]) -> list[Edit] | None:
    """Return what to change in a cell so that it needs no such variable; None where it does."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # a shell command with half a quotation mark, say
        return None
    starts = [0, *itertools.accumulate(len(line) + 1 for line in source.split("\n"))]
    word = re.compile(rf"\b({'|'.join(sorted(names))})\b")
    edits: list[Edit] = []
    for at, token in enumerate(tokens):
        begin, end = (starts[row - 1] + column for row, column in (token.start, token.end))
        text = token.string if token.type == tokenize.STRING else ""
        if F_STRING.match(text) and word.search(text):
            return None
        if token.string not in names or (at and tokens[at - 1].string == "."):
            continue
        if tokens[at + 1].string == ".":
            edits.append(Edit(begin, end, "get_ipython()"))
        elif line := HELD.match(source, begin):
            edits.append(Edit(begin, line.end(), ""))
        else:
            return None
    return edits


def answer(node: ast.AST) -> str | None:
    """Return what stands for an expression, or a statement, that asks the shell; None for others.

    ``"google.colab" in str(get_ipython())`` is False: pipelines do not run in Colab. A statement
    that only loads extensions where they are not loaded is ``pass``.
    """
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
        asks = len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn)
        if asks and node.left.value in COLAB and _text_of_shell(node.comparators[0]):
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
        and len(node.comparators) == 1
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
