"""Which variables each stage reads and binds, and which are needed from each stage on."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from ..cells.names import Flow
from ..cells.scopes import scope_of
from ..facts.sharing import reached, said_before
from ..model import Analysis, Definition, Plan, StagePlan


@dataclass
class Lives:
    """For each stage: its flow, the names bound before it, the names needed from it on.

    ``said`` are functions that it reads as they stand when it begins: they are said again in it.
    """

    flows: list[Flow]
    known: list[set[str]]
    needed: list[set[str]]
    said: list[set[str]]


Flows = dict[tuple[int, ...], Flow]


def lives(plan: Plan, walked: Flows | None = None) -> Lives:
    """Return what is alive at the beginning of every stage.

    ``walked`` remembers the flows of stages, by their cells, for other plans of this notebook.
    """
    analysis = plan.analysis
    carried = {name: them for name, them in analysis.definitions.items() if them[0].carried}
    shared = set(plan.shared)
    functions = {name: them for name, them in analysis.definitions.items() if name not in shared}
    walked = {} if walked is None else walked
    flows: list[Flow] = []
    for stage in plan.stages:
        cells = tuple(stage.cells)
        if cells not in walked:
            flow = _flow(stage, analysis, functions)
            early = _at_once(flow.exposed, stage, carried)
            walked[cells] = replace(flow, exposed=flow.exposed | early)
        flows.append(walked[cells])
    known: list[set[str]] = []
    bound: set[str] = set()
    for flow in flows:
        known.append(set(bound))
        bound |= flow.definite | flow.maybe
    live: set[str] = set()
    needed: list[set[str]] = []
    said: list[set[str]] = []
    for stage, flow, before in zip(
        reversed(plan.stages), reversed(flows), reversed(known), strict=True
    ):
        live = (flow.exposed | (live - flow.definite)) & before - shared
        needed.insert(0, live - set(carried))
        for name in sorted(live & set(carried)):
            one = said_before(min(stage.cells), carried[name])
            live |= reached(one, functions) & before - shared if one else set()
            needed[0] |= live - set(carried)
        said.insert(0, flow.exposed & before & set(carried))
    return Lives(flows, known, needed, said)


def _at_once(read: set[str], stage: StagePlan, carried: dict[str, list[Definition]]) -> set[str]:
    """Return what has to be there for definitions to be said again where a stage begins."""
    found: set[str] = set()
    waiting = set(read)
    while waiting:
        name = waiting.pop()
        one = said_before(min(stage.cells), carried.get(name, []))
        if one:
            waiting |= one.early - found
            found |= one.early
    return found


def _flow(stage: StagePlan, analysis: Analysis, functions: dict[str, list[Definition]]) -> Flow:
    def expand(name: str) -> set[str]:
        if name == "eval":
            return set(analysis.evaluated)
        return {n for one in functions.get(name, []) for n in reached(one, functions)}

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
