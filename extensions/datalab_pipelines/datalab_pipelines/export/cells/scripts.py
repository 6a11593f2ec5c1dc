"""A script that a notebook runs (``%run fit.py 3``): its code, as it can stand in a cell.

The script runs as the main module does: what stands behind ``if __name__ == "__main__"`` runs too,
and ``sys.argv[1]`` is ``"3"``. What looks at more than that (``__file__``, ``sys.exit``, a parser
of the command line) cannot stand anywhere else; nor can what tells that its variables are its own:
a function that sets them, a name that somebody else binds to something else.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from pathlib import Path

from ..text import Edit, apply_edits, offsets, span
from .names import Flow
from .scopes import scope_of

COMMAND_LINES = {"argparse", "optparse", "getopt", "click", "typer", "fire", "docopt", "absl"}
LOOKING = {"inspect", "__main__", "doctest", "unittest", "pytest", "runpy", "multiprocessing"}
LOOKS = {
    *("__file__", "__builtins__", "__spec__", "__loader__", "globals", "locals", "vars", "dir"),
    *("exec", "eval", "compile", "__import__", "get_ipython", "breakpoint"),
}
ENDS = {"exit", "quit", "SystemExit"}
NO_FUTURES = {  # they change nothing in Python 3
    *("print_function", "division", "absolute_import", "unicode_literals", "with_statement"),
    *("generators", "nested_scopes", "generator_stop"),
}
KNOWN = {*dir(builtins), "__name__", "__doc__", "display"}
Inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


class OnlyAsAScript(Exception):
    """Why the code of a file cannot stand in a cell."""


class Script:
    """A script beside the notebook; ``main``: whether it runs as the main module.

    ``words``: its name and its arguments, as it is run.
    """

    def __init__(self, path: Path, text: str, words: list[str], *, main: bool) -> None:
        self.path, self.text, self.main, self.words = path, text, main, words
        self.tree = ast.parse(text)
        flow = Flow()
        flow.run(self.tree.body)
        inner = [node for node in ast.walk(self.tree) if isinstance(node, Inner)]
        self.binds = flow.definite | flow.maybe
        self.sets = {name for node in inner for name in scope_of(node).writes}
        # What it may take from, or leave in, the variables that are there before it runs.
        self.early = flow.exposed | flow.deleted | (self.binds - flow.definite)
        self.late = {name for node in inner for name in scope_of(node).reads}

    def code(self, here: Path, *, shared: bool) -> str:
        """Return the code of the script; ``shared``: it runs in the notebook's own variables.

        ``here`` is the notebook's folder. Raises ``OnlyAsAScript``.
        """
        self._check(here)
        if not shared:
            if self.sets:
                raise OnlyAsAScript(f"a function sets {min(self.sets)}, a variable of the script")
            if free := (self.early | self.late) - self.binds - KNOWN:
                raise OnlyAsAScript(f"it reads {min(free)}, which it does not set")
        where = offsets(self.text)
        edits = [edit for one in self.tree.body for edit in self._arguments_in(one)]
        for node in self.tree.body:
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
            if text or future:
                edits.append(Edit(*span(node, where), "pass"))
        return self._without_guards(apply_edits(self.text, edits))

    def clash(self, others: dict[str, set[str]], later: set[str]) -> str:
        """Return a name that would be something else among the notebook's variables, or nothing.

        ``others``: what else the notebook binds, and to what, as ``bindings`` says it. ``later``:
        the names that may be bound after the script has run.
        """
        mine = bindings(self.tree.body)
        for name in sorted((self.early | self.late) & set(others)):
            if name not in self.early and name in self.binds and name not in later:
                continue  # set by the script, and by nobody since
            same = others[name] == mine.get(name) and "" not in others[name]
            if not same:
                return name
        return ""

    def _check(self, here: Path) -> None:
        for node in ast.walk(self.tree):
            at = f"line {getattr(node, 'lineno', 0)}: "
            if isinstance(node, ast.Import | ast.ImportFrom):
                if why := _against_import(node, self.path.parent, here):
                    raise OnlyAsAScript(at + why)
            elif isinstance(node, ast.Name) and node.id not in self.binds:
                if node.id in LOOKS:
                    raise OnlyAsAScript(f"{at}{node.id} is not the same in a cell")
                if node.id in ENDS:
                    raise OnlyAsAScript(f"{at}it may end itself")
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.exit", "os._exit"):
                raise OnlyAsAScript(f"{at}it may end itself")

    def _arguments_in(self, statement: ast.stmt) -> list[Edit]:
        """Return the places of ``sys.argv`` with the words that the script is given."""
        where = offsets(self.text)
        found: list[Edit] = []
        waiting: list[tuple[ast.AST, bool]] = [(statement, False)]
        while waiting:
            node, late = waiting.pop()
            value = self._argument(node)
            if value and not late:
                found.append(Edit(*span(node, where), value))
            elif value or (isinstance(node, ast.Attribute) and node.attr == "argv"):
                raise OnlyAsAScript(f"line {node.lineno}: it looks at its command line")  # type: ignore[attr-defined]
            else:
                late = late or isinstance(node, Inner)
                waiting += [(one, late) for one in ast.iter_child_nodes(node)]
        return found

    def _argument(self, node: ast.AST) -> str:
        """Return what ``sys.argv[1]``, ``sys.argv[1:]``, ``len(sys.argv)`` are; else nothing."""
        if isinstance(node, ast.Call) and ast.unparse(node) == "len(sys.argv)":
            return repr(len(self.words))
        if not isinstance(node, ast.Subscript) or ast.unparse(node.value) != "sys.argv":
            return ""
        at = node.slice
        if isinstance(at, ast.Slice) and at.upper is None and at.step is None:
            first = getattr(at.lower, "value", None)
            return repr(self.words[first:]) if isinstance(first, int) else ""
        number = getattr(at, "value", None)
        if isinstance(node.ctx, ast.Load) and isinstance(number, int):
            return repr(self.words[number]) if number < len(self.words) else ""
        return ""

    def _without_guards(self, text: str) -> str:
        """Return the code with what stands behind ``if __name__ == "__main__"``, or without it."""
        tree, where = ast.parse(text), offsets(text)
        edits: list[Edit] = []
        for node in tree.body:
            if isinstance(node, ast.If) and not node.orelse and _is_guard(node.test):
                inside = _body(text, node) if self.main else "pass"
                edits.append(Edit(*span(node, where), inside))
        if not self.main:
            edits += [
                Edit(*span(one, where), repr(self.path.stem))
                for one in ast.walk(tree)
                if isinstance(one, ast.Name) and one.id == "__name__"
            ]
        return apply_edits(text, edits)


def bindings(body: Iterable[ast.stmt]) -> dict[str, set[str]]:
    """Return what statements bind and delete, and to what: the text of an import, else ``""``."""
    found: dict[str, set[str]] = {}
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for one in node.names:
                name = one.asname or one.name.split(".")[0]
                said = f"{getattr(node, 'module', '')} {one.name if one.asname else name}"
                found.setdefault(name, set()).add(said)
            continue
        flow = Flow()
        flow.statement(node)
        names = flow.definite | flow.maybe | flow.deleted
        for part in ast.walk(node):
            if isinstance(part, ast.Global):
                names |= set(part.names)
        for name in names:
            found.setdefault(name, set()).add("")
    return found


def _against_import(node: ast.Import | ast.ImportFrom, folder: Path, here: Path) -> str:
    """Say why a script's import is not the same in a cell of the notebook, or nothing."""
    names = {one.name for one in node.names}
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    roots = {one.split(".")[0] for one in ({module} if module else names)}
    if isinstance(node, ast.ImportFrom) and (node.level or "*" in names):
        return "what it imports is not known here"
    if module == "__future__" and not names <= NO_FUTURES:
        return "it changes how Python reads the script"
    if roots & COMMAND_LINES or (module == "sys" and "argv" in names):
        return "it looks at its command line"
    if module == "sys" and "exit" in names:
        return "it may end itself"
    if roots & LOOKING:
        return f"{min(roots & LOOKING)} looks at the module that runs"
    beside = [one for one in sorted(roots) if _is_module(folder, one)]
    if folder != here and beside:
        return f"{beside[0]} lies beside the script, and not beside the notebook"
    return ""


def _is_module(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


def _is_guard(test: ast.expr) -> bool:
    return ast.unparse(test) in ("__name__ == '__main__'", "'__main__' == __name__")


def _body(text: str, node: ast.If) -> str:
    """Return the statements of an ``if`` as they stand outside of it."""
    where, first, last = offsets(text), node.body[0], node.body[-1]
    inside = text[span(first, where)[0] : span(last, where)[1]]
    if first.lineno == node.test.lineno:
        return inside
    kept: set[int] = set()  # the lines that begin in a text of several lines
    for one in ast.walk(node):
        if isinstance(one, ast.JoinedStr | ast.Constant):
            kept |= set(range(one.lineno + 1, (one.end_lineno or 0) + 1))
    lines = [
        line if number in kept else line[min(first.col_offset, _indent(line)) :]
        for number, line in enumerate(inside.split("\n"), first.lineno)
    ]
    made = "\n".join([inside.split("\n")[0], *lines[1:]])
    if ast.dump(ast.parse(made)) != ast.dump(ast.Module(node.body, [])):
        raise OnlyAsAScript(f"line {node.lineno}: it runs only as a script")
    return made


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
