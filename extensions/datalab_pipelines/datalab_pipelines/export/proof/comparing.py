"""What two runs of a notebook agree on, and whether a stage gives the same.

Lines of output that differ between the two runs (times, identifiers, unseeded draws) stand for any
line; a cell that prints another number of lines each time stands for any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...outputs import normal

Run = dict[str, dict[str, Any]]  # cell → what was noted after it
SHORT = 120
VARIES = "from run to run"  # in the reasons of what cannot be compared for that


@dataclass(frozen=True)
class Expected:
    """A line that a cell shows. ``kind``: exact, any (one line), free (any lines), optional."""

    kind: str
    line: str
    cell: int


@dataclass(frozen=True)
class Difference:
    """Where a stage shows something else than the notebook."""

    cell: int
    expected: str
    got: str

    def __str__(self) -> str:
        return f"cell {self.cell + 1} shows {_quoted(self.expected)}, not {_quoted(self.got)}"


class Reference:
    """The notebook's runs, two or more."""

    def __init__(self, *runs: Run) -> None:
        self.runs = runs
        self.first = runs[0]
        self.unsure: dict[int, str] = {}  # cells whose output varies, and why
        for cell, noted in self.first.items():
            for other in runs[1:]:
                if noted["outputs"] != other[cell]["outputs"]:
                    self.unsure[int(cell)] = _why(noted["outputs"], other[cell]["outputs"])

    @property
    def varies(self) -> bool:
        """Say whether anything was not the same in all runs."""
        return bool(self.unsure) or any(
            noted["variables"] != other[cell]["variables"]
            for cell, noted in self.first.items()
            for other in self.runs[1:]
        )

    def shown(self, cells: list[int]) -> list[Expected]:
        """Return what the cells show, one after the other."""
        found: list[Expected] = []
        joined = [_joined(run, cells) for run in self.runs]
        for cell in cells:
            every = [run[cell] for run in joined]
            if len({len(one) for one in every}) > 1:
                found.append(Expected("free", "", cell))
            else:
                found += [
                    Expected("exact" if len(set(lines)) == 1 else "any", lines[0], cell)
                    for lines in zip(*every, strict=True)
                ]
            optional = self.first[str(cell)]["optional"]
            found += [Expected("optional", line, cell) for line in optional]
        return found

    def types(self, cell: int) -> dict[str, str]:
        """Return the types of the variables after a cell, where all runs had the same."""
        one, *others = (run[str(cell)].get("types", {}) for run in self.runs)
        return {
            name: kind
            for name, kind in one.items()
            if kind and all(other.get(name) == kind for other in others)
        }

    def quiet(self, cell: int) -> bool:
        """Say whether what a cell gives is always ``None``, or what it has drawn on."""
        return all(run.get(str(cell), {}).get("quiet", False) for run in self.runs)

    def after(self, cell: int) -> tuple[dict[str, str], dict[str, str]]:
        """Return the digests after a cell, and why each of the others cannot be compared."""
        one, *others = (run[str(cell)]["variables"] for run in self.runs)
        sure, unsure = {}, {}
        for name, value in one.items():
            if value.startswith("?"):
                unsure[name] = value[2:]
            elif any(value != other.get(name) for other in others):
                unsure[name] = f"it changes {VARIES}"
            else:
                sure[name] = value
        return sure, unsure

    def bound(self, cells: list[int]) -> set[str]:
        """Return the variables that one of the cells bound, rather than changed in place."""
        return {name for cell in cells for name in self.first.get(str(cell), {}).get("bound", [])}

    def same(self, cell: int, name: str, value: str) -> bool:
        """Say whether ``value`` is the digest of ``name`` after a cell, or by way of a file."""
        noted = self.first[str(cell)]
        return value in (noted["variables"].get(name), noted.get("from files", {}).get(name))


def _joined(run: Run, cells: list[int]) -> dict[int, list[str]]:
    """Return the lines of cells of one stage: one that ``print(…, end="")`` leaves open goes on."""
    found: dict[int, list[str]] = {}
    begun = ""
    for cell in cells:
        lines, left = list(run[str(cell)]["outputs"]), run[str(cell)].get("open", "")
        if not lines:
            found[cell] = []
            continue
        if begun:
            marked = lines[0].startswith(("<figure", "<html"))
            lines = [normal(begun), *lines] if marked else [normal(begun + lines[0]), *lines[1:]]
            left = begun + left if left and len(lines) == 1 else left
        begun = left
        found[cell] = lines[:-1] if begun else lines
    if begun:
        found[cells[-1]] = [*found[cells[-1]], normal(begun)]
    return found


def difference(expected: list[Expected], got: list[str]) -> Difference | None:
    """Return the first place where the lines ``got`` are not the ones expected."""
    at = _closed(expected, {0})
    furthest = 0
    for line in got:
        after: set[int] = set()
        for place in at:
            if place < len(expected):
                one = expected[place]
                if one.kind == "free":
                    after.add(place)
                elif one.kind == "any" or one.line == line:
                    after.add(place + 1)
        if not after:
            return _at(expected, furthest, line)
        at = _closed(expected, after)
        furthest = max(furthest, max(at))
    if len(expected) in at:
        return None
    return _at(expected, furthest, "")


def _closed(expected: list[Expected], places: set[int]) -> set[int]:
    """Return the places, with those behind lines that may be left out."""
    found = set(places)
    for place in places:
        while place < len(expected) and expected[place].kind in ("free", "optional"):
            place += 1
            found.add(place)
    return found


def _at(expected: list[Expected], place: int, line: str) -> Difference:
    if place < len(expected):
        return Difference(expected[place].cell, expected[place].line, line)
    return Difference(expected[-1].cell if expected else 0, "", line)


def _why(one: list[str], other: list[str]) -> str:
    if len(one) != len(other):
        return f"it shows {len(one)} lines in one run and {len(other)} in the next"
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    first, second = differing[0]
    if first.startswith("<figure"):
        return f"its figure changes {VARIES}"
    if first.startswith("<html") or len(differing) == len(one):
        return f"it changes {VARIES}"
    if re.sub(r"[\d.]+", "", first) == re.sub(r"[\d.]+", "", second):
        return f"numbers in it change {VARIES}: {_quoted(first)}"
    return f"it changes {VARIES}: {_quoted(first)}"


def _quoted(line: str) -> str:
    if not line:
        return "nothing"
    if line.startswith("<figure"):
        return "a figure" if "cannot" not in line else "a figure that cannot be drawn"
    if line.startswith("<html"):
        return "a table"
    return repr(line if len(line) <= SHORT else line[: SHORT - 1] + "…")
