"""Settings that name a variable: said again with its value, ``rc=custom`` as ``rc={"a": 1}``."""

from __future__ import annotations

import ast
import re
from keyword import iskeyword

from ..cells.names import Flow
from ..model import Analysis, CodeCell, Statement
from ..text import Edit, apply_edits, offsets, span
from ..trees import nodes_in
from .constants import constant, of_constants
from .naming import dotted
from .statements import names_within

# What these make of constants is the same whenever they are called, and is looked at only.
COLOURS = re.compile(
    r"seaborn\.(\w+_palette|palettes\.\w+_palette|xkcd_palette|plotting_context|axes_style)$"
    r"|(matplotlib\.(pyplot\.)?)?cycler(\.cycler)?$"
    r"|matplotlib\.(colors\.(ListedColormap|to_rgba?|LinearSegmentedColormap\.from_list)"
    r"|(pyplot\.)?cm\.get_cmap|font_manager\.FontProperties)$"
)
LOOKS = re.compile(r"(seaborn|matplotlib)\.|(print|display|len|type|sorted)$")
SCOPES = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
LONGEST = 600  # characters of a value: what is longer stays where it is


def filled(
    found: Analysis, cell: CodeCell, setting: Statement, names: set[str], resolve: dict[str, str]
) -> str:
    """Return the text of ``setting`` with values for ``names``; nothing where they may be others.

    A name has a value where the last statement that binds it writes it out, and all that comes
    between only looks at it.
    """
    if any(isinstance(one, SCOPES) for one in nodes_in(setting.node)):
        return ""
    before = [
        one
        for other in found.code
        if other.index <= cell.index
        for one in other.statements
        if other is not cell or one.node.lineno < setting.node.lineno
    ]
    where = offsets(cell.code)
    start, end = span(setting.node, where)
    spread = {
        id(one.value)
        for one in nodes_in(setting.node)
        if isinstance(one, ast.keyword) and one.arg is None
    }
    edits = []
    for node in nodes_in(setting.node):
        if isinstance(node, ast.Name) and node.id in names:
            value = _value(node.id, [one.node for one in before], resolve)
            if value is None:
                return ""
            at, text = span(node, where), ast.unparse(value)
            if id(node) in spread and (words := _words(value)):
                at, text = (at[0] - len("**"), at[1]), words
            edits.append(Edit(at[0] - start, at[1] - start, text))
    text = apply_edits(cell.code[start:end], edits)
    return text if len(text) <= LONGEST else ""


def _words(value: ast.expr) -> str:
    """Return what ``**{"size": 11}`` is as arguments, ``size=11``; nothing where it is none."""
    if not isinstance(value, ast.Dict):
        return ""
    keys = [one.value for one in value.keys if isinstance(one, ast.Constant)]
    words = [one for one in keys if isinstance(one, str) and one.isidentifier()]
    if len(words) < len(value.keys) or any(map(iskeyword, words)):
        return ""
    return ", ".join(
        f"{key}={ast.unparse(one)}" for key, one in zip(words, value.values, strict=True)
    )


def _value(name: str, before: list[ast.stmt], resolve: dict[str, str]) -> ast.expr | None:
    for number in range(len(before) - 1, -1, -1):
        node = before[number]
        if name not in names_within(node) and not _binds(node, name):
            continue
        if not isinstance(node, ast.Assign):
            if _only_looks(node, resolve):
                continue
            return None
        plain = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        if plain and node.targets[0].id == name:  # type: ignore[attr-defined]
            return _written(node.value, before[:number], resolve)
        if not _makes(node.value, resolve) and not _sets_something(node, resolve):
            return None
    return None


def _binds(node: ast.stmt, name: str) -> bool:
    flow = Flow()
    flow.statement(node)
    return name in flow.definite | flow.maybe | flow.deleted


def _written(node: ast.expr, before: list[ast.stmt], resolve: dict[str, str]) -> ast.expr | None:
    """Return an expression without variables in it, or nothing."""
    if constant(node) or of_constants(node):
        return node
    if isinstance(node, ast.Name):
        return _value(node.id, before, resolve)
    if not _makes(node, resolve):
        return None
    assert isinstance(node, ast.Call)
    given = [_written(one, before, resolve) for one in node.args]
    words = [(word.arg, _written(word.value, before, resolve)) for word in node.keywords]
    if not given and not words:  # the colours that are set just then
        return None
    if any(one is None for one in given) or any(one is None or arg is None for arg, one in words):
        return None
    keywords = [ast.keyword(arg, one) for arg, one in words if one]
    return ast.Call(node.func, [one for one in given if one], keywords)


def quiet(node: ast.stmt, resolve: dict[str, str]) -> bool:
    """Say whether a statement only names what is written out, or colours made of that."""
    return (
        isinstance(node, ast.Assign)
        and all(isinstance(one, ast.Name) for one in node.targets)
        and _written(node.value, [], resolve) is not None
    )


def _makes(node: ast.expr, resolve: dict[str, str]) -> bool:
    return isinstance(node, ast.Call) and bool(COLOURS.match(dotted(node.func, resolve)))


def _only_looks(node: ast.stmt, resolve: dict[str, str]) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Name):
        return True
    return isinstance(call, ast.Call) and bool(LOOKS.match(dotted(call.func, resolve)))


def _sets_something(node: ast.Assign, resolve: dict[str, str]) -> bool:
    """Say whether it is ``plt.rcParams["a"] = name``."""
    return all(
        isinstance(one, ast.Attribute | ast.Subscript) and LOOKS.match(dotted(one, resolve))
        for one in node.targets
    )
