"""Which files beside the notebook belong to it: what its code names, and the modules it imports.

A path may be put together: ``os.path.join("datasets", "life", "")``, ``DATA / "a.csv"``,
``f"part_{n}.csv"``, ``folder + name + ".csv"``, ``glob("data/*.csv")``. So a file counts as named
when the code has a text for every folder on the way, and one that fits its own name.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from ..cells.scopes import strings_in
from ..model import Analysis, Plan
from ..trees import nodes_in

MOST_MODULES = 200  # of one package
MOST_FILES = 1000  # of one folder that is listed
HIGHEST = 3  # folders above the notebook's that are looked into
LONGEST_TEXT = 1000  # longer ones are no paths
MAGIC = re.compile(r"\s*%%?\w+\s+(.+)")
SEPARATOR = re.compile(r"[/\\]")
PLACEHOLDER = re.compile(r"%[-+ 0#]*\d*(?:\.\d+)?[diouxXeEfgGs]|\{[^{}]*\}")
ENDING = re.compile(r"[-_.\w]*\.\w+")
BETWEEN_WORDS = re.compile(r"[\s;|&<>()`\"']+")
LISTERS = {"ls", "find", "tree", "du"}
MAKERS = {"mkdir", "makedirs"}
WRITERS = re.compile(r"save\w*|im(save|write)|to_[a-z]+|dump|open|write\w*|touch")
LISTS = {"listdir", "scandir", "walk", "iterdir", "glob", "rglob", "iglob", "load_files"}


FILES = "files"  # of the project: what lies where, when the notebook reads beyond its folder
KEEP = ".gitkeep"


def data_files(plan: Plan) -> list[str]:
    """Return the files that the notebook names, relative to its folder, and its modules."""
    return _beside(plan)[0]


def empty_folders(plan: Plan) -> list[str]:
    """Return folders that the notebook names and none of whose files is its, relative to its own.

    What it writes there needs them: ``plt.savefig("figures/a.png")``. None where it makes folders
    itself, or lists what is in them.
    """
    return _beside(plan)[1]


def _beside(plan: Plan) -> tuple[list[str], list[str]]:
    """Return ``data_files`` and ``empty_folders``."""
    notebook = plan.analysis.notebook.path.resolve()
    folder = notebook.parent
    run = _run_by(plan)
    texts = _texts_of(plan.analysis, run)
    found = set(modules(plan).values())
    folders: set[Path] = set()
    for here, inside in _folders(folder, texts):
        top = here == folder or here in folder.parents
        if here.name in texts.leading and not top:
            folders.add(Path(os.path.relpath(here, folder)))
        listed = texts.lists and not top and len(inside) <= MOST_FILES
        for path in inside:
            if path.is_file() and (listed or texts.fit(path.name)):
                found.add(Path(os.path.relpath(path, folder)).as_posix())
    found.discard(notebook.name)
    files = sorted(one for one in found if not one.endswith(".ipynb") or one in run)
    if texts.makes or texts.lists:
        return files, []
    used = {parent for name in files for parent in Path(name).parents}
    used |= {parent for one in folders for parent in one.parents}
    return files, sorted(one.as_posix() for one in folders - used)


def _run_by(plan: Plan) -> set[str]:
    return _named_by_magics(plan) | {name for cell in plan.analysis.code for name in cell.runs}


def _texts_of(analysis: Analysis, run: set[str]) -> Texts:
    """Return the texts of a notebook's code; remembered in the analysis, as files are not."""
    found: Texts | None = getattr(analysis, "_texts", None)
    if found is None:
        nodes = [s.node for cell in analysis.code for s in cell.statements]
        named = {*strings_in(nodes), *run, *_words_for_shells(nodes)}
        named = {one for one in named if 0 < len(one) <= LONGEST_TEXT}
        found = Texts({one for one in named if not {"\n", "\0"} & set(one)}, nodes)
        analysis._texts = found  # type: ignore[attr-defined]
    return found


def modules(plan: Plan) -> dict[str, str]:
    """Return the modules of one's own that are imported: their paths as imports have them, and
    those relative to the notebook's folder. They lie there, or where the code may look for them.
    """
    folder = plan.analysis.notebook.path.resolve().parent
    texts = strings_in(s.node for cell in plan.analysis.code for s in cell.statements)
    added = [folder / one for one in texts if 0 < len(one) < LONGEST_TEXT and "\0" not in one]
    search = [folder, *(one for one in dict.fromkeys(added) if _is_below(one, folder))]
    found: dict[str, str] = {}
    seen: set[str] = set()
    waiting = {name.split(".")[0] for name in plan.analysis.imports}
    while waiting:
        root = waiting.pop()
        seen.add(root)
        for place in search:
            package = place / root
            paths = [place / f"{root}.py"]
            paths += sorted(package.rglob("*.py"))[:MOST_MODULES] if package.is_dir() else []
            paths = [path for path in paths if path.is_file()]
            for path in paths:
                name = Path(os.path.relpath(path, folder)).as_posix()
                found[path.relative_to(place).as_posix()] = name
                waiting |= roots_of(path) - seen
            if paths:
                break
    return found


def _is_below(place: Path, folder: Path) -> bool:
    """Say whether it is a folder that lies in the notebook's own, or near it."""
    near = [folder, *folder.parents[:HIGHEST]]
    try:
        return place.is_dir() and any(one in near for one in place.resolve().parents)
    except OSError:  # a text too long for a path
        return False


