"""What code takes from the module around it: by Python's scopes, and in text that is code.

``scope_of`` looks into a function or class (through ``symtable``, so the scopes are Python's own).
"""

from __future__ import annotations

import ast
import re
import symtable
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from ..trees import nodes_in

IN_TEXT = re.compile(r"@(\w+)")
WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Scope:
    """What a function, class or lambda takes from the module, and gives to it."""

    reads: frozenset[str]
    writes: frozenset[str]  # through ``global``


def scope_of(node: ast.stmt | ast.expr) -> Scope:
    """Return the module names that ``node``'s body reads and writes; remembered in the node."""
    found: Scope | None = getattr(node, "_scope", None)
    if found is None:
        found = _scope_of(node)
        node._scope = found  # type: ignore[union-attr]
    return found


def _scope_of(node: ast.stmt | ast.expr) -> Scope:
    copy: ast.stmt = ast.Expr(node) if isinstance(node, ast.expr) else node
    text = ast.unparse(ast.fix_missing_locations(ast.Module([copy], [])))
    try:
        table = symtable.symtable(text, "<cell>", "exec")
    except SyntaxError:  # ``nonlocal``, of a function inside another one that is looked at alone
        names = sorted(
            {n for one in nodes_in(node) if isinstance(one, ast.Nonlocal) for n in one.names}
        )
        within = textwrap.indent(text, "    ")
        text = f"def outer({', '.join(names)}):\n{within}"
        (table,) = symtable.symtable(text, "<cell>", "exec").get_children()
    reads: set[str] = set()
    writes: set[str] = set()
    for child in table.get_children():
        _collect(child, reads, writes)
    reads |= names_in_text(node)
    return Scope(frozenset(reads), frozenset(writes))


def _collect(table: symtable.SymbolTable, reads: set[str], writes: set[str]) -> None:
    for symbol in table.get_symbols():
        if symbol.is_global():
            if symbol.is_referenced():
                reads.add(symbol.get_name())
            if symbol.is_assigned() and symbol.is_declared_global():
                writes.add(symbol.get_name())
                reads.add(symbol.get_name())
        elif table.get_type() == "class" and symbol.is_referenced() and symbol.is_assigned():
            reads.add(symbol.get_name())  # ``x = x`` in a class body reads the module's
    for child in table.get_children():
        _collect(child, reads, writes)


def names_in_text(node: ast.AST) -> set[str]:
    """Return names in text that is code: ``df.query("a > @limit")``, ``ols("y ~ f(x)")``."""
    found: set[str] = set()
    for one in nodes_in(node):
        if isinstance(one, ast.Call):
            name = one.func.attr if isinstance(one.func, ast.Attribute) else ""
            name = one.func.id if isinstance(one.func, ast.Name) else name
            for text in strings_in([*one.args, *(word.value for word in one.keywords)]):
                if name in ("query", "eval"):
                    found.update(IN_TEXT.findall(text))
                    if name == "eval":
                        found.update(WORD.findall(text))
                if "~" in text:
                    found.update(WORD.findall(text))
    return found


def names_in_text_of_call(node: ast.Call) -> set[str]:
    """Return such names in the arguments of one call."""
    copy = ast.Call(node.func, node.args, node.keywords)
    inner = [one for one in [*node.args, *(word.value for word in node.keywords)]]
    if not any(isinstance(one, ast.Constant | ast.JoinedStr | ast.BinOp) for one in inner):
        return set()
    return names_in_text(copy)


def strings_in(nodes: Iterable[ast.AST]) -> list[str]:
    """Return the text constants in ``nodes``."""
    return [
        one.value
        for node in nodes
        for one in nodes_in(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
