"""``from x import *`` as the names that the notebook uses of it.

What a module beside the notebook exports is read from its text; of an installed one Python itself
says it, in a process of its own. Where neither can tell, the star stays.
"""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ..model import CodeCell
from ..text import Edit, apply_edits, offsets, span
from .names import Flow
from .scopes import strings_in

STAR = re.compile(r"\bimport[\s\\]*\*")
WORD = re.compile(r"[A-Za-z_]\w*")
LONGEST = 60.0
TOOLS = "IPython.core.pylabtools"  # of which %pylab takes two functions
ASK = (
    "import json, sys; names = {}; exec(f'from {sys.argv[1]} import *', names); "
    "names.pop('__builtins__', None); print(); print(json.dumps(sorted(names)))"
)


def name_stars(code: list[CodeCell], folder: Path) -> None:
    """Replace the star imports at the top of cells by imports of the names that are used."""
    cells = [cell for cell in code if not cell.opaque and STAR.search(cell.code)]
    found = [(cell, node) for cell in cells for node in ast.parse(cell.code).body if is_star(node)]
    if not found:
        return
    edits: dict[int, list[Edit]] = {}

    @functools.cache
    def ask(module: str) -> set[str] | None:
        return exported(module, folder)

    for cell, node in found:
        assert isinstance(node, ast.ImportFrom)
        module = node.module or ""
        names = ask(module) if module and not node.level else None
        if names is None:
            continue
        used = sorted(names & _used(code) - _bound_next(cell, node, ask))
        root = module.split(".")[0]
        if not used and root in _used(code):
            continue
        text = f"from {module} import {', '.join(used)}" if used else f"import {module}"
        edits.setdefault(cell.index, []).append(Edit(*span(node, offsets(cell.code)), text))
    for cell in cells:
        for node in ast.parse(cell.code).body:
            if isinstance(node, ast.ImportFrom) and node.module == TOOLS:
                named = ", ".join(one.name for one in node.names if one.name in _used(code))
                text = f"from {TOOLS} import {named}" if named else "pass"
                edits.setdefault(cell.index, []).append(Edit(*span(node, offsets(cell.code)), text))
    for cell in cells:
        if cell.index in edits:
            cell.code = apply_edits(cell.code, edits[cell.index])


def _bound_next(
    cell: CodeCell, node: ast.ImportFrom, ask: Callable[[str], set[str] | None]
) -> set[str]:
    """Return what the imports right behind a star import bind: those names are theirs."""
    found: set[str] = set()
    below = [one for one in ast.parse(cell.code).body if one.lineno > node.lineno]
    for one in below:
        if is_star(one) and isinstance(one, ast.ImportFrom) and one.module and not one.level:
            found |= ask(one.module) or set()
        elif isinstance(one, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in one.names}
        elif not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
            break
    return found


def _used(code: list[CodeCell]) -> set[str]:
    """Return the names that the notebook has, those in text that may be code included."""
    trees = [ast.parse(cell.code) for cell in code if not cell.opaque]
    names = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {word for text in strings_in(trees) for word in WORD.findall(text)}


def is_star(node: ast.AST) -> bool:
    """Say whether ``node`` is a star import."""
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def exported(module: str, folder: Path, seen: frozenset[str] = frozenset()) -> set[str] | None:
    """Return the names that ``from module import *`` brings, or None when nobody can tell.

    ``seen`` are the modules that ask for it.
    """
    local = folder.joinpath(*module.split("."))
    for path in (local.with_suffix(".py"), local / "__init__.py"):
        if path.is_file():
            return None if module in seen else _written(path, folder, seen | {module})
    try:
        done = subprocess.run(
            [sys.executable, "-c", ASK, module],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return set(json.loads(done.stdout.splitlines()[-1]))


def _written(path: Path, folder: Path, seen: frozenset[str]) -> set[str] | None:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None
    stars = [node for node in ast.walk(tree) if is_star(node)]
    brought: set[str] = set()
    for node in stars:
        assert isinstance(node, ast.ImportFrom)
        module = node.module if not node.level and node in tree.body else None
        more = exported(module, folder, seen) if module else None
        if more is None:
            return None
        brought |= more
    says = [node for node in tree.body if isinstance(node, ast.Assign) and _is_all(node.targets[0])]
    if any(map(_is_all, ast.walk(tree))):
        try:
            (said,) = says
            once = sum(map(_is_all, ast.walk(tree))) == 1  # else it is put together at run time
            return set(ast.literal_eval(said.value)) if once else None
        except ValueError:
            return None
    flow = Flow()
    flow.run(tree.body)
    names = flow.definite | flow.maybe | brought
    return {name for name in names if not name.startswith("_")}


def _is_all(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "__all__"
