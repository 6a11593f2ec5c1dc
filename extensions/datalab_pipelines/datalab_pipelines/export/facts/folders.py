"""Statements that make a folder unless it is there: they can be said again in every stage."""

from __future__ import annotations

import ast
import re

from .statements import calls, short_of

FOLDERS = {"mkdir", "makedirs"}
BY_SHELL = re.compile(r"mkdir (-p|--parents) [\w./ -]+")
LOOKS_AROUND = re.compile(
    r"listdir|i?glob|walk|iterdir|scandir|exists|isfile|isdir|is_file|is_dir|stat|getsize|rglob"
)


def makes_folder(node: ast.stmt) -> bool:
    """Say whether a statement makes a folder unless it is there: again, it does nothing."""
    if isinstance(node, ast.Expr):
        return _makes_by_shell(node.value) or (_makes(node.value) and _may_exist(node.value))
    if isinstance(node, ast.If) and not node.orelse:
        asks = [one for one in calls(node.test) if LOOKS_AROUND.fullmatch(short_of(one))]
        return bool(asks) and all(
            isinstance(one, ast.Expr) and (_makes(one.value) or _says(one.value))
            for one in node.body
        )
    return False


def folders_made(node: ast.stmt) -> set[str]:
    """Return the last names of the folders that a statement makes; nothing if one is computed."""
    found: set[str] = set()
    for one in calls(node):
        if not (_makes(one) or _makes_by_shell(one)):
            continue
        texts = [given.value for given in one.args[:1] if isinstance(given, ast.Constant)]
        if not texts:
            return set()
        words = str(texts[0]).split()[2:] if _makes_by_shell(one) else [str(texts[0])]
        found |= {word.rstrip("/").rsplit("/", 1)[-1] for word in words}
    return found


def _makes_by_shell(node: ast.expr) -> bool:
    """Say whether it is ``!mkdir -p figures``, written out."""
    if not isinstance(node, ast.Call) or short_of(node) != "shell" or len(node.args) != 1:
        return False
    said = node.args[0]
    return isinstance(said, ast.Constant) and bool(BY_SHELL.fullmatch(str(said.value).strip()))


def _makes(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and short_of(node) in FOLDERS


def _says(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and short_of(node) == "print"


def _may_exist(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and any(
        word.arg == "exist_ok" and isinstance(word.value, ast.Constant) and word.value.value
        for word in node.keywords
    )
