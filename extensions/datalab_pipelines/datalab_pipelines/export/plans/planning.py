"""Which cells become which stage: tags, headings, what cannot be apart, a person's choices."""

from __future__ import annotations

import builtins
import dataclasses
import keyword

from ...pipelines import LONGEST_NAME, NAME
from ..cells.headings import headings
from ..errors import ExportError
from ..facts.analysing import DRAWERS, part_stored_in
from ..facts.identity import still_identical
from ..facts.naming import library_names
from ..facts.tensors import ROOTS
from ..flow.connecting import connect, hand_on_files
from ..flow.liveness import lives
from ..flow.sight import follow
from ..flow.tying import stored_in, tied, watching
from ..model import Analysis, Choices, Interval, Plan, Port, StagePlan, Warn
from .form import reason_against
from .names import slug
from .starting import Start, all_starts, moved, starts_of, working_cells

TAKEN = {"pipeline", "shared", "stages", "tests", "main", "variables"}


def plan(analysis: Analysis, choices: Choices | None = None) -> Plan:
    """Return the stages of a notebook; ``choices`` are a person's edits.

    Raises ``ExportError`` for choices that do not fit the notebook.
    """
    choices = choices or Choices()
    warnings = list(analysis.warnings)
    title = analysis.notebook.title
    name = choices.name or slug(title, "-")[:LONGEST_NAME].strip("-") or "notebook"
    if not name[0].isalpha():
        name = f"notebook-{name}"[:LONGEST_NAME].strip("-")
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        raise ExportError(
            f"{name!r} is no name for a pipeline",
            hint=f"Lowercase letters, digits, single dashes, at most {LONGEST_NAME}: churn-model.",
        )
    if analysis.whole:
        warnings.append(Warn("whole", f"One stage, run by IPython: {analysis.whole}"))
        stage = StagePlan("notebook", title, [cell.index for cell in analysis.code])
        stage.doc = f"Run the notebook: {analysis.whole}."
        _edit([stage], choices)
        return Plan(
            name, title, [stage], [], [], warnings, analysis.whole, "one", analysis=analysis
        )
    sight = follow(analysis, library_names([cell for cell in analysis.code if not cell.opaque]))
    if names := stored_in(analysis, sight):
        part_stored_in(analysis, names)
    working = working_cells(analysis)
    starts, level = starts_of(analysis, choices, analysis.intervals, working)
    told_apart = sight.follower.told_apart
    intervals = still_identical(analysis.intervals, analysis, told_apart)
    known = len(intervals)
    again = level in ("headings", "shape")
    against = reason_against(analysis)
    while True:
        said = list(warnings)
        fit = starts
        if level in ("headings", "shape"):
            fit = moved(starts, analysis, intervals, working)
        _tell_moved(starts, fit, intervals, said)
        stages = _stages(_without(fit, analysis, intervals, working, said), analysis)
        for stage in stages:
            stage.name = _free(stage, stages, analysis)
        _edit(stages, choices)
        found = Plan(
            name, title, stages, analysis.parameters, [], said, "", level, analysis=analysis
        )
        found.shared = [name for name, them in analysis.definitions.items() if them[0].shared]
        found.form_reason = against
        if found.form_reason:
            return in_one_piece(found)
        connect(found, sight)
        seeing = watching(found, sight) + tied(found, sight)
        if not seeing and again and len(stages) == 1 and len(intervals) > known:
            # Where it was cut, nothing can be apart: look at all places before it is cut anew.
            again = False
            places = _without(all_starts(analysis), analysis, intervals[:known], working, [])
            apart = dataclasses.replace(found, stages=_stages(places, analysis))
            connect(apart, sight)
            intervals += watching(apart, sight) + tied(apart, sight)
            starts, level = starts_of(analysis, choices, intervals, working)
            continue
        if not seeing:
            _tell_alone(found, working)
            return found
        intervals += seeing


def in_one_piece(plan: Plan) -> Plan:
    """Return the plan with all variables handed on together, and kept as globals of modules."""
    plan.form = "variables"
    alive = lives(plan)
    draws = {name.split(".")[0] for name in plan.analysis.imports} & (DRAWERS | ROOTS)
    for number, stage in enumerate(plan.stages):
        more = number + 1 < len(plan.stages)
        stage.random_in = bool(draws) and number > 0
        stage.random_out = bool(draws) and more
        hand_on_files(plan, number)
        stage.inputs = [Port("variables", sorted(alive.needed[number]))] if number else []
        stage.outputs = [Port("variables", sorted(alive.needed[number + 1]))] if more else []
        stage.sources = {"variables": (plan.stages[number - 1].name, "variables")} if number else {}
        stage.after = []
        stage.parameters = [one.name for one in plan.parameters if one.cell in stage.cells]
    return plan


def _edit(stages: list[StagePlan], choices: Choices) -> None:
    known = {stage.name for stage in stages}
    for one in [*choices.rename, *choices.compute]:
        if one not in known:
            raise ExportError(f"there is no stage {one!r}", hint=f"There are {sorted(known)}.")
    for stage in stages:
        stage.compute = choices.compute.get(stage.name, "")
    for stage in stages:
        stage.name = slug(choices.rename.get(stage.name, stage.name), "_")


