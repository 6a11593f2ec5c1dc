"""Stages that have to be one, because of what a variable between them holds."""

from __future__ import annotations

import ast

from ..facts.tensors import made_by_tensors
from ..model import Analysis, Interval, Plan, StagePlan
from . import purity
from .calling import ITERATOR
from .heap import NOTHING
from .libraries import TENSORS
from .sight import Sight

# With these a class says itself what of its objects a file holds; ``copy`` asks the same.
PICKLED = {
    *("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__del__"),
    *("__getattr__", "__getattribute__"),
}


def tied(plan: Plan, sight: Sight) -> list[Interval]:
    """Return where a variable holds, from stage to stage, what no file keeps as it is.

    * Something of TensorFlow or Keras: stored, a model loses what its dropout has drawn and its
      optimizer's memory of weights that are frozen, a metric what it has counted: all of it without
      a word.
    * An object whose class leaves out what it likes.
    * A view of a dictionary that changes later.
    """
    types = sight.follower.heap.types
    classes = _classes_of_tensors(plan.analysis, sight)
    own_way = {
        f"class {node.name}"
        for node in _classes(plan.analysis)
        if any(getattr(one, "name", "") in PICKLED for one in node.body)
    }
    found: list[Interval] = []
    for stage, following in zip(plan.stages, plan.stages[1:], strict=False):
        last = sight.moments[stage.cells[-1]]
        later = sight.resized_later[stage.cells[-1]]
        for name in sorted(_handed_on(stage, following) & set(last.variables)):
            why = ""
            for one in sight.reached(stage.cells[-1], name):
                kind = types.get(one, "")
                if kind == TENSORS or kind in classes:
                    why = (
                        f"{name} holds something of TensorFlow or Keras, which no file keeps whole"
                    )
                elif kind in own_way:
                    why = f"{name} holds an object of {kind}, which says itself how it is stored"
                elif kind == ITERATOR:
                    why = f"{name} is an iterator, which cannot be stored"
                elif kind in purity.DICT_VIEWS.values() and last.edges.get(one, NOTHING) & later:
                    why = f"{name} looks into a dictionary that changes later"
            if why:
                end = _first_use(name, stage, following.cells[0], sight)
                found.append(Interval(stage.cells[-1], end, "unstorable", why))
                break
    return found


def _classes(analysis: Analysis) -> list[ast.ClassDef]:
    return [
        one.statement.node
        for them in analysis.definitions.values()
        for one in them
        if isinstance(one.statement.node, ast.ClassDef)
    ]


def _handed_on(stage: StagePlan, following: StagePlan) -> set[str]:
    names = {name for port in stage.outputs for name in port.variables}
    return names | {name for port in following.inputs for name in port.variables}


def _first_use(name: str, above: StagePlan, first: int, sight: Sight) -> int:
    """Return the cell, of ``first`` and those below, that reads a variable; until then it waits.

    Where that is not sure, or it is bound anew before, it is ``first``.
    """
    value = sight.moments[above.cells[-1]].variables[name]
    for index, facts in sight.analysis.facts.items():
        if index >= first:
            if name in facts.certain:
                return index
            if index not in sight.moments or sight.moments[index].variables.get(name) != value:
                break
    return first


def _classes_of_tensors(analysis: Analysis, sight: Sight) -> set[str]:
    """Return the types, as the follower calls them, of classes that derive from Keras'."""
    nodes = _classes(analysis)
    found: set[str] = set()
    while True:
        more = {
            f"class {node.name}"
            for node in nodes
            for base in node.bases
            if made_by_tensors(sight.follower.dotted(base))
            or f"class {getattr(base, 'id', '')}" in found
        }
        if more <= found:
            return found
        found |= more


def watching(plan: Plan, sight: Sight) -> list[Interval]:
    """Return where a variable holds a function that sees variables, from stage to stage.

    In another process such a function would see copies, so the stages have to be one. So would the
    methods of an instance whose class is not the same in every stage: it would be of another one.
    """
    analysis = plan.analysis
    shared = set(plan.shared) | {one.name for one in plan.parameters}
    carried = {name for name, them in analysis.definitions.items() if them[0].carried}
    apart = {
        name
        for name, them in analysis.definitions.items()
        if any(one.kind == "class" and not one.shared for one in them)
    }
    routines = sight.follower.heap.routines
    types = sight.follower.heap.types
    found: list[Interval] = []
    for stage, following in zip(plan.stages, plan.stages[1:], strict=False):
        last = sight.moments[stage.cells[-1]]
        for name in sorted(_handed_on(stage, following) & set(last.variables)):
            for one in sorted(sight.reached(stage.cells[-1], name)):
                routine = routines.get(one)
                kind = types.get(one, "").removeprefix("class ")
                if routine is None and kind not in carried | apart:
                    continue
                if routine is None:
                    why = f"{name} holds an instance of {kind}, which is not the same elsewhere"
                    end = _first_use(name, stage, following.cells[0], sight)
                    found.append(Interval(stage.cells[-1], end, "class", why))
                    break
                seen = sorted((set(routine.reads) & set(last.variables)) - shared)
                seen = [
                    one
                    for one in seen
                    if last.variables[one].type != "module" and one not in carried | {name}
                ]
                copied = set(routine.reads) & carried
                if seen or copied or _is_carried(routine.node, analysis):
                    sees = f", which reads {seen[0]}" if seen else ""
                    why = f"{name} holds a function of the notebook{sees}"
                    end = _first_use(name, stage, following.cells[0], sight)
                    found.append(Interval(stage.cells[-1], end, "function", why))
                    break
    return found


def _is_carried(node: ast.AST, analysis: Analysis) -> bool:
    return any(
        one.statement.node is node and not one.shared
        for them in analysis.definitions.values()
        for one in them
    )


def stored_in(analysis: Analysis, sight: Sight) -> set[str]:
    """Return the functions and classes that something is stored in: ``tag(f)``, ``kinds[0].n = 1``.

    They are not what their definition says any more.
    """
    routines = sight.follower.heap.routines
    nodes = {id(routines[one].node) for one in sight.follower.stored & routines.keys()}
    return {
        name
        for name, them in analysis.definitions.items()
        for one in them
        if id(getattr(one.statement.node, "value", one.statement.node)) in nodes
    }
