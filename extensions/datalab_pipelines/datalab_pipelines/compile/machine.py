"""The state machine of a pipeline: parameters checked, stages run, failures explained.

What an execution carries is small: ``parameters``, ``turn`` (``/3/0`` inside loops), ``item0`` …
and, just before a decision, the values that it reads. Artifacts travel by reference: each task
finds its inputs under the execution's name in the bucket.
"""

from __future__ import annotations

import typing
from typing import Any

from .. import hints
from ..errors import FlowError, LimitError
from ..graph import (
    REQUIRED,
    AttemptNode,
    ChoiceNode,
    Comparison,
    Condition,
    Constant,
    Item,
    LoopNode,
    Node,
    Output,
    Parameter,
    Region,
    Several,
    Source,
    StageNode,
    Truth,
    condition_sources,
    flat,
)
from ..parameters import bounds
from ..pipelines import Pipeline
from ..results import ONLY
from . import kinds, limits
from .arrange import Parallel, Plan, Sequence, arrange
from .asl import Fragment, Json, State, join, one, path
from .tasks import Tasks, key_in_run, sdk_state, value_path

KINDS = {"number": "Numeric", "text": "String", "boolean": "Boolean"}
FAILED = "Read the failure"
OPERATORS = {
    "<": "LessThan",
    "<=": "LessThanEquals",
    ">": "GreaterThan",
    ">=": "GreaterThanEquals",
    "==": "Equals",
}
RESERVED = frozenset(
    {"Defaults", "Parameters", "Parameters fit?", "Done", FAILED, "Failed", "Failed early"}
)


