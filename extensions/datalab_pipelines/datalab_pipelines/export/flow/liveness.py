"""Which variables each stage reads and binds, and which are needed from each stage on."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ..cells.names import Flow, scope_of
from ..facts.sharing import reached
from ..model import Analysis, Definition, Plan, StagePlan


@dataclass
class Lives:
    """For each stage: its flow, the names bound before it, the names needed from it on."""

    flows: list[Flow]
    known: list[set[str]]
    needed: list[set[str]]


def lives(plan: Plan) -> Lives:
    """Return what is alive at the beginning of every stage."""
    analysis = plan.analysis
    carried = {name: them[0] for name, them in analysis.definitions.items() if them[0].carried}
    shared = set(plan.shared)
    functions = {name: them for name, them in analysis.definitions.items() if name not in shared}
    flows = [_flow(stage, analysis, functions) for stage in plan.stages]
    known: list[set[str]] = []
    bound: set[str] = set()
    for flow in flows:
        known.append(set(bound))
        bound |= flow.definite | flow.maybe
    live: set[str] = set()
    needed: list[set[str]] = []
    for flow, before in zip(reversed(flows), reversed(known), strict=True):
        live = (flow.exposed | (live - flow.definite)) & before - shared
        needed.insert(0, live - set(carried))
        for name in sorted(live & set(carried)):
            live |= reached(carried[name], functions) & before - shared
            needed[0] |= live - set(carried)
    return Lives(flows, known, needed)


def _flow(stage: StagePlan, analysis: Analysis, functions: dict[str, list[Definition]]) -> Flow:
    def expand(name: str) -> set[str]:
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
