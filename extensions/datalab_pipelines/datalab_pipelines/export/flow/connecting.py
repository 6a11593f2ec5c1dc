"""What flows between stages: which variables, from where, and which of them have to stay together.

A variable comes from the last stage that may have changed it, so stages that need nothing of each
other run side by side. Variables that share an object which is changed later travel as one.
"""

from __future__ import annotations

import ast

from ..cells.names import Flow
from ..facts.constants import constant
from ..model import Analysis, Plan, Port, StagePlan
from ..trees import nodes_in
from . import purity
from .heap import NOTHING, Objects, Value, contents
from .liveness import lives
from .sight import Sight

RESULTS = {purity.FRAME, purity.SERIES, purity.ARRAY, "int", "float", "str", "bool"}
TABLES = {purity.FRAME, purity.SERIES}
RANDOM = "random state"  # not a name, so no variable of the notebook's
FILES = "written files"  # those below the working folder


def connect(plan: Plan, sight: Sight) -> None:
    """Fill in what the plan's stages take and give."""
    alive = lives(plan, sight.flows)
    draws = sight.draws
    located: dict[str, tuple[str, Port]] = {}
    effects: str = ""
    parameters = {one.name for one in plan.parameters}
    for number, stage in enumerate(plan.stages):
        flow = alive.flows[number]
        statements = _statements(plan.analysis, stage)
        more = number + 1 < len(plan.stages)
        after = set(alive.needed[number + 1]) - parameters if more else set()
        if parameters:
            used = flow.exposed | _read(statements)
            stage.parameters = [one.name for one in plan.parameters if one.name in used]
        changed = _changed(stage, flow, sight, after)
        needed = (flow.exposed & set(located)) - parameters
        random = draws.used(statements)
        if random and any(
            draws.used(_statements(plan.analysis, one)) for one in plan.stages[number + 1 :]
        ):
            changed.add(RANDOM)
            after.add(RANDOM)
            stage.random_out = True
        if random and RANDOM in located:
            needed.add(RANDOM)
            stage.random_in = True
        hand_on_files(plan, number)
        if stage.files_out:
            changed.add(FILES)
            after.add(FILES)
        if stage.files_in:
            needed.add(FILES)
        ports = _ports(plan, stage, changed & after, after, sight)
        for port in ports:
            for name in port.variables:
                if name in located and name not in flow.definite | {RANDOM, FILES}:
                    needed.add(name)
        if not more:
            ports = _results(plan, stage, flow, sight)
        stage.inputs = _taken(needed, located)
        stage.sources = {
            port.name: (giver, port.name)
            for port in stage.inputs
            for giver, given in located.values()  # not all of its variables are the latest
            if given is port
        }
        stage.outputs = ports
        for port in ports:
            for name in port.variables:
                located[name] = (stage.name, port)
        facts = [plan.analysis.facts[one] for one in stage.cells]
        handed = stage.files_in or stage.files_out
        if handed or any(one.writes_files for one in facts) or _acts(statements):
            before = {source for source, _ in stage.sources.values()}
            stage.after = [effects] if effects and effects not in before else []
            effects = stage.name


def hand_on_files(plan: Plan, number: int) -> None:
    """Say whether a stage takes the files that earlier ones wrote, and gives those on.

    From the first that writes to the last that reads they go through every stage: one between may
    change them in a way that nobody sees.
    """
    within = {cell: at for at, stage in enumerate(plan.stages) for cell in stage.cells}
    pairs = [(within[wrote], within[reads]) for wrote, reads in plan.analysis.handed]
    stage = plan.stages[number]
    stage.files_in = any(wrote < number <= reads for wrote, reads in pairs)
    stage.files_out = any(wrote <= number < reads for wrote, reads in pairs)


def _results(plan: Plan, stage: StagePlan, flow: Flow, sight: Sight) -> list[Port]:
    """Return what the notebook has made when it ends, as far as it surely can be stored."""
    last = sight.moments[stage.cells[-1]]
    looped = {
        node.id
        for statement in _statements(plan.analysis, stage)
        for loop in nodes_in(statement)
        if isinstance(loop, ast.For)
        for node in nodes_in(loop.target)
        if isinstance(node, ast.Name)
    }
    left_out = looped | set(plan.shared) | {one.name for one in plan.parameters}
    left_out |= plan.analysis.unstorable | _settings_of(_statements(plan.analysis, stage))
    found = []
    changed = NOTHING
    for index in stage.cells:
        changed |= sight.moments[index].changed
    again = {  # tables that came from above, and that this stage changes in place
        name
        for name in flow.exposed & set(last.variables)
        if last.variables[name].objects & changed and _type_of(last.variables[name]) in TABLES
    }
    for name in sorted((flow.definite | again) - left_out):
        kind = _type_of(last.variables.get(name))
        if not name.startswith("_") and (
            kind in RESULTS or kind.split(".")[0] in purity.ESTIMATOR_ROOTS - {"statsmodels"}
        ):
            found.append(Port(name, [name], kind, {name: kind}))
    return found


