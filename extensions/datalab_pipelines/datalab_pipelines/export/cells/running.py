"""``%run`` of a file beside the notebook: its code, to stand in the place of the line.

IPython runs a notebook (``.ipynb``, ``.ipy``) in the variables of the one that names it: its cells
are as if they stood there, but for the values that they show. A script (``.py``) runs in variables
of its own, which are copied afterwards; ``scripts`` says when that is the same. What is not stays
with IPython. The files are read when the notebook is exported, as a cell writes them
(``%%writefile``) or as they lie there.
"""

from __future__ import annotations

import ast
import re
import shlex
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ExportError
from ..model import Cell, CodeCell, Notebook
from .names import Flow
from .reading import read
from .scopes import scope_of
from .scripts import NO_FUTURES, OnlyAsAScript, Script, bindings

NOTEBOOKS = (".ipynb", ".ipy")
WRITTEN = re.compile(r"\A\s*%%(?:writefile|file)[ \t]+(?P<name>[^\s-]\S*)[ \t]*\n")
MOVES = re.compile(r"\bchdir\b|^\s*%?(cd|pushd|popd)\b(?!\s*[=.(\[])", re.MULTILINE)
LINE = re.compile(r"^%?run\b.*$", re.MULTILINE)
EXPANDED = re.compile(r"[$*?{}~\[\]\\]")  # by IPython, before the script sees it
OPTIONS = {"-n", "-i", "-G", "-e"}

Translate = Callable[[Cell], CodeCell]


@dataclass
class Ran:
    """A script that runs in variables of its own, and in which cell."""

    cell: int
    script: Script


@dataclass
class Runs:
    """Gives the code of the files that a notebook runs; ``scripts``: whether of scripts too."""

    notebook: Notebook
    scripts: bool = True
    ran: list[Ran] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)  # the notebooks that are being read
    cell: int = 0  # of the notebook that is exported
    moved: bool = False

    def code(self, line: str, found: CodeCell, translate: Translate) -> str:
        """Return the code that ``%run line`` runs in the cell ``found``.

        Where it cannot stand there, ``found.opaque`` says why. ``translate`` turns a cell into
        Python. Raises ``ExportError`` for a file that is not there, or is not Python.
        """
        self.cell = self.cell if self.inside else found.index
        try:
            options, words = _words(line)
            path, text = self._find(words[0])
            words[0] = path.relative_to(self._folder).as_posix()
            if path.suffix in NOTEBOOKS:
                made = self._notebook(path, text, found, translate)
            else:
                made = self._script(path, text, options, words)
        except OnlyAsAScript as why:
            found.opaque = f"%run {line.strip()}: {why}"
            return ""
        self.moved = self.moved or bool(MOVES.search(made))
        found.runs.append(words[0])
        return f"{_with_origin(made.strip(), words[0])}\npass"  # its last value is not shown

    def loads(self, line: str) -> bool:
        """Say whether ``%load line`` only puts a file's text into the editor, and runs nothing."""
        words = line.split()
        if len(words) != 1 or EXPANDED.search(line) or self.moved:
            return False
        return (self._folder / words[0]).is_file()

    def clashes(self, bare: list[CodeCell]) -> dict[int, str]:
        """Return why scripts cannot stand in their cells; ``bare`` are the cells without them."""
        parts = [(one.index, bindings(ast.parse(one.code).body)) for one in bare]
        whole = [(one.cell, bindings(one.script.tree.body)) for one in self.ran]
        by_functions = {
            name
            for one in bare
            for node in ast.walk(ast.parse(one.code))
            if isinstance(node, ast.Global)
            for name in node.names
        }
        found = {}
        for number, one in enumerate(self.ran):
            others: dict[str, set[str]] = {}
            later = set(by_functions)
            for cell, bound in [*parts, *whole[:number], *whole[number + 1 :]]:
                later |= set(bound) if cell >= one.cell else set()
                for name, values in bound.items():
                    others.setdefault(name, set()).update(values)
            if name := one.script.clash(others, later):
                text = f"{name} is a variable of its own there, and another one here"
                found[one.cell] = f"%run {one.script.path.name}: {text}"
        return found

    @property
    def _folder(self) -> Path:
        return self.notebook.path.resolve().parent

    def _find(self, name: str) -> tuple[Path, str | None]:
        """Return where a file is, and its text if a cell above writes it."""
        path = self._folder / name
        if path.suffix not in (".py", *NOTEBOOKS) and not path.is_file():
            path = path.with_name(f"{path.name}.py")
        code = [one for one in self.notebook.cells if one.kind == "code"]
        if self.moved or any(MOVES.search(one.source) for one in code if one.index <= self.cell):
            raise OnlyAsAScript("the notebook goes to another folder before")
        if self._folder not in path.resolve().parents:
            raise OnlyAsAScript("it lies outside of the notebook's folder")
        written = None
        for one in code:
            if path.name not in LINE.sub("", one.source):
                continue
            match = WRITTEN.match(one.source)
            if not match or match["name"] != name or one.index > self.cell:
                raise OnlyAsAScript(f"cell {one.index + 1} may change it")
            written = one.source[match.end() :]
        if written is None and not path.is_file():
            raise ExportError(
                f"%run {name}: there is no such file beside the notebook",
                cell=self.cell,
                hint=f"Put {path.name} into the notebook's folder, or delete the line.",
            )
        return path, written

    def _notebook(self, path: Path, text: str | None, found: CodeCell, translate: Translate) -> str:
        if path.name in (self.notebook.path.name, *self.inside):
            raise OnlyAsAScript("it runs itself")
        if path.suffix == ".ipy":
            cells = [Cell(0, "code", path.read_text("utf-8") if text is None else text)]
        elif text is not None:
            raise OnlyAsAScript("a cell writes it")
        else:
            cells = [one for one in read(path).cells if one.kind == "code"]
        self.inside.append(path.name)
        made = []
        for cell in cells:
            where = f"cell {cell.index + 1} of {path.name}"
            try:
                one = translate(cell)
            except ExportError as error:
                said = f"{where}: {error.message}"
                raise ExportError(said, cell=self.cell, hint=error.hint) from None
            if why := one.opaque or _against(one):
                raise OnlyAsAScript(f"{where}: {why}")
            found.helpers |= one.helpers
            found.installs += one.installs
            found.runs += one.runs
            made.append(one.code.strip("\n"))
        self.inside.pop()
        return "\n\n".join(one for one in made if one)

    def _script(self, path: Path, text: str | None, options: set[str], words: list[str]) -> str:
        if not self.scripts:
            return ""
        try:
            if text is None:
                with tokenize.open(path) as file:
                    text = file.read()
            script = Script(path, text, words, main="-n" not in options)
        except (SyntaxError, ValueError) as error:
            said = f"{error.msg}, line {error.lineno}" if isinstance(error, SyntaxError) else error
            text = f"%run {path.name}: it is not valid Python: {said}"
            raise ExportError(text, cell=self.cell) from None
        made = script.code(self._folder, shared="-i" in options)
        if "-i" not in options:
            self.ran.append(Ran(self.cell, script))
        return made


