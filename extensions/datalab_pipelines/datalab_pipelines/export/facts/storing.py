"""What cannot be stored, so that it stays with the cells that use it."""

from __future__ import annotations

import ast

from ..cells.scopes import WORD, strings_in
from ..model import Analysis, CodeCell, Interval
from ..trees import nodes_in
from . import knowledge
from .changing import Function
from .naming import dotted
from .sharing import reached


def generators_of(found: Analysis) -> set[str]:
    """Return the functions that give a generator, or a coroutine."""
    return {
        name
        for name, them in found.definitions.items()
        for one in them
        if isinstance(one.statement.node, Function)
        and (
            isinstance(one.statement.node, ast.AsyncFunctionDef)
            or any(isinstance(n, ast.Yield | ast.YieldFrom) for n in nodes_in(one.statement.node))
        )
    }


def keep_unstorable_together(
    found: Analysis,
    cell: CodeCell,
    resolve: dict[str, str],
    code: list[CodeCell],
    generators: set[str],
) -> None:
    """Keep a cell together with those that use what it makes and no file can hold."""
    for one in cell.statements:
        for node in nodes_in(one.node):
            if not isinstance(node, ast.Assign):
                continue
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            kinds = [_cannot_be_stored(one, resolve, generators) for one in values]
            what = next((one for one in kinds if one), "")
            names = {n.id for t in node.targets for n in nodes_in(t) if isinstance(n, ast.Name)}
            for name in sorted(names) if what else ():
                last = last_use(found, name, cell, code)
                if what.startswith("a temporary"):  # what lies in it is gone with it
                    last = code[-1].index
                if last > cell.index:
                    why = f"{name} is {what}, which cannot be stored"
                    found.intervals.append(Interval(cell.index, last, "unstorable", why))


def evaluated_by_text(
    code: list[CodeCell], bound: set[str], resolve: dict[str, str]
) -> frozenset[str]:
    """Return the variables that text given to ``eval`` may name: all that can be handed on.

    One that cannot, a figure say, counts where some text has its name. Otherwise such text fails
    in its stage, for everybody to see.
    """
    words: set[str] = set()
    kept: set[str] = set()
    for cell in code:
        for one in cell.statements:
            words.update(WORD.findall(" ".join(strings_in([one.node]))))
            for node in nodes_in(one.node):
                if isinstance(node, ast.Assign) and _cannot_be_stored(node.value, resolve, set()):
                    kept |= {n.id for n in nodes_in(node) if isinstance(n, ast.Name)}
    return frozenset(bound - (kept - words))


def _cannot_be_stored(node: ast.AST, resolve: dict[str, str], generators: set[str]) -> str:
    if isinstance(node, ast.GeneratorExp):
        return "a generator"
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        return "the attributes of an object"
    if dotted(node, resolve) in ("sys.stdout", "sys.stderr", "sys.stdin"):
        return "where the process prints"
    if isinstance(node, ast.Call):
        name = dotted(node.func, resolve)
        if name in ("pandas.DataFrame", "pandas.Series") and without_copy(node):
            return "a table that looks into something else"
        if name in knowledge.UNSTORABLE:
            return knowledge.UNSTORABLE[name]
        if isinstance(node.func, ast.Name) and node.func.id in generators:
            return "a generator"
        if name == "vars" and node.args:
            return "the attributes of an object"
        # Python 3.14 stores none of ``itertools``, and 3.11 not each as far as it has come.
        if name in ("map", "filter", "zip", "enumerate", "reversed", "iter") or name.startswith(
            "itertools."
        ):
            return "an iterator"
        if isinstance(node.func, ast.Attribute) and not name:
            return knowledge.UNSTORABLE_METHODS.get(node.func.attr, "")
    return ""


def without_copy(node: ast.Call) -> bool:
    """Say whether a call is told not to copy what it is, or will be, given: ``copy=False``."""
    return any(
        word.arg in ("copy", "copy_X", "copy_x")
        and isinstance(word.value, ast.Constant)
        and not word.value.value
        for word in node.keywords
    )


def last_use(found: Analysis, name: str, cell: CodeCell, code: list[CodeCell]) -> int:
    """Return the last cell that may read what ``cell`` binds to ``name``."""
    readers = {
        other
        for other, them in found.definitions.items()
        for one in them
        if name in reached(one, found.definitions)
    }
    last = cell.index
    for later in code:
        if later.index <= cell.index:
            continue
        facts = found.facts[later.index]
        if name in facts.exposed or readers & facts.exposed:
            last = later.index
        elif name in facts.definite and not readers & facts.bound:
            break
    return last