def _without(
    starts: list[Start],
    analysis: Analysis,
    intervals: list[Interval],
    working: list[int],
    warnings: list[Warn],
) -> list[Start]:
    """Return ``starts`` less those between cells that have to stay together."""
    kept, told = starts[:1], set()
    for start in starts[1:]:
        over = [one for one in intervals if one.first < start.cell <= one.last]
        empty = not any(kept[-1].cell <= cell < start.cell for cell in working)
        if over:
            one = over[0]
            if (one.code, one.reason) not in told:
                told.add((one.code, one.reason))
                text = f"cells {one.first + 1} to {one.last + 1} stay in one stage: {one.reason}"
                warnings.append(Warn(one.code, text, one.first))
        elif empty:
            _tell_empty(kept[-1], start.cell, analysis, warnings)
            kept[-1] = Start(kept[-1].cell, start.title)
        else:
            kept.append(start)
    if len(kept) > 1 and not any(cell >= kept[-1].cell for cell in working):
        _tell_empty(kept[-1], len(analysis.notebook.cells), analysis, warnings)
        kept.pop()
    return kept


def _tell_moved(
    starts: list[Start], fit: list[Start], intervals: list[Interval], warnings: list[Warn]
) -> None:
    """Say that a stage begins at another cell than its heading does, and why."""
    for start, now in zip(starts, fit, strict=True):
        over = [one for one in intervals if one.first < start.cell <= one.last]
        if now.cell != start.cell and over:
            text = (
                f"cells {over[0].first + 1} to {over[0].last + 1} stay in one stage: "
                f"{over[0].reason}; so {now.title!r} begins with cell {now.cell + 1}"
            )
            warnings.append(Warn(over[0].code, text, over[0].first))


def _tell_empty(empty: Start, end: int, analysis: Analysis, warnings: list[Warn]) -> None:
    """Say that a section becomes no stage, where it holds more than imports."""
    kinds = {
        one.kind
        for them in analysis.definitions.values()
        for one in them
        if empty.cell <= one.cell < end
    }
    if empty.title and kinds & {"function", "class"}:
        text = f"{empty.title!r} only defines what others use: it is no stage of its own"
        warnings.append(Warn("empty", text, empty.cell))


def _tell_alone(plan: Plan, working: list[int]) -> None:
    """Say that one section is all there is, where a notebook has several."""
    sections = [one.cell for one in all_starts(plan.analysis)]
    at_work = {sum(start <= cell for start in sections) for cell in working}
    titles = {text for cell in plan.analysis.notebook.cells for _, text in headings(cell.source)}
    if len(plan.stages) == 1 and len(at_work) == 1 and len(titles) > 1:
        text = "below only one of its headings the notebook has code that does something: one stage"
        plan.warnings.append(Warn("sections", text, working[0]))


def _stages(starts: list[Start], analysis: Analysis) -> list[StagePlan]:
    found: list[StagePlan] = []
    ends = [start.cell for start in starts[1:]] + [len(analysis.notebook.cells)]
    for start, end in zip(starts, ends, strict=True):
        cells = [c.index for c in analysis.code if c.index < end]
        cells = [one for one in cells if not any(one in stage.cells for stage in found)]
        if cells:
            title = start.title or f"Part {len(found) + 1}"
            found.append(StagePlan(slug(title, "_"), title, cells))
    _distinct(found)
    return found


def _distinct(stages: list[StagePlan]) -> None:
    _by_what_differs(stages)
    seen: set[str] = set()
    for number, stage in enumerate(stages, 1):
        name = stage.name or f"part_{number}"
        again = 2
        while name in seen:
            name = f"{stage.name}_{again}"
            again += 1
        seen.add(name)
        stage.name = name


def _by_what_differs(stages: list[StagePlan]) -> None:
    """Call ``Example: parameters`` and ``Example: features`` by what follows the colon."""
    heads: dict[str, list[tuple[StagePlan, str]]] = {}
    for stage in stages:
        head, _, rest = stage.title.partition(": ")
        heads.setdefault(head, []).append((stage, slug(rest, "_")))
    for them in heads.values():
        names = {name for _, name in them}
        others = {stage.name for stage in stages} - {stage.name for stage, _ in them}
        if len(them) > 1 and len(names) == len(them) and "" not in names and not names & others:
            for stage, name in them:
                stage.name = name


def _free(stage: StagePlan, stages: list[StagePlan], analysis: Analysis) -> str:
    """Return a name for a stage that is none of the notebook's variables."""
    name = stage.name
    others = {one.name for one in stages if one is not stage}
    bound = {one for facts in analysis.facts.values() for one in facts.bound}
    bound |= set(analysis.definitions)
    taken = name in TAKEN | bound or keyword.iskeyword(name) or hasattr(builtins, name)
    collected = name.startswith("test_")  # pytest would take the stage for a test
    if taken or collected or not name.isidentifier():
        name = f"make_{name}"
    while name in others | bound:
        name += "_2"
    return name
