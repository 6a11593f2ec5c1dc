"""Cells of which one writes files and another reads them: the files are handed on, if they can be.

What is surely written below the working folder travels from stage to stage. A database, a file that
stays open, a module, and what may lie anywhere keep their cells together.
"""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from ..cells.scopes import strings_in
from ..model import Analysis, CodeCell, Interval
from ..trees import nodes_in
from .files import PICTURE_FILE, Act, Files
from .naming import dotted
from .places import moves
from .statements import calls

PIECE = re.compile(r"^\.\w+$|[*?{}%]")  # ".csv", "part_*.csv", "part_%d.csv"
TIMES = {"getmtime", "getctime", "getatime", "st_mtime", "st_ctime", "st_atime", "st_mtime_ns"}


def keep_files_together(found: Analysis, code: list[CodeCell], resolve: dict[str, str]) -> None:
    """Note which cells read and write files, what is handed on, and what has to stay together."""
    files = Files(found, resolve)
    trees = [one.node for cell in code for one in cell.statements]
    nothing = _nothing_travels(trees)
    writers: list[tuple[int, Act]] = []
    for cell in code:
        acts = files.of_cell(cell)
        facts = found.facts[cell.index]
        facts.reads_files = any(not one.writes for one in acts)
        facts.writes_files = any(one.writes and one.kind != "picture" for one in acts)
        seen: dict[int, str] = {}
        for first, wrote in writers:
            met = [one for one in acts if _meet(wrote, one)]
            if met and not seen.get(first):
                module = "which Python imports" if any(m.kind == "module" for m in met) else ""
                seen[first] = wrote.stays or nothing or module
        for first, stays in sorted(seen.items()):
            if not stays:
                found.handed.add((first, cell.index))
                continue
            why = f"files written by the one are read by the other, {stays}"
            found.intervals.append(Interval(first, cell.index, "files", why))
        for one in cell.statements:
            if _goes_to_one_that_is_made(found, one.node, resolve):
                why = "a folder that the notebook makes is gone into"
                found.intervals.append(Interval(code[0].index, code[-1].index, "files", why))
        writers += [(cell.index, one) for one in acts if one.writes]


def _nothing_travels(trees: list[ast.stmt]) -> str:
    """Say why no file of a notebook can be handed on: it asks for what is not handed on with it."""
    if moves(trees):
        return "and the notebook goes to another folder"
    asks = {one.attr for tree in trees for one in nodes_in(tree) if isinstance(one, ast.Attribute)}
    return "and when they were written is asked" if asks & TIMES else ""


def _meet(wrote: Act, one: Act) -> bool:
    """Say whether what was written may matter to a later act."""
    if one.writes and wrote.kind != "folder":
        return False
    if wrote.kind == "picture" and one.kind == "data":
        return False
    if one.kind == "module":
        return bool(wrote.paths & one.paths)
    if wrote.kind == "picture" and one.paths and not wrote.paths:
        return any(PICTURE_FILE.fullmatch(path) for path in one.paths)
    if wrote.paths and one.paths:
        return any(_same(mine, other) for mine in wrote.paths for other in one.paths)
    return True


def _same(mine: str, other: str) -> bool:
    """Say whether two texts may be, or be parts of, one path."""
    for piece, whole in ((mine, other), (other, mine)):
        if PIECE.search(piece):
            known = [one for one in re.split(r"[*?{}%]\w?", piece) if len(one) > 1]
            if not known or any(one in whole for one in known):
                return True
    return bool(_parts(mine) & _parts(other))


def _goes_to_one_that_is_made(found: Analysis, node: ast.stmt, resolve: dict[str, str]) -> bool:
    """Say whether ``os.chdir`` may go to a folder that is not beside the notebook."""
    here = found.notebook.path.resolve().parent
    for call in calls(node):
        if dotted(call.func, resolve) == "os.chdir":
            texts = strings_in(call.args[:1])
            if not texts or not (here / texts[0]).is_dir():
                return True
    return False


def _parts(text: str) -> set[str]:
    """Return a path, the name at its end, and the folders that it is in."""
    path = PurePosixPath(text.replace("\\", "/"))
    return {str(path), path.name, *map(str, path.parents)} - {".", "/", "..", ""}
