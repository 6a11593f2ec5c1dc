"""Where stages begin: cell tags, else headings, else the shape of the work."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from ..cells.headings import BOLD, headings
from ..errors import ExportError
from ..model import Analysis, Choices, CodeCell, Interval
from ..trees import nodes_in

MOST, LEAST = 8, 2
LONG, NEARLY_ALL = 10, 0.8  # cells of a section, and its share of all lines
CONTENTS = re.compile(r"(the )?(table of )?contents?\W*|toc|index\W*", re.IGNORECASE)
TAG = re.compile(r"(?:stage|step|block):(.+)")

LOADS = re.compile(r"read_\w+|load_\w+|fetch_\w+|make_\w+|loadtxt|genfromtxt|open")
TRAINS = re.compile(r"fit|fit_transform|train|partial_fit|cross_val_score|GridSearchCV")
JUDGES = re.compile(r"\w*_score|score|\w*_error|\w*_report|confusion_matrix|\w*_curve|evaluate")
PHASES = ("Load", "Prepare", "Train", "Evaluate")
FEWEST_CELLS = 4


@dataclass(frozen=True)
class Start:
    """The cell at which a stage begins, and what it is called."""

    cell: int
    title: str


def starts_of(
    analysis: Analysis, choices: Choices, intervals: list[Interval], working: list[int]
) -> tuple[list[Start], str]:
    """Return where stages begin, and what that follows: choice, tags, headings, shape, one.

    ``working`` are the cells of which something remains, see ``working_cells``.
    """
    cells = analysis.notebook.cells
    first = Start(analysis.code[0].index, analysis.notebook.title)
    if choices.boundaries is not None:
        titles = {start.cell: start.title for start in _at_level(analysis, BOLD)}
        wrong = [one for one in choices.boundaries if not 0 <= one < len(cells)]
        if wrong:
            raise ExportError(f"the notebook has no cell {wrong[0] + 1}")
        return [
            first,
            *(Start(one, titles.get(one, "")) for one in sorted(set(choices.boundaries)) if one),
        ], "choice"
    tagged: list[Start] = []
    for cell in cells:
        for tag in cell.tags:
            found = TAG.fullmatch(tag)
            if found and cell.kind == "code" and (not tagged or tagged[-1].title != found[1]):
                tagged.append(Start(cell.index, found[1]))
    if tagged:
        return tagged if tagged[0].cell == first.cell else [first, *tagged], "tags"
    levels = [_at_level(analysis, level) for level in range(1, BOLD + 1)]
    split = [
        _that_split(moved(starts, analysis, intervals, working), analysis, intervals, working)
        for starts in levels
    ]
    fit = [
        (starts, left)
        for starts, left in zip(levels, split, strict=True)
        if LEAST <= len(left) <= MOST
    ]
    for starts, left in fit:
        if not _lopsided(left, analysis):
            return starts, "headings"
    for starts, left in zip(levels, split, strict=True):
        if len(left) > MOST:
            lost = [one for one in moved(starts, analysis, intervals, working) if one not in left]
            kept = [*_joined(left, analysis), *lost]  # the plan says why those are lost
            return sorted(kept, key=lambda one: one.cell), "headings"
    if fit:
        return fit[0][0], "headings"
    shaped = _by_shape(analysis, working)
    if len(_that_split(shaped, analysis, intervals, working)) >= LEAST:
        return shaped, "shape"
    most = max(levels, key=len)  # all of it has to stay together, and the plan says why
    if len(most) >= LEAST:
        return most, "headings"
    return (shaped, "shape") if len(shaped) >= LEAST else ([first], "one")


def _at_level(analysis: Analysis, level: int) -> list[Start]:
    """Return the first code cell below each heading of ``level`` or above."""
    found: list[Start] = []
    title = ""
    for cell in analysis.notebook.cells:
        if cell.kind == "markdown":
            for depth, text in headings(cell.source):
                if depth <= level and not CONTENTS.fullmatch(text):
                    title = text
        elif cell.kind == "code" and cell.source.strip():
            if not found or title:
                found.append(Start(cell.index, title))
            title = ""
    if found and not found[0].title:
        found[0] = Start(found[0].cell, _untitled(analysis, found))
    return found


def all_starts(analysis: Analysis) -> list[Start]:
    """Return the first code cell below each heading, of whatever level."""
    return _at_level(analysis, BOLD)


def _untitled(analysis: Analysis, starts: list[Start]) -> str:
    """Return what the cells before the first heading are called."""
    if len(starts) > 1 and any(
        _phase(cell) == 0 for cell in analysis.code if cell.index < starts[1].cell
    ):
        return "Load data"
    return analysis.notebook.title


def _that_split(
    starts: list[Start], analysis: Analysis, intervals: list[Interval], working: list[int]
) -> list[Start]:
    """Return those of ``starts`` that can become stages: what works, and can be apart."""
    found: list[Start] = []
    for number, start in enumerate(starts):
        end = starts[number + 1].cell if number + 1 < len(starts) else len(analysis.notebook.cells)
        if not any(start.cell <= cell < end for cell in working):
            continue
        if not found or not _within(start.cell, intervals):
            found.append(start)
    return found


def moved(
    starts: list[Start], analysis: Analysis, intervals: list[Interval], working: list[int]
) -> list[Start]:
    """Return ``starts``, those within an interval moved out of it, as few cells as it takes.

    One that could only be moved past most of its section, or of the one before, stays.
    """
    ends = [start.cell for start in starts[1:]] + [len(analysis.notebook.cells)]
    found: list[Start] = []
    for start, end in zip(starts, ends, strict=True):
        low = found[-1].cell if found else 0
        at = start.cell
        if found and _within(at, intervals):
            above = [one for one in working if low <= one < at]
            below = [one for one in working if at <= one < end]
            places = [*below[1 : len(below) // 2 + 1], *reversed(above[(len(above) + 1) // 2 :])]
            free = [one for one in places if one > low and not _within(one, intervals)]
            far = {
                one: sum(min(at, one) <= cell < max(at, one) for cell in working) for one in free
            }
            at = min(free, key=lambda one: far[one], default=at)
        found.append(Start(at, start.title))
    return found


def _within(cell: int, intervals: list[Interval]) -> bool:
    return any(one.first < cell <= one.last for one in intervals)


def _joined(starts: list[Start], analysis: Analysis) -> list[Start]:
    """Return at most ``MOST`` of ``starts``: the smallest neighbours are joined."""
    weights = [1 + lines for _, lines in _sizes(starts, analysis)]
    kept = list(starts)
    while len(kept) > MOST:
        at = min(range(1, len(kept)), key=lambda one: weights[one - 1] + weights[one])
        weights[at - 1] += weights.pop(at)
        kept.pop(at)
    return kept


def _lopsided(starts: list[Start], analysis: Analysis) -> bool:
    """Say whether one section is nearly all of a long notebook: a title, and one at the end."""
    sizes = _sizes(starts, analysis)
    cells, lines = max(sizes, key=lambda one: one[1])
    return cells >= LONG and lines > NEARLY_ALL * sum(lines for _, lines in sizes)


def _sizes(starts: list[Start], analysis: Analysis) -> list[tuple[int, int]]:
    """Return how many cells and lines of code each section has."""
    ends = [start.cell for start in starts[1:]] + [len(analysis.notebook.cells)]
    found = []
    for start, end in zip(starts, ends, strict=True):
        cells = [cell for cell in analysis.code if start.cell <= cell.index < end]
        found.append((len(cells), sum(cell.code.count("\n") + 1 for cell in cells)))
    return found


def _by_shape(analysis: Analysis, working: list[int]) -> list[Start]:
    """Return starts where a notebook without headings begins to load, prepare, train, evaluate."""
    if len(working) < FEWEST_CELLS:
        return []
    found: list[Start] = []
    reached = -1
    for cell in analysis.code:
        phase = _phase(cell) if cell.index in working else -1
        if phase > reached and (phase != 1 or reached == 0):
            found.append(Start(cell.index, PHASES[phase]))
            reached = phase
    if found and found[0].cell != analysis.code[0].index:
        found[0] = Start(analysis.code[0].index, found[0].title)
    return found


def _phase(cell: CodeCell) -> int:
    called = [
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for one in cell.statements
        for node in nodes_in(one.node)
        if isinstance(node, ast.Call)
    ]
    if any(TRAINS.fullmatch(name) for name in called):
        return 2
    if any(JUDGES.fullmatch(name) for name in called):
        return 3
    return 0 if any(LOADS.fullmatch(name) for name in called) else 1


def working_cells(analysis: Analysis) -> list[int]:
    """Return the cells of which something remains when what is shared is taken out."""
    gone = {
        id(one.statement.node)
        for them in analysis.definitions.values()
        for one in them
        if one.shared or one.carried
    }
    gone |= {id(one.node) for them in analysis.settings.values() for one in them}
    prepared = {one.name for one in analysis.parameters} | analysis.set_from
    return [
        cell.index
        for cell in analysis.code
        if any(
            id(one.node) not in gone and not _prepares(one.node, prepared)
            for one in cell.statements
        )
    ]


def _prepares(node: ast.stmt, prepared: set[str]) -> bool:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        return isinstance(target, ast.Name) and target.id in prepared
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)
