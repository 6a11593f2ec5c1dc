"""Paths that begin at the working folder: ``BASE = os.getcwd()``, ``DATA = BASE / "data"``.

They are as constant as the folder is, which is another one for each stage: on AWS each has a
container of its own. So a stage that needs such a path says it again.
"""

from __future__ import annotations

import ast

from ..trees import nodes_in
from .naming import root_of, short_name

HERE = {
    *("os.getcwd", "getcwd", "os.path.abspath", "abspath", "os.path.realpath", "realpath"),
    *("Path.cwd", "pathlib.Path.cwd"),
}
PATHS = {
    *("os.path.join", "join", "os.path.dirname", "dirname", "os.path.basename", "basename"),
    *("os.path.normpath", "normpath", "os.path.split", "Path", "pathlib.Path", "str", "os.fspath"),
}
METHODS = {"resolve", "absolute", "joinpath", "with_suffix", "with_name", "as_posix", "replace"}
PARTS = {"parent", "parents", "name", "stem", "sep"}
MOVES = {"chdir", "fchdir"}


def is_place(value: ast.expr, places: set[str]) -> bool:
    """Say whether ``value`` is a path from the working folder; ``places`` are names of others."""
    begins = any(
        (isinstance(one, ast.Name) and one.id in places)
        or (isinstance(one, ast.Call) and _looks_here(one))
        for one in nodes_in(value)
    )
    return begins and _path(value)


def _looks_here(node: ast.Call) -> bool:
    if ast.unparse(node.func) in HERE:
        return True
    inner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return (
        isinstance(inner, ast.Call)
        and ast.unparse(inner.func) in ("Path", "pathlib.Path")
        and short_name(node.func) in ("resolve", "absolute")
    )


def _path(node: ast.expr) -> bool:
    """Say whether it is put together by what only handles paths and their texts."""
    if isinstance(node, ast.Constant | ast.Name):
        return True
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Div) and _path(node.left) and _path(node.right)
    if isinstance(node, ast.JoinedStr):
        return all(
            isinstance(one, ast.Constant)
            or (isinstance(one, ast.FormattedValue) and _path(one.value))
            for one in node.values
        )
    if isinstance(node, ast.Attribute):
        return node.attr in PARTS and (_path(node.value) or root_of(node) == "os")
    if isinstance(node, ast.Subscript):
        return _path(node.value) and isinstance(node.slice, ast.Constant)
    if not isinstance(node, ast.Call) or node.keywords or not all(map(_path, node.args)):
        return False
    if ast.unparse(node.func) in HERE | PATHS:
        return True
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in METHODS
        and _path(node.func.value)
    )


def moves(trees: list[ast.stmt]) -> bool:
    """Say whether the notebook goes to another folder, which its places then depend on."""
    return any(
        isinstance(one, ast.Attribute | ast.Name | ast.alias)
        and (getattr(one, "attr", "") or getattr(one, "id", "") or getattr(one, "name", ""))
        in MOVES
        for tree in trees
        for one in nodes_in(tree)
    )