def working_folder(plan: Plan) -> str:
    """Return where in the project the stages work: "" is its own folder.

    ``../data/a.csv`` has to be the same file there: so what lies around the notebook keeps its
    places below ``FILES``, and the stages work in the folder that stands for the notebook's.
    """
    files, folders = _beside(plan)
    up = max((Path(name).parts.count("..") for name in [*files, *folders]), default=0)
    parents = plan.analysis.notebook.path.resolve().parent.parts
    return "/".join([FILES, *parents[-up:]]) if up else ""


def placed(plan: Plan) -> dict[str, Path]:
    """Return where the files that belong to the notebook lie in the project, and where here."""
    folder = plan.analysis.notebook.path.resolve().parent
    work = working_folder(plan)
    found = {}
    for name in data_files(plan):
        found[os.path.normpath(f"{work}/{name}") if work else name] = folder / name
    if work:  # the stages are imported before they go to that folder
        found |= {path: folder / name for path, name in modules(plan).items()}
    return found


def kept_folders(plan: Plan) -> list[str]:
    """Return the folders of the project that have to be there though they may hold no file."""
    work = working_folder(plan)
    inner = [os.path.normpath(f"{work}/{name}") if work else name for name in empty_folders(plan)]
    return [*([work] if work else []), *inner]


class Texts:
    """The texts of a notebook's code, as parts of paths."""

    def __init__(self, texts: set[str], nodes: list[ast.stmt]) -> None:
        self.parts = {part for text in texts for part in SEPARATOR.split(text) if part}
        up = [SEPARATOR.split(text).count("..") for text in texts]
        for node in nodes:
            joined = [one for one in nodes_in(node) if isinstance(one, ast.Call | ast.BinOp)]
            up += [strings_in([one]).count("..") for one in joined]
        self.up = min(max(up, default=0), HIGHEST)
        last = {SEPARATOR.split(text)[-1] for text in texts} | set(_formatted(nodes))
        patterns = {PLACEHOLDER.sub("*", one) for one in last}
        # "*", or "*_*", says nothing about a name.
        self.patterns = [one for one in patterns if "*" in one and re.search("[A-Za-z]{2}", one)]
        self.endings = tuple(one for one in last if ENDING.fullmatch(one) and one[0] in "._-")
        words = set(_words_for_shells(nodes))
        called = {_called(one) for node in nodes for one in nodes_in(node)}
        self.lists = bool(called & LISTS or words & LISTERS)
        self.makes = bool(called & MAKERS or words & MAKERS)
        # Names of folders: texts name something in them, or name them where files are written.
        self.leading = {part for text in texts for part in SEPARATOR.split(text)[:-1]}
        if any(WRITERS.fullmatch(one) for one in called):
            self.leading |= self.parts

    def fit(self, name: str) -> bool:
        """Say whether the texts can make the name of a file."""
        return (
            name in self.parts
            or any(fnmatchcase(name, one) for one in self.patterns)
            or any(name.removesuffix(one) in self.parts for one in self.endings)
        )


def _words_for_shells(nodes: Iterable[ast.stmt]) -> Iterator[str]:
    """Return the words of the shell commands that cells run: ``head -n1 data/a.csv``."""
    for node in nodes:
        for one in nodes_in(node):
            if isinstance(one, ast.Call) and _called(one) in ("shell", "shell_lines"):
                for text in strings_in(one.args):
                    yield from BETWEEN_WORDS.split(text)


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _formatted(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Return the last parts of f-strings, ``*`` for what is filled in."""
    for node in nodes:
        for one in nodes_in(node):
            if isinstance(one, ast.JoinedStr):
                texts = [str(v.value) if isinstance(v, ast.Constant) else "*" for v in one.values]
                yield SEPARATOR.split("".join(texts))[-1]


def _folders(folder: Path, texts: Texts) -> Iterator[tuple[Path, list[Path]]]:
    """Return the folders that the texts name, and what is in them: ``folder``, those in it, and,
    for ``..``, those above.
    """
    above = folder.parents[: texts.up]
    waiting = [folder, *above]
    while waiting:
        here = waiting.pop()
        try:
            inside = sorted(here.iterdir())
        except OSError:  # of somebody else
            continue
        for path in inside:
            if path.is_dir() and path.name in texts.parts:
                mine = path == folder or path in above or path.is_symlink() or _exported(path)
                waiting += [] if mine else [path]
        yield here, inside


def _exported(folder: Path) -> bool:
    """Say whether a folder is a pipeline's project, an earlier export perhaps."""
    return (folder / "pipeline.py").is_file() and (folder / "stages").is_dir()


def _named_by_magics(plan: Plan) -> set[str]:
    """Return what cells that only IPython runs may name: ``%run Code.ipynb``, ``%load x.py``."""
    whole = bool(plan.whole)
    opaque = {cell.index for cell in plan.analysis.code if cell.opaque or whole}
    found: set[str] = set()
    for cell in plan.analysis.notebook.cells:
        for line in cell.source.splitlines() if cell.index in opaque else ():
            if match := MAGIC.match(line):
                words = [*match[1].split(), match[1].strip()]
                found |= {word.strip("'\"") for word in words}
                found |= {f"{word}.py" for word in words}
    return found


def roots_of(path: Path) -> set[str]:
    """Return the first parts of what a module imports; nothing for one that is not Python 3."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return set()
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    names += [
        n.module
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.module and not n.level
    ]
    return {name.split(".")[0] for name in names}