class Machine:
    """Compiles one pipeline. ``definition`` is the machine; ``tasks`` says what it needs."""

    def __init__(self, pipeline: Pipeline[..., Any]) -> None:
        self.pipeline = pipeline
        self.graph = pipeline.graph
        self.nodes: dict[str, Node] = {node.name: node for node in self.graph.body.walk()}
        self.numbers = {name: number for number, name in enumerate(self.nodes)}
        self.tasks = Tasks(self.graph.name, self.nodes)
        self.used: set[str] = set()

    def definition(self) -> Json:
        """Return the state machine in Amazon States Language."""
        body = self._region(self.graph.body)
        assert body is not None
        done = State(
            "Pass",
            {
                "Parameters": {
                    "execution.$": "$$.Execution.Name",
                    "results.$": "States.Format("
                    f"'s3://${{ArtifactBucket}}/{self.graph.name}/runs/{{}}/', $$.Execution.Name)",
                }
            },
        )
        top = join([self._begin(), body, one("Done", done)])
        catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": FAILED}]
        for state in body.states.values():
            if state.kind in ("Task", "Parallel", "Map"):
                state.extra.setdefault("Catch", catch)  # attempt() has its own
        machine = top.emit()
        for name, state in self._failure().items():
            machine["States"][name] = state.emit()
        seconds = self.pipeline.options.timeout
        found = {
            "Comment": (self.pipeline.__doc__ or self.graph.name).strip().split("\n")[0][:200],
            **machine,
        }
        if seconds:
            found["TimeoutSeconds"] = int(seconds.total_seconds())
        limits.definition(found, self.pipeline.place)
        return found

    # -- before and after ------------------------------------------------------------------

    def _begin(self) -> Fragment:
        defaults = {
            one.name: one.default for one in self.graph.parameters if one.default is not REQUIRED
        }
        limits.payload(defaults, "the defaults of the parameters", self.pipeline.place)
        start = State("Pass", {"Result": defaults, "ResultPath": "$.defaults"})
        merge = State(
            "Pass",
            {
                "Parameters": {
                    "parameters.$": "States.JsonMerge($.defaults, $$.Execution.Input, false)",
                    "turn": "",
                    "read": {},
                }
            },
        )
        steps = [one("Defaults", start), one("Parameters", merge)]
        checks = [self._unfit(parameter) for parameter in self.graph.parameters]
        if not checks:
            return join(steps)
        found = join([*steps, one("Parameters fit?", State("Choice", {"Choices": checks}))])
        found.states["Unfit parameters"] = State(
            "Fail",
            {
                "Error": "ParameterError",
                "CausePath": "States.Format('These parameters do not fit: {}', "
                "States.JsonToString($.parameters))",
            },
        )
        return found

    def _unfit(self, parameter: Parameter) -> Json:
        """Return the choice rule that holds when a parameter does not fit its type."""
        where = path("parameters", parameter.name)
        wanted = hints.bare(parameter.hint)
        rules: list[Json] = [{"Variable": where, "IsPresent": False}]
        if typing.get_origin(wanted) is typing.Literal:
            kind = {"str": "String", "bool": "Boolean"}
            allowed = [
                {"Variable": where, f"{kind.get(type(value).__name__, 'Numeric')}Equals": value}
                for value in typing.get_args(wanted)
            ]
            rules.append({"Not": {"Or": allowed} if len(allowed) > 1 else allowed[0]})
        elif wanted in (int, float, str, bool):
            test = {str: "IsString", bool: "IsBoolean"}.get(wanted, "IsNumeric")
            rules.append({"Not": {"Variable": where, test: True}})
        if limit := bounds(parameter):
            rules.append({"Variable": where, "NumericLessThan": limit.low})
            rules.append({"Variable": where, "NumericGreaterThan": limit.high})
        return (
            {"Or": rules, "Next": "Unfit parameters"}
            if len(rules) > 1
            else {
                **rules[0],
                "Next": "Unfit parameters",
            }
        )

    def _failure(self) -> dict[str, State]:
        """Return the states that say what failed: the failure that the stage wrote, or AWS's."""
        key = f"States.Format('{self.graph.name}/runs/{{}}/failure.json', $$.Execution.Name)"
        read = sdk_state("s3:getObject", {"Bucket": "${ArtifactBucket}", "Key.$": key}, "$.failure")
        read.extra["ResultSelector"] = {
            "document.$": "States.StringToJson($.Body)",
            "text.$": "$.Body",
        }
        read.extra["Catch"] = [
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.unread", "Next": "Failed early"}
        ]
        read.next = "Whose failure?"
        whose = State(
            "Choice",
            {
                "Choices": [
                    {
                        "Variable": "$.failure.document.forgiven",
                        "IsPresent": True,
                        "Next": "Failed early",
                    }
                ],
                "Default": "Failed",
            },
        )
        stage = State(
            "Fail", {"ErrorPath": "$.failure.document.error", "CausePath": "$.failure.text"}
        )
        early = State("Fail", {"ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"})
        return {FAILED: read, "Whose failure?": whose, "Failed": stage, "Failed early": early}

    # -- regions ---------------------------------------------------------------------------

    def _region(self, region: Region) -> Fragment | None:
        plan = arrange(region)
        return self._plan(plan) if plan is not None else None

    def _plan(self, plan: Plan) -> Fragment:
        if isinstance(plan, Sequence):
            return join([self._plan(part) for part in plan.parts])
        if isinstance(plan, Parallel):
            branches = [self._plan(part).emit() for part in plan.parts]
            names = [branch["StartAt"] for branch in branches]
            name = self._free(f"Parallel: {', '.join(names)}")
            return one(name, State("Parallel", {"Branches": branches, "ResultPath": None}))
        if isinstance(plan, StageNode):
            if plan.name in RESERVED:
                raise FlowError(f"{plan.name} is a name of the state machine itself")
            return kinds.fragment(self.tasks, plan, self.pipeline.compute_of(plan.stage))
        if isinstance(plan, ChoiceNode):
            return self._choice(plan)
        if isinstance(plan, LoopNode):
            return self._loop(plan)
        assert isinstance(plan, AttemptNode)
        return self._attempt(plan)

    def _choice(self, node: ChoiceNode) -> Fragment:
        reads = self._reads(node, list(condition_sources(node.condition)))
        states: dict[str, State] = {}
        exits: list[str] = []
        targets = []
        for region, word in ((node.then, "then"), (node.other, "otherwise")):
            fragment = self._branch(node, region, f"{node.name}: {word}")
            states |= fragment.states
            exits += fragment.exits
            targets.append(fragment.entry)
        rule = {**self._condition(node.condition), "Next": targets[0]}
        choice = State("Choice", {"Choices": [rule], "Default": targets[1]})
        name = self._free(node.name)
        decide = Fragment(name, {name: choice, **states}, exits)
        return join([*reads, decide])

    def _branch(self, node: Node, region: Region, name: str) -> Fragment:
        """Return a branch, which leaves its value where readers of ``node`` look."""
        steps = [fragment] if (fragment := self._region(region)) else []
        if isinstance(region.result, Output):
            steps.append(self._same(node, region.result, f"{name} is the result"))
        if not steps:
            steps.append(one(self._free(name), State("Pass", {"ResultPath": None, "Result": {}})))
        return join(steps)

    def _same(self, node: Node, source: Output, name: str) -> Fragment:
        """Return the state that makes ``node``'s result the one that ``source`` names."""
        target = key_in_run(self.graph.name, node.name, node.loops, "result.json")
        if source.field:
            turn = "{}" if node.loops else ""
            state = sdk_state(
                "s3:putObject",
                {
                    "Bucket": "${ArtifactBucket}",
                    "Key.$": target.replace("/result.json", "/alias.json"),
                    "Body": {"of.$": f"States.Format('{source.node}{turn}.{source.field}', $.turn)"}
                    if node.loops
                    else {"of": f"{source.node}.{source.field}"},
                },
            )
        else:
            loops = self.nodes[source.node].loops
            copy = key_in_run(self.graph.name, source.node, loops, "result.json")
            state = sdk_state(
                "s3:copyObject",
                {
                    "Bucket": "${ArtifactBucket}",
                    "CopySource.$": copy.replace("Format('", "Format('${ArtifactBucket}/", 1),
                    "Key.$": target,
                },
            )
        return one(self._free(name), state)

    def _loop(self, node: LoopNode) -> Fragment:
        reads = self._reads(node, [source for source in flat(node.items)])
        depth = node.loops
        body = self._region(node.body)
        assert body is not None
        selector: Json = {
            "parameters.$": "$.parameters",
            "read": {},
            "turn.$": "States.Format('{}/{}', $.turn, $$.Map.Item.Index)",
            f"item{depth}.$": "$$.Map.Item.Value",
        }
        selector |= {f"item{outer}.$": f"$.item{outer}" for outer in range(depth)}
        name = self._free(node.name)
        steps = list(reads)
        if isinstance(node.items, Constant | Several):
            items_path = f"$.items{depth}.list"
            steps.append(self._items(node, f"$.items{depth}"))
        else:
            items_path = self._path(node.items)
        extra: Json = {
            "ItemsPath": items_path,
            "ItemSelector": selector,
            "MaxConcurrency": node.at_once,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **body.emit()},
            "ResultPath": None,
        }
        return join([*steps, one(name, State("Map", extra))])

    def _items(self, node: LoopNode, where: str) -> Fragment:
        """Return the state that puts the items of a loop at ``where``.list."""
        found: Json
        if isinstance(node.items, Constant):
            limits.payload(node.items.value, f"the items of {node.name}", node.place)
            found = {"Result": {"list": node.items.value}}
        else:
            assert isinstance(node.items, Several)
            if any(isinstance(source, Constant) for source in node.items.sources):
                raise LimitError(
                    "for_each() mixes values of the script with values of the run",
                    hint="Gather them in a stage.",
                    place=node.place,
                )
            paths = ", ".join(self._path(source) for source in node.items.sources)
            found = {"Parameters": {"list.$": f"States.Array({paths})"}}
        name = self._free(f"{node.name}: items")
        return one(name, State("Pass", {**found, "ResultPath": where}))

    def _attempt(self, node: AttemptNode) -> Fragment:
        body = self._branch(node, node.body, f"{node.name}: body")
        rescue = self._branch(node, node.rescue, f"{node.name}: rescue")
        forget = sdk_state(
            "s3:deleteObject",
            {
                "Bucket": "${ArtifactBucket}",
                "Key.$": f"States.Format('{self.graph.name}/runs/{{}}/failure.json', "
                "$$.Execution.Name)",
            },
        )
        way = join([one(self._free(f"{node.name}: failed"), forget), rescue])
        name = self._free(node.name)
        state = State("Parallel", {"Branches": [body.emit()], "ResultPath": None})
        state.extra["Catch"] = [
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.rescued", "Next": way.entry}
        ]
        return Fragment(name, {name: state, **way.states}, [name, *way.exits])

    # -- values ----------------------------------------------------------------------------

    def _reads(self, node: Node, sources: list[Source]) -> list[Fragment]:
        """Return the states that bring what a decision reads into the execution's data."""
        found: dict[str, Fragment] = {}
        for source in sources:
            if not isinstance(source, Output) or source.node in found:
                continue
            if isinstance(self.nodes[source.node], ChoiceNode | AttemptNode) and source.field:
                raise LimitError(
                    f"{node.name} decides by {source.field} of a choice's result",
                    hint="Return that value itself from both branches.",
                    place=node.place,
                )
            loops = self.nodes[source.node].loops
            read = sdk_state(
                "s3:getObject",
                {
                    "Bucket": "${ArtifactBucket}",
                    "Key.$": key_in_run(self.graph.name, source.node, loops, "result.json"),
                },
                f"$.read.{self._slot(source)}",
            )
            read.extra["ResultSelector"] = {"document.$": "States.StringToJson($.Body)"}
            found[source.node] = one(self._free(f"{node.name}: read {source.node}"), read)
        return list(found.values())

    def _slot(self, source: Output) -> str:
        return f"{source.node.replace('-', '_')}_{self.numbers[source.node]}"

    def _path(self, source: Source) -> str:
        if isinstance(source, Parameter | Item):
            return value_path(source)
        assert isinstance(source, Output)
        return path("read", self._slot(source), "document", "values", source.field or ONLY)

    def _condition(self, condition: Condition) -> Json:
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, Truth):
            return {"Variable": self._path(condition.source), "BooleanEquals": True}
        parts = [self._condition(part) for part in condition.parts]
        if condition.kind == "not":
            return {"Not": parts[0]}
        if len(parts) == 1:
            return parts[0]
        return {"And" if condition.kind == "all" else "Or": parts}

    def _comparison(self, condition: Comparison) -> Json:
        left, operator, right = condition.left, condition.operator, condition.right
        if operator == "!=":
            return {"Not": self._comparison(Comparison(left, "==", right))}
        word = OPERATORS[operator]
        if isinstance(right, Constant):
            kind = {bool: "Boolean", str: "String"}.get(type(right.value), "Numeric")
            return {"Variable": self._path(left), f"{kind}{word}": right.value}
        hint = self._hint(left) or self._hint(right)
        kind = {bool: "Boolean", str: "String"}.get(hint, "Numeric") if hint else "Numeric"
        return {"Variable": self._path(left), f"{kind}{word}Path": self._path(right)}

    def _hint(self, source: Source) -> Any:
        if isinstance(source, Parameter):
            return hints.bare(source.hint)
        if isinstance(source, Output):
            node = self.nodes[source.node]
            if isinstance(node, StageNode):
                found = (node.stage.outputs or {}).get(source.field, node.stage.returns)
                return hints.bare(found)
        return None

    def _free(self, wanted: str) -> str:
        """Return a state's name that is free, cut to what Step Functions takes."""
        wanted = wanted if len(wanted) <= limits.STATE_NAME else wanted[: limits.STATE_NAME - 5]
        name, number = wanted, 2
        while name in self.used or name in RESERVED:
            name, number = f"{wanted[: limits.STATE_NAME - 5]} ({number})", number + 1
        self.used.add(name)
        return name
