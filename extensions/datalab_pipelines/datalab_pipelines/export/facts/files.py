"""Which files each cell writes and reads, and whether what is written can be handed on.

A function writes where it is called, not where it is defined. Pictures are written to be looked at:
only what reads pictures, or lists folders, can see them. A path is known by the texts that it is
made of; what is not known may be any path.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..cells.scopes import strings_in
from ..model import Analysis, CodeCell
from ..trees import nodes_in
from . import knowledge
from .changing import Function
from .folders import FOLDERS, LOOKS_AROUND, makes_folder
from .locating import OPENING, Located
from .naming import dotted, short_name
from .shells import ANY, read_by, writes_here
from .statements import assigns, inside, names_within, running

WRITING_ROOTS = ("os", "shutil", "subprocess", "pathlib", "urllib")
WRITING = re.compile(
    r"to_(csv|excel|parquet|pickle|json|hdf|feather|sql|stata)|save\w*|dump|write\w*"
)
WRITES = re.compile(r"(?=.*[wax+])[rwaxbt+]{1,3}")  # as the mode of ``open``
DATABASES = {"sqlite3.connect", "duckdb.connect", "sqlalchemy.create_engine", "shelve.open"}
NO_FILES = re.compile(r"loads\w*|load_(state_dict|weights|ext)|readline\w*|reader")
PICTURES = re.compile(r"savefig|write_image|imsave|imwrite")
READS_PICTURES = {"imread", "load_img", "decode_image"}
NEEDS_NO_ARGUMENT = re.compile(
    r"exists|is_file|is_dir|iterdir|read_text|read_bytes|listdir|scandir|walk"
)
MOVES = re.compile(r"rename\w*|replace|move|copy\w*|link|symlink")
# Data that libraries bring along, or keep in a place of their own.
LIBRARIES = re.compile(
    r"sklearn\.|seaborn\.load_dataset|statsmodels\.|(tensorflow\.)?keras\.datasets\."
    r"|torchvision\.datasets|vega_datasets|nltk\.|plotly\.data|tensorflow_datasets|datasets\.load"
)
STREAMS = re.compile(r"sys\.(stdout|stderr|stdin)\b")
SHELL = ("shell", "shell_lines")
PICTURE_FILE = re.compile(r".*\.(png|jpe?g|gif|svg|pdf|tiff?|webp|bmp|eps)", re.IGNORECASE)
URL = re.compile(r"\w+://")


@dataclass(frozen=True)
class Act:
    """A file that is read or written: ``kind`` is picture, data, folder, module or any.

    ``stays`` says why what is written cannot be handed on.
    """

    writes: bool
    kind: str
    paths: frozenset[str] = frozenset()  # nothing where it is not known
    stays: str = ""


UNPACKS = {"extract", "extractall"}
ANYWHERE = "and may lie outside of the notebook's folder"
COMMAND = "and a command may write anywhere"
LEFT_OPEN = "and stay open"
DATABASE = "and are a database"

Assigned = dict[str, list[ast.AST]]


@dataclass(frozen=True, eq=False)
class Place:
    """Where code runs: the statement of a cell, and what the functions on the way assign."""

    site: ast.AST
    local: tuple[tuple[str, ast.AST], ...] = ()


@dataclass
class Files:
    """Looks for files in a notebook's cells."""

    found: Analysis
    resolve: dict[str, str]
    assigned: Assigned = field(default_factory=dict)
    methods: dict[str, list[ast.stmt]] = field(default_factory=dict)
    texts: dict[tuple[int, Place], set[str]] = field(default_factory=dict)
    left_open: set[int] = field(default_factory=set)
    like_paths: dict[ast.AST, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for cell in self.found.code:
            self.left_open |= _left_open(cell)
            for one in cell.statements:
                for name, value in assigns(one.node):
                    self.assigned.setdefault(name, []).append(value)
                if isinstance(one.node, ast.ClassDef):
                    for inner in one.node.body:
                        if isinstance(inner, Function):
                            self.methods.setdefault(inner.name, []).append(inner)
        for name, them in self.found.definitions.items():  # what a function gives is made in it
            bodies = [d.statement.node for d in them if d.kind == "function"]
            self.assigned.setdefault(name, []).extend(bodies)

    def of_cell(self, cell: CodeCell) -> list[Act]:
        """Return what a cell reads and writes, in functions that it calls too."""
        again = [one.node for one in self.found.settings.get(cell.index, [])]
        return [
            act
            for one in cell.statements
            if not (one.node in again and makes_folder(one.node))
            for act in self._of(one.node)
        ]

    def _of(self, node: ast.stmt) -> Iterator[Act]:
        bodies = self._reached(node)
        # What a constant is, others may say, too; what a function assigns is its own.
        local = tuple(one for body in bodies if inside(body) for one in assigns(body))
        place = Place(node, local)
        for code in [node, *(part for body in bodies for part in inside(body))]:
            for part in running(code):
                if isinstance(part, ast.Import | ast.ImportFrom):
                    modules = [one.name for one in part.names] + [getattr(part, "module", "") or ""]
                    yield Act(False, "module", frozenset(f"{one}.py" for one in modules))
                elif isinstance(part, ast.Call):
                    yield from self._of_call(part, place)

    def _reached(self, node: ast.stmt) -> list[ast.stmt]:
        """Return the functions and methods that may run with a statement, itself left out."""
        found: dict[int, ast.stmt] = {id(node): node}
        waiting: list[ast.AST] = [node]
        while waiting:
            for part in running(waiting.pop()):
                bodies: list[ast.stmt] = []
                if isinstance(part, ast.Name):  # called, or given to what calls it
                    bodies = [d.statement.node for d in self.found.definitions.get(part.id, [])]
                elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
                    bodies = self.methods.get(part.func.attr, [])
                for body in bodies:
                    if id(body) not in found:
                        found[id(body)] = body
                        waiting += inside(body)
        return list(found.values())[1:]

    def _of_call(self, call: ast.Call, place: Place) -> Iterator[Act]:
        name = dotted(call.func, self.resolve)
        short = call.func.attr if isinstance(call.func, ast.Attribute) else name.rsplit(".", 1)[-1]
        if isinstance(call.func, ast.Name) and call.func.id in SHELL:
            looked_at = read_by(call)
            if looked_at is None:
                stays = "" if writes_here(call) else COMMAND
                yield from (Act(True, "any", stays=stays), Act(False, "any"))
            elif looked_at:
                yield Act(False, "any", frozenset(() if ANY in looked_at else looked_at))
            return
        if LIBRARIES.match(name) or NO_FILES.fullmatch(short) or STREAMS.match(name):
            return
        if name in DATABASES:
            paths = self._paths(call, place)
            yield from (Act(True, "data", paths, DATABASE), Act(False, "data", paths))
            return
        if short == "urlretrieve" and self._is_here(self._paths(call, place)):
            return  # downloaded before, and a file of the project
        mode = strings_in(call.args[1:2]) if name == "open" else []
        mode += strings_in(k.value for k in call.keywords if k.arg == "mode")
        of_system = name.split(".")[0] in WRITING_ROOTS and knowledge.WRITERS.match(short)
        if PICTURES.fullmatch(short):
            yield Act(True, "picture", self._paths(call, place), self._stays(call, place))
        elif short in FOLDERS:
            yield Act(True, "folder", self._paths(call, place), self._stays(call, place))
        elif of_system or _writes(call, short) or any(WRITES.fullmatch(one) for one in mode):
            unpacks = short in UNPACKS  # what is in an archive no text says
            paths = self._folder_of(call, place) if unpacks else self._paths(call, place)
            yield Act(True, "data", paths, self._stays(call, place))
            if of_system and MOVES.fullmatch(short):
                yield Act(False, "data", self._paths(call, place))
        if short in READS_PICTURES:
            yield Act(False, "picture", self._paths(call, place))
        elif knowledge.READERS.match(short) and (call.args or NEEDS_NO_ARGUMENT.match(short)):
            around = bool(LOOKS_AROUND.fullmatch(short))
            kind = "any" if around or name == "open" else "data"
            paths = self._paths(call, Place(call, place.local) if around else place)
            if not paths or not all(URL.match(one) for one in paths):
                yield Act(False, kind, paths)

    def _folder_of(self, call: ast.Call, place: Place) -> frozenset[str]:
        """Return the texts that the folder is made of in which an archive is unpacked."""
        where = call.args[:1] if short_name(call.func) == "extractall" else call.args[1:]
        where += [word.value for word in call.keywords if word.arg == "path"]
        return frozenset(text for one in where for text in self._texts(one, place))

    def _stays(self, call: ast.Call, place: Place) -> str:
        """Say why what ``call`` writes cannot be handed on, nothing where it can."""

        def assigned(name: str) -> list[ast.AST]:
            here = [value for local, value in place.local if local == name]
            return here + self.assigned.get(name, [])  # it may be of either

        if id(call) in self.left_open:
            return LEFT_OPEN
        return "" if Located(self.resolve, assigned).writes_here(call, place.site) else ANYWHERE

    def _is_here(self, paths: frozenset[str]) -> bool:
        """Say whether one of these files lies beside the notebook."""
        folder = self.found.notebook.path.resolve().parent
        return any((folder / PurePosixPath(one).name).is_file() for one in paths)

    def _paths(self, call: ast.Call, place: Place) -> frozenset[str]:
        """Return the texts, here and where the call comes from, that look like paths."""
        return frozenset(self._texts(call, place) | self._texts(place.site, place))

    def _texts(self, node: ast.AST, place: Place) -> set[str]:
        """Return such texts in ``node``, and in what its variables are made of."""
        key = (id(node), place)
        if key not in self.texts:
            found = set(self._like_paths(node))
            waiting, seen = names_within(node), set[str]()
            while waiting:
                name = waiting.pop()
                seen.add(name)
                here = [value for local, value in place.local if local == name]
                for value in here or self.assigned.get(name, []):
                    found |= self._like_paths(value)
                    waiting |= names_within(value) - _own_names(value) - seen
            self.texts[key] = found
        return self.texts[key]

    def _like_paths(self, node: ast.AST) -> set[str]:
        if node not in self.like_paths:
            self.like_paths[node] = _like_paths(node)
        return self.like_paths[node]


def _writes(call: ast.Call, short: str) -> bool:
    """Say whether what is called writes a file, by its name; ``s.str.extract`` does not."""
    if short in UNPACKS:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        return not (isinstance(owner, ast.Attribute) and owner.attr == "str")
    return bool(WRITING.fullmatch(short))


def _own_names(node: ast.AST) -> set[str]:
    """Return the names that are a function's own."""
    return {name for name, _ in assigns(node)} if isinstance(node, Function) else set()


def _like_paths(node: ast.AST) -> set[str]:
    """Return the texts in ``node`` with a dot or slash, and those behind a ``/``."""
    found = {one for one in strings_in([node]) if re.search(r"\w", one) and re.search(r"[./]", one)}
    for one in nodes_in(node):
        if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div):
            found |= {text for text in strings_in([one.right]) if re.search(r"\w", text)}
    return found


def _left_open(cell: CodeCell) -> set[int]:
    """Return the calls that open a file which a variable holds, and which the cell leaves open."""
    parts = [node for one in cell.statements for node in nodes_in(one.node)]
    methods = [one.func for one in parts if isinstance(one, ast.Call)]
    owners = [(one.attr, one.value) for one in methods if isinstance(one, ast.Attribute)]
    closed = {one.id for method, one in owners if method == "close" and isinstance(one, ast.Name)}
    at_once = {id(one) for _, one in owners}  # ``open("a.txt", "w").write("a")``
    found: set[int] = set()
    for node in parts:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.Return) and node.value:
            targets = getattr(node, "targets", [getattr(node, "target", node.value)])
            names = {name for one in targets for name in names_within(one)}
            if not (names and names <= closed):
                made = [one for one in nodes_in(node.value) if isinstance(one, ast.Call)]
                opening = [one for one in made if short_name(one.func) in OPENING]
                found |= {id(one) for one in opening} - at_once
    return found
