"""A stage run for the proof of an export: its variables and what it shows are noted at its end.

The generated code knows nothing of this. Where ``PROOF`` is set, the stage's function is compiled
once more with its last ``return`` giving its local variables here too.
"""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import json
import operator
import os
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .digests import digests
from .entry import PROOF
from .outputs import recording
from .stages import Stage

NOTE = "__datalab_note__"
FUTURES = functools.reduce(
    operator.or_, (getattr(__future__, one).compiler_flag for one in __future__.all_feature_names)
)


def probed(stage: Stage[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return what the stage returns; write ``<name>.json`` into the folder of the proof."""
    found: dict[str, Any] = {}
    function = stage.function

    def note(value: Any, local: dict[str, Any]) -> Any:
        own = {name: one for name, one in local.items() if not name.startswith("__")}
        found.update({**function.__globals__, **own})
        return value

    function.__globals__[NOTE] = note
    try:
        with recording() as recorder:
            value = _noting(function)(**arguments)
            lines = recorder.take()
    finally:
        del function.__globals__[NOTE]
    found.pop(NOTE, None)
    found.update(recorder.variables)
    document = {"variables": digests(found), "outputs": lines}
    target = Path(os.environ[PROOF]) / f"{stage.name}.json"
    target.write_text(json.dumps(document), encoding="utf-8")
    return value


def _noting(function: Any) -> Any:
    """Return the function, its own returns passing through ``NOTE``."""
    path = inspect.getsourcefile(function) or ""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    body = next(
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__
    )
    _Returns().visit_body(body)
    body.decorator_list = []
    futures = function.__code__.co_flags & FUTURES
    whole = ast.fix_missing_locations(ast.Module([body], []))
    module = compile(whole, path, "exec", flags=futures, dont_inherit=True)
    scope: dict[str, Any] = {}
    exec(module, function.__globals__, scope)  # the stage's own code
    made: types.FunctionType = scope[function.__name__]
    return made


class _Returns(ast.NodeTransformer):
    """Makes ``return x`` into ``return NOTE(x, locals())``, not in inner functions."""

    def visit_body(self, function: ast.FunctionDef) -> None:
        function.body = [self.visit(one) for one in function.body]
        if not isinstance(function.body[-1], ast.Return):
            function.body.append(self._noted(ast.Constant(None)))

    def visit_Return(self, node: ast.Return) -> ast.Return:
        return self._noted(node.value or ast.Constant(None))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return node

    def _noted(self, value: ast.expr) -> ast.Return:
        local = ast.Call(ast.Name("locals", ast.Load()), [], [])
        return ast.Return(ast.Call(ast.Name(NOTE, ast.Load()), [value, local], []))
