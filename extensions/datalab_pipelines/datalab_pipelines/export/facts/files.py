"""Files that one cell writes and another reads: on AWS each stage has a disk of its own.

Paths are told apart by their text, where it is written out or in a constant. A path that is made up
while the notebook runs may be any.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ..cells.names import strings_in
from ..model import Analysis, CodeCell, Interval
from . import knowledge
from .sharing import bindings, reached
from .soundness import Function, constant

Dotted = Callable[[ast.AST, dict[str, str]], str]
WRITING_ROOTS = ("os", "shutil", "subprocess", "pathlib", "urllib")
WRITING = re.compile(
    r"to_(csv|excel|parquet|pickle|json|hdf|feather|sql|stata)|save\w*|dump|write\w*"
)
DATABASES = {"sqlite3.connect", "duckdb.connect", "sqlalchemy.create_engine", "shelve.open"}
LISTING = re.compile(r"i?glob|rglob|listdir|iterdir|scandir|walk")
NO_FILES = re.compile(r"loads\w*|load_(state_dict|weights|ext)|readline\w*|reader|stat")
SHIPPED = ("sklearn", "seaborn", "statsmodels", "nltk", "tensorflow", "keras", "torchvision")


@dataclass
class _Uses:
    """What a cell does with files."""

    texts: set[str] = field(default_factory=set)
    wrote: bool = False
    anything: bool = False  # writes what no text names
    reads: bool = False
    looks: bool = False  # reads what no text names
    only_figures: bool = True


def keep_files(
    found: Analysis, code: list[CodeCell], resolve: dict[str, str], dotted: Dotted
) -> None:
    """Keep cells that read files together with those that wrote them."""
    texts = _constants(code)
    writers: list[tuple[int, _Uses]] = []
    last = code[-1].index if code else 0
    for cell in code:
        uses = _Uses()
        for node in _nodes(found, cell):
            uses.texts |= set(strings_in([node]))
            if isinstance(node, ast.Name):
                uses.texts |= texts.get(node.id, set())
            elif isinstance(node, ast.Import):
                uses.texts |= {f"{alias.name}.py" for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                uses.texts.add(f"{node.module}.py")
            elif isinstance(node, ast.Call):
                name = dotted(node.func, resolve)
                _call(node, name, uses, texts)
                if name == "os.chdir" and _is_made(found, node):
                    why = "a folder that the notebook makes is gone into"
                    found.intervals.append(Interval(code[0].index, last, "files", why))
        facts = found.facts[cell.index]
        facts.reads_files, facts.writes_files = uses.reads, uses.wrote
        for first, before in writers:
            paths = {one for one in before.texts if "." in one or "/" in one}
            same = bool(paths & uses.texts)
            any_path = uses.reads and before.anything
            unnamed = uses.looks and not before.only_figures
            if same or any_path or unnamed:
                why = "files written by the one are read by the other"
                found.intervals.append(Interval(first, cell.index, "files", why))
        if uses.wrote:
            writers.append((cell.index, uses))


def _call(node: ast.Call, name: str, uses: _Uses, texts: dict[str, set[str]]) -> None:
    short = node.func.attr if isinstance(node.func, ast.Attribute) else name
    ends = short.rsplit(".", 1)[-1]
    mode = strings_in(node.args[1:2]) if name == "open" else []
    mode += strings_in(word.value for word in node.keywords if word.arg == "mode")
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    of_system = name.split(".")[0] in WRITING_ROOTS and knowledge.WRITERS.match(ends)
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    literal = bool(strings_in([node])) or any(one in texts for one in names)
    wrote = False
    if called in ("shell", "shell_lines") or of_system:
        wrote = uses.anything = True
    elif (
        any(set(one) & set("wax+") for one in mode) or WRITING.fullmatch(ends) or name in DATABASES
    ):
        wrote, uses.anything = True, uses.anything or not literal
    if wrote:
        uses.wrote = True
        uses.only_figures = uses.only_figures and ends == "savefig"
    shipped = name.split(".")[0] in SHIPPED
    if node.args and not shipped and (knowledge.READERS.match(ends) or called == "shell"):
        uses.reads = True
        known = bool(strings_in(node.args[:1])) or any(
            isinstance(one, ast.Name) and one.id in texts for one in ast.walk(node.args[0])
        )
        if not known and not NO_FILES.fullmatch(ends):
            uses.looks = True
    if ends in ("read_text", "read_bytes") and not name:  # of a path
        uses.reads = uses.looks = True
    if LISTING.fullmatch(ends) and (name or ends in ("iterdir", "rglob", "glob")):
        uses.reads = uses.looks = True


def _nodes(found: Analysis, cell: CodeCell) -> list[ast.AST]:
    """Return what runs with a cell: its own code, and the functions that it mentions."""
    nodes: list[ast.AST] = []
    waiting: list[ast.AST] = [one.node for one in cell.statements]
    mentioned: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            continue
        nodes.append(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            mentioned.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    named = set(mentioned)
    for name in mentioned:
        for one in found.definitions.get(name, []):
            named |= reached(one, found.definitions)
    for name in sorted(named):
        for one in found.definitions.get(name, []):
            if one.kind in ("function", "class"):
                nodes += list(ast.walk(one.statement.node))
    return nodes


def _constants(code: list[CodeCell]) -> dict[str, set[str]]:
    """Return the texts of the variables that are bound to nothing but one written out."""
    found: dict[str, set[str]] = {}
    for name, them in bindings(code).items():
        values = [one.value for one in them if isinstance(one, ast.Assign)]
        if len(values) == len(them) and all(constant(one) for one in values):
            texts = set(strings_in(values))
            if texts:
                found[name] = texts
    return found


def _is_made(found: Analysis, node: ast.Call) -> bool:
    """Say whether the folder of ``os.chdir`` is not beside the notebook."""
    folder = found.notebook.path.resolve().parent
    texts = strings_in(node.args[:1])
    return not texts or not (folder / texts[0]).is_dir()
