"""The plain data between the exporter's steps: notebook → analysis → plan → files → verification.

Everything here turns into JSON with ``to_json``, which is what the command and the dialogs show.
"""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def to_json(value: Any) -> Any:
    """Return ``value`` (dataclasses, sets, paths, AST nodes inside allowed) as plain data."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (one for one in dataclasses.fields(value) if one.repr)
        return {one.name: to_json(getattr(value, one.name)) for one in fields}
    if isinstance(value, dict):
        return {str(key): to_json(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(to_json(one) for one in value)
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    if isinstance(value, ast.AST):
        return ast.unparse(value)
    return str(value) if isinstance(value, Path) else value


@dataclass(frozen=True)
class Warn:
    """Something a person should know. ``cell`` counts from 0, ``line`` from 1."""

    code: str
    message: str
    cell: int | None = None
    line: int | None = None


@dataclass
class Cell:
    """A cell as it stands in the notebook."""

    index: int
    kind: str  # code, markdown, raw
    source: str
    tags: list[str] = field(default_factory=list)
    count: int | None = None  # when it was run last, as Jupyter counts


@dataclass
class Notebook:
    """A notebook that was read and is one we understand."""

    path: Path
    cells: list[Cell]
    title: str
    document: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass
class Statement:
    """A statement at the top of a cell: where its text lies, and what it is."""

    node: ast.stmt = field(repr=False)
    first: int  # lines of the cell's code, comments above included, from 1
    last: int
    again: str = ""  # what it says in other stages, where that is not its own text


@dataclass
class CodeCell:
    """A code cell as Python: magics replaced, statements found."""

    index: int
    code: str
    statements: list[Statement] = field(default_factory=list, repr=False)
    shown: bool = False  # the last expression is displayed
    installs: list[str] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    opaque: str = ""  # why only IPython itself can run it
    runs: list[str] = field(default_factory=list)  # files whose code it holds


@dataclass
class Facts:
    """What a code cell does with names."""

    index: int
    kind: str = "compute"  # import, definition, setting, display, compute
    definite: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    exposed: set[str] = field(default_factory=set)
    certain: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    inplace: set[str] = field(default_factory=set)
    draws: bool = False
    seeds: bool = False
    plots: bool = False
    writes_files: bool = False
    reads_files: bool = False

    @property
    def bound(self) -> set[str]:
        """Return every name the cell may bind."""
        return self.definite | self.maybe


@dataclass(frozen=True)
class Group:
    """Names that may share an object after a cell."""

    names: frozenset[str]
    view: bool = False  # share memory, which no file preserves
    captured: str = ""  # holds a function that sees later changes
    unstorable: str = ""  # what it is, when it cannot be stored


@dataclass(frozen=True)
class Interval:
    """Cells ``first`` to ``last`` must be in one stage, because of ``reason``."""

    first: int
    last: int
    code: str
    reason: str


@dataclass
class Definition:
    """A statement that can be said again elsewhere: an import, a function, a class, a constant."""

    name: str
    kind: str  # import, function, class, constant, place
    cell: int
    statement: Statement = field(repr=False)
    free: set[str] = field(default_factory=set)
    beside: set[str] = field(default_factory=set)  # other names that the statement binds
    early: set[str] = field(default_factory=set)  # of ``free``, read when the statement itself runs
    shared: bool = False
    carried: bool = False


@dataclass
class Parameter:
    """A setting that becomes a parameter of the pipeline."""

    name: str
    type: str
    default: Any
    cell: int


@dataclass
class Analysis:
    """What the notebook's cells do."""

    notebook: Notebook
    code: list[CodeCell]
    facts: dict[int, Facts]
    warnings: list[Warn] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    groups: dict[int, list[Group]] = field(default_factory=dict, repr=False)
    types: dict[int, dict[str, str]] = field(default_factory=dict, repr=False)
    intervals: list[Interval] = field(default_factory=list)
    handed: set[tuple[int, int]] = field(default_factory=set)  # cells: writes files, reads them
    settings: dict[int, list[Statement]] = field(default_factory=dict, repr=False)
    set_from: set[str] = field(default_factory=set)  # variables whose values settings were given
    classes: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)
    whole: str = ""  # why the notebook can only run as one piece, through IPython
    imports: list[str] = field(default_factory=list)  # modules imported anywhere
    installs: list[str] = field(default_factory=list)
    unstorable: set[str] = field(default_factory=set)  # results of which a run has shown it
    quiet: set[int] = field(default_factory=set)  # cells whose last value a run found no news
    evaluated: frozenset[str] = frozenset()  # the variables that text given to ``eval`` may name

    def to_json(self) -> dict[str, Any]:
        """Return the part that a person looks at."""
        return {
            "title": self.notebook.title,
            "cells": [to_json(self.facts[cell.index]) for cell in self.code],
            "warnings": to_json(self.warnings),
            "parameters": to_json(self.parameters),
            "whole": self.whole,
        }


@dataclass
class Port:
    """What flows between stages: one variable, or several that must stay together.

    ``types`` are dotted names (``pandas.DataFrame``), nothing where unknown; ``optional``
    variables may not be bound.
    """

    name: str
    variables: list[str]
    type: str = ""
    types: dict[str, str] = field(default_factory=dict)
    optional: list[str] = field(default_factory=list)

    @property
    def bundle(self) -> bool:
        """Say whether it is more than a plain variable."""
        return len(self.variables) > 1 or bool(self.optional)


@dataclass
class StagePlan:
    """A stage to be written."""

    name: str
    title: str
    cells: list[int]
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    parameters: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    random_in: bool = False
    random_out: bool = False
    files_in: bool = False
    files_out: bool = False
    compute: str = ""
    doc: str = ""


@dataclass
class Choices:
    """A person's edits of a plan.

    ``rename``: stage name → new name. ``boundaries``: the cells that begin a stage (merge and
    split at once; None leaves it to the analysis). ``compute``: stage name → ``Lambda()`` and the
    like, as written in Python.
    """

    rename: dict[str, str] = field(default_factory=dict)
    boundaries: list[int] | None = None
    compute: dict[str, str] = field(default_factory=dict)
    parameters: list[str] | None = None
    name: str = ""


@dataclass
class Plan:
    """The pipeline that a notebook becomes."""

    name: str
    title: str
    stages: list[StagePlan]
    parameters: list[Parameter]
    shared: list[str]
    warnings: list[Warn]
    whole: str = ""
    level: str = ""  # what the stages follow: tags, headings, shape, one
    form: str = "functions"  # or "variables": a stage's variables are globals of its module
    form_reason: str = ""
    analysis: Analysis = field(repr=False, default=None)  # type: ignore[assignment]

    def to_json(self) -> dict[str, Any]:
        """Return the plan without the analysis."""
        return {**to_json(self), "cells": self.analysis.to_json()["cells"]}
