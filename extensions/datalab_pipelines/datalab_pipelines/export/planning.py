"""Which cells become which stage, and what goes from one to the next."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from dataclasses import dataclass

from .analysing import DRAWERS, OWN_STATE
from .errors import ExportError
from .model import Analysis, Choices, CodeCell, Definition, Plan, Port, StagePlan, Warn
from .names import Flow
from .reading import plain_text

MOST, LEAST = 8, 2
LONGEST = 40
TAG = re.compile(r"(?:stage|step|block):(.+)")
TAKEN = {"pipeline", "shared", "stages", "tests", "main", "variables"}


@dataclass
class _Start:
    cell: int
    title: str


def plan(analysis: Analysis, choices: Choices | None = None) -> Plan:
    """Return the stages of a notebook; ``choices`` are a person's edits.

    Raises ``ExportError`` for choices that do not fit the notebook.
    """
    choices = choices or Choices()
    warnings = list(analysis.warnings)
    title = analysis.notebook.title
    name = choices.name or _slug(title, "-")[:LONGEST].strip("-") or "notebook"
    if not name[0].isalpha():
        name = f"notebook-{name}"[:LONGEST].strip("-")
    if analysis.whole:
        warnings.append(Warn("whole", f"One stage, run by IPython: {analysis.whole}"))
        stage = StagePlan("notebook", title, [cell.index for cell in analysis.code])
        stage.doc = f"Run the notebook: {analysis.whole}."
        _edit([stage], choices)
        return Plan(name, title, [stage], [], [], warnings, analysis.whole, "one", analysis)
    starts, level = _starts(analysis, choices)
    starts = _without(starts, analysis, warnings)
    stages = _stages(starts, analysis)
    _edit(stages, choices)
    for stage in stages:
        stage.name = _free(stage, stages)
    found = Plan(name, title, stages, analysis.parameters, [], warnings, "", level, analysis)
    found.shared = [name for name, them in analysis.definitions.items() if them[0].shared]
    _connect(found)
    return found


def _edit(stages: list[StagePlan], choices: Choices) -> None:
    known = {stage.name for stage in stages}
    for one in [*choices.rename, *choices.compute]:
        if one not in known:
            raise ExportError(f"there is no stage {one!r}", hint=f"There are {sorted(known)}.")
    for stage in stages:
        stage.compute = choices.compute.get(stage.name, "")
    for stage in stages:
        stage.name = _slug(choices.rename.get(stage.name, stage.name), "_")


def _starts(analysis: Analysis, choices: Choices) -> tuple[list[_Start], str]:
    """Return the cells at which a stage begins."""
    cells = analysis.notebook.cells
    first = _Start(analysis.code[0].index, analysis.notebook.title)
    if choices.boundaries is not None:
        titles = {start.cell: start.title for start in _headings(analysis, 6, any_level=True)}
        wrong = [one for one in choices.boundaries if not 0 <= one < len(cells)]
        if wrong:
            raise ExportError(f"the notebook has no cell {wrong[0] + 1}")
        return [
            first,
            *(_Start(one, titles.get(one, "")) for one in sorted(set(choices.boundaries)) if one),
        ], "choice"
    tagged: list[_Start] = []
    for cell in cells:
        for tag in cell.tags:
            found = TAG.fullmatch(tag)
            if found and cell.kind == "code" and (not tagged or tagged[-1].title != found[1]):
                tagged.append(_Start(cell.index, found[1]))
    if tagged:
        return tagged if tagged[0].cell == first.cell else [first, *tagged], "tags"
    for level in range(1, 5):
        starts = _headings(analysis, level)
        if LEAST <= len(starts) <= MOST:
            return starts, "headings"
    return [first], "one"


def _headings(analysis: Analysis, level: int, *, any_level: bool = False) -> list[_Start]:
    found: list[_Start] = []
    title = ""
    for cell in analysis.notebook.cells:
        if cell.kind == "markdown":
            pattern = rf"^#{{1,{level}}}\s+(.+?)\s*#*$"
            for match in re.finditer(pattern, cell.source, re.MULTILINE):
                title = plain_text(match[1]) or title
        elif cell.kind == "code" and cell.source.strip():
            if not found or title:
                found.append(_Start(cell.index, title or analysis.notebook.title))
            title = ""
    return found


def _without(starts: list[_Start], analysis: Analysis, warnings: list[Warn]) -> list[_Start]:
    """Return ``starts`` less those between cells that have to stay together."""
    kept, told = starts[:1], set()
    for start in starts[1:]:
        over = [one for one in analysis.intervals if one.first < start.cell <= one.last]
        empty = not any(
            _work(analysis, cell)
            for cell in analysis.code
            if kept[-1].cell <= cell.index < start.cell
        )
        if over:
            one = over[0]
            if (one.code, one.reason) not in told:
                told.add((one.code, one.reason))
                text = f"cells {one.first + 1} to {one.last + 1} stay in one stage: {one.reason}"
                warnings.append(Warn(one.code, text, one.first))
        elif empty:
            kept[-1] = _Start(kept[-1].cell, start.title)
        else:
            kept.append(start)
    if len(kept) > 1 and not any(
        _work(analysis, cell) for cell in analysis.code if cell.index >= kept[-1].cell
    ):
        kept.pop()
    return kept


def _work(analysis: Analysis, cell: CodeCell) -> bool:
    """Say whether something of a cell remains when what is shared is taken out."""
    gone = {
        id(one.statement.node)
        for them in analysis.definitions.values()
        for one in them
        if one.shared
    }
    return any(
        id(one.node) not in gone and not isinstance(one.node, ast.Pass) for one in cell.statements
    )


def _stages(starts: list[_Start], analysis: Analysis) -> list[StagePlan]:
    found: list[StagePlan] = []
    ends = [start.cell for start in starts[1:]] + [len(analysis.notebook.cells)]
    for start, end in zip(starts, ends, strict=True):
        cells = [c.index for c in analysis.code if c.index < end]
        cells = [one for one in cells if not any(one in stage.cells for stage in found)]
        if cells:
            title = start.title or f"Part {len(found) + 1}"
            found.append(StagePlan(_slug(title, "_"), title, cells))
    _distinct(found)
    return found


def _distinct(stages: list[StagePlan]) -> None:
    seen: set[str] = set()
    for number, stage in enumerate(stages, 1):
        name = stage.name or f"part_{number}"
        while name in seen:
            name = f"{stage.name}_{number}"
            number += 1
        seen.add(name)
        stage.name = name


def _free(stage: StagePlan, stages: list[StagePlan]) -> str:
    name = stage.name
    others = {one.name for one in stages if one is not stage}
    taken = name in TAKEN or keyword.iskeyword(name) or hasattr(builtins, name)
    if taken or not name.isidentifier():
        name = f"stage_{name}"
    while name in others:
        name += "_2"
    return name


def _slug(text: str, by: str) -> str:
    words = re.findall(r"[a-z0-9]+", text.lower())
    while words and (words[0].isdigit() or len(words[0]) == 1) and len(words) > 1:
        words = words[1:]  # "2. Train" is called train
    slug = ""
    for word in words:
        if slug and len(slug) + len(word) + 1 > 30:
            break
        slug = f"{slug}{by}{word}" if slug else word[:30]
    return slug if not slug or slug[0].isalpha() else f"part{by}{slug}"


def _connect(found: Plan) -> None:
    """Find what every stage takes and gives: variables that are needed later."""
    analysis = found.analysis
    carried = {name: them[0] for name, them in analysis.definitions.items() if them[0].carried}
    shared = set(found.shared)
    functions = {name: them for name, them in analysis.definitions.items() if name not in shared}
    flows = [_flow(stage, analysis, functions) for stage in found.stages]
    before: list[set[str]] = []
    bound: set[str] = set()
    for flow in flows:
        before.append(set(bound))
        bound |= flow.definite | flow.maybe
    live: set[str] = set()
    inputs: list[set[str]] = []
    for flow, known in zip(reversed(flows), reversed(before), strict=True):
        live = (flow.exposed | (live - flow.definite)) & known - shared
        inputs.insert(0, live - set(carried))
        for name in sorted(live & set(carried)):
            live |= _free_of(carried[name], functions) & known - shared
            inputs[0] |= live - set(carried)
    draws = {name.split(".")[0] for name in analysis.imports} & (DRAWERS | OWN_STATE)
    for number, stage in enumerate(found.stages):
        stage.random_in = bool(draws) and number > 0
        stage.random_out = bool(draws) and number + 1 < len(found.stages)
        if number:
            stage.inputs = [Port("variables", sorted(inputs[number]))]
        if number + 1 < len(found.stages):
            stage.outputs = [Port("variables", sorted(inputs[number + 1]))]
        stage.parameters = [one.name for one in found.parameters if one.cell in stage.cells]


def _free_of(one: Definition, functions: dict[str, list[Definition]]) -> set[str]:
    found: set[str] = set()
    waiting = [one]
    while waiting:
        for name in waiting.pop().free:
            if name not in found:
                found.add(name)
                waiting += functions.get(name, [])
    return found


def _flow(stage: StagePlan, analysis: Analysis, functions: dict[str, list[Definition]]) -> Flow:
    from .names import scope_of

    def expand(name: str) -> set[str]:
        return {n for one in functions.get(name, []) for n in _free_of(one, functions)}

    def writes(name: str) -> set[str]:
        reached = {name} | expand(name)
        return {
            written
            for each in reached
            for one in functions.get(each, [])
            if one.kind in ("function", "class")
            for written in scope_of(_body(one)).writes
        }

    flow = Flow(expand=expand, writes_of=writes)
    for cell in analysis.code:
        if cell.index in stage.cells:
            flow.run(one.node for one in cell.statements)
    return flow


def _body(one: Definition) -> ast.stmt | ast.expr:
    node = one.statement.node
    return node.value if isinstance(node, ast.Assign) else node
