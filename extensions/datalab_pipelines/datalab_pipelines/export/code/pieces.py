"""Small looks at, and changes of, Python text."""

from __future__ import annotations

import ast
import re
import symtable

from ..model import Statement
from ..text import Edit, apply_edits, lines_inside_of_texts, offsets, span


def line_of(one: Statement) -> int:
    """Return the line at which a statement begins, decorators included."""
    decorators = getattr(one.node, "decorator_list", [])
    return min([one.node.lineno, *(d.lineno for d in decorators)])


def called_in(tree: ast.AST) -> set[str]:
    """Return the last names of what is called."""
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


def apart(parts: list[str]) -> list[str]:
    """Return pieces of code as lines, empty ones between those that have several lines."""
    found: list[str] = []
    for before, part in zip(["", *parts], parts, strict=False):
        if found and ("\n" in before or "\n" in part):
            found.append("")
        found.append(part)
    return found


def names_in(tree: ast.AST) -> set[str]:
    """Return the names that are read or bound."""
    return {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}


def loaded(text: str) -> set[str]:
    """Return the names in Python text."""
    return names_in(ast.parse(text))


def names_outside(text: str) -> set[str]:
    """Return the names that the text of a module takes from elsewhere, builtins among them."""
    found: set[str] = set()
    waiting = [symtable.symtable(text, "<module>", "exec")]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for one in table.get_symbols():
            outside = one.is_global() or table.get_type() != "function"
            if one.is_referenced() and outside and not one.is_free():
                found.add(one.get_name())
    return found


def is_literal(node: ast.expr) -> bool:
    """Say whether a value is written out, without a name in it."""
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def with_nonlocal(text: str, local: set[str]) -> str:
    """Return code whose inner functions say ``nonlocal`` where they said ``global``."""
    if "global" not in text:
        return text
    where = offsets(text)
    edits = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Global) and set(node.names) <= local:
            edits.append(Edit(*span(node, where), f"nonlocal {', '.join(node.names)}"))
    return apply_edits(text, edits)


# What Kaggle writes into the first cell of a new notebook, through the years: nobody's words, and
# not true of a pipeline.
OF_KAGGLE = re.compile(
    r"#\s*(This Python 3 environment comes with many helpful analytics libraries installed"
    r"|It is defined by the kaggle/python (docker|Docker) image\b.*"
    r"|For example, here's several helpful packages to load( in)?"
    r"|Input data files are available in the (read-only )?\"\.\./input/\" directory\.?"
    r"|For example, running this \(by clicking run or pressing Shift\+Enter\) will list .*"
    r"|Any results you write to the current directory are saved as output\.?"
    r"|You can write up to \d+ ?GB to the current directory \(/kaggle/working/\) that gets .*"
    r"|You can also write temporary files to /kaggle/temp/, but they won't be saved .*)\s*"
)


def tidied(text: str) -> str:
    """Return a cell without its ``pass`` lines, and without comments of what was taken out."""
    text = _without_comments_of_kaggle(text)
    lines = text.split("\n")
    for node in reversed(ast.parse(text).body):
        at = node.lineno - 1
        if isinstance(node, ast.Pass):
            lines[at] = _without_pass(lines[at], node.col_offset)
            if lines[at].strip() and not lines[at].lstrip().startswith("#"):
                continue  # ``import a; b = 1``
            del lines[at]
            while at and lines[at - 1].startswith("#"):
                at -= 1
                del lines[at]
        elif (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            new = "\n".join(f"# {line.strip()}" for line in node.value.value.strip().splitlines())
            lines[at : node.end_lineno] = new.split("\n") if new else []
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _without_comments_of_kaggle(text: str) -> str:
    if "#" not in text or ("input" not in text and "kaggle" not in text):
        return text
    inside = lines_inside_of_texts(text)
    return "\n".join(
        line
        for number, line in enumerate(text.split("\n"), 1)
        if number in inside or not OF_KAGGLE.fullmatch(line)
    )


def _without_pass(line: str, column: int) -> str:
    """Return a line without the ``pass`` at a column (in bytes), and a semicolon beside it."""
    start = len(line.encode()[:column].decode())
    before, after = line[:start].rstrip(), line[start + len("pass") :].lstrip()
    if after.startswith(";"):
        return line[:start] + after[1:].lstrip()
    return f"{before.removesuffix(';')}  {after}".rstrip()