def _with_origin(code: str, name: str) -> str:
    """Return the code of a file with a line that says so, above what it does."""
    lines, above = code.split("\n"), 0
    for node in ast.parse(code).body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not text and not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
            while above < first - 1 and not lines[above].strip():
                above += 1
            said = [f"# From {name}:"] if above < first else []
            return "\n".join([*lines[:above], *said, *lines[above:]])
        above = node.end_lineno or first
    return code


def _words(line: str) -> tuple[set[str], list[str]]:
    """Return the options of ``%run``, and the file with its arguments."""
    if EXPANDED.search(line):
        raise OnlyAsAScript("IPython puts something else in the place of some of its words")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise OnlyAsAScript(str(error)) from None
    count = next((n for n, word in enumerate(words) if not word.startswith("-")), len(words))
    options = set(words[:count])
    if unknown := options - OPTIONS:
        raise OnlyAsAScript(f"what {min(unknown)} does, only IPython knows")
    if count == len(words):
        raise OnlyAsAScript("it names no file")
    return options, words[count:]


def _against(cell: CodeCell) -> str:
    """Say why a cell of another notebook is not the same in this one, or nothing."""
    tree = ast.parse(cell.code)
    flow = Flow()
    flow.run(tree.body)
    inner = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda)]
    late = {name for node in inner for name in scope_of(node).reads}
    if "_" in flow.exposed | late:
        return "it reads what the notebook showed last"
    if "__file__" in flow.exposed | late:
        return "__file__ is not the same here"
    for node in tree.body:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if future and not {one.name for one in node.names} <= NO_FUTURES:  # type: ignore[attr-defined]
            return "it changes how Python reads the cell"
    return ""