def _settings_of(statements: list[ast.stmt]) -> set[str]:
    """Return the variables that are only bound to what is written out: no results of anything."""
    made: set[str] = set()
    given: set[str] = set()
    for statement in statements:
        written = isinstance(statement, ast.Assign) and constant(statement.value)
        flow = Flow()
        flow.statement(statement)
        (given if written else made).update(flow.definite | flow.maybe)
    return given - made


def _read(statements: list[ast.stmt]) -> set[str]:
    return {
        node.id
        for one in statements
        for node in nodes_in(one)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _acts(statements: list[ast.stmt]) -> bool:
    """Say whether something outside of the program may be changed."""
    called = {
        node.func.id
        for one in statements
        for node in nodes_in(one)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return bool(called & {"shell", "shell_lines"})


def _statements(analysis: Analysis, stage: StagePlan) -> list[ast.stmt]:
    cells = set(stage.cells)
    return [one.node for cell in analysis.code if cell.index in cells for one in cell.statements]


def _changed(stage: StagePlan, flow: Flow, sight: Sight, after: set[str]) -> set[str]:
    """Return the variables that are something else, or changed, when the stage has ended."""
    found = (flow.definite | flow.maybe | flow.deleted) & after
    changed = NOTHING
    for index in stage.cells:
        changed |= sight.moments[index].changed
    last = sight.moments[stage.cells[-1]]
    for name in after - found:
        if name in last.variables and sight.reached(stage.cells[-1], name) & changed:
            found.add(name)
    return found


def _ports(
    plan: Plan, stage: StagePlan, given: set[str], after: set[str], sight: Sight
) -> list[Port]:
    """Return what a stage gives: every variable by itself, but for those that must stay as one."""
    last = sight.moments[stage.cells[-1]]
    later = sight.later[stage.cells[-1]]
    kinds = sight.follower.heap.types
    shared = {
        name: (sight.reached(stage.cells[-1], name) & later)
        | (contents(last.variables[name].objects, last.edges, kinds) & sight.selves)
        for name in after
        if name in last.variables
    }
    groups: list[set[str]] = []
    for name in sorted(after):
        group = {name}
        for other in [one for one in groups if _touch(one, name, shared)]:
            groups.remove(other)
            group |= other
        groups.append(group)
    unsure = _unsure(plan, stage, sight)
    optional = (given & unsure) - {RANDOM, FILES}
    found = []
    for group in groups:
        if not group & given:
            continue
        names = sorted(group)
        types = {name: _type_of(last.variables.get(name)) for name in names}
        maybe = sorted(optional & group)
        found.append(Port(_port_name(names), names, types[names[0]], types, maybe))
    return sorted(found, key=lambda port: port.variables)


def _touch(group: set[str], name: str, shared: dict[str, Objects]) -> bool:
    mine = shared.get(name, NOTHING)
    return any(shared.get(one, NOTHING) & mine for one in group)


def _type_of(value: Value | None) -> str:
    return value.type if value else ""


def _port_name(names: list[str]) -> str:
    if len(names) == 1:
        return {RANDOM: "random_state", FILES: "files"}.get(names[0], names[0])
    joined = "_".join(names)
    return joined if len(names) < 4 and len(joined) <= 40 else f"{names[0]}_and_others"


def _taken(needed: set[str], located: dict[str, tuple[str, Port]]) -> list[Port]:
    found: dict[int, Port] = {}
    for name in sorted(needed):
        port = located[name][1]
        found[id(port)] = port
    return list(found.values())


def _unsure(plan: Plan, stage: StagePlan, sight: Sight) -> set[str]:
    """Return the variables that may not be bound when ``stage`` ends."""
    sure: set[str] = set()
    unsure: set[str] = set()
    for one in plan.stages:
        for index in one.cells:
            facts = plan.analysis.facts[index]
            sure = (sure | facts.definite) - facts.deleted
            sure |= sight.looped.get(index, set()) - facts.deleted
            unsure |= facts.bound | facts.deleted
        if one is stage:
            break
    return unsure - sure
