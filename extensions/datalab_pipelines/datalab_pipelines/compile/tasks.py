"""What the states of every stage have in common.

All SageMaker and Lambda tasks start the same entry point with the same arguments as the local
runner. What only an execution knows reaches it through environment variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from .. import wiring
from ..graph import REQUIRED, Item, Node, Parameter, Source, StageNode
from ..settings import Compute, Lambda
from . import limits
from .asl import Fragment, Json, State, intrinsic, one, path

ENTRY = ["python", "-m", "datalab_pipelines.stage"]
ARN = "arn:aws:states:::"  # the form that cfn-lint knows; the same in all commercial regions
DAY = timedelta(days=1)
THROTTLED: Json = {
    "ErrorEquals": ["ThrottlingException", "SageMaker.AmazonSageMakerException"],
    "IntervalSeconds": 15,
    "MaxAttempts": 4,
    "BackoffRate": 2.0,
    "JitterStrategy": "FULL",
}


@dataclass
class Tasks:
    """What makers share, and note: ``functions`` (Lambda), ``kinds``, ``endpoints``."""

    pipeline: str
    nodes: dict[str, Node]
    functions: dict[str, tuple[Lambda, int]] = field(default_factory=dict)
    kinds: set[type[Compute]] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=set)

    # -- what every task is given ----------------------------------------------------------

    def call(self, node: StageNode) -> tuple[list[str], Json]:
        """Return the entry point's arguments, and the environment with what is known late."""
        environment: Json = {
            "DATALAB_STORE": f"s3://${{ArtifactBucket}}/{self.pipeline}",
            "DATALAB_RUN.$": "$$.Execution.Name",
            "PYTHONHASHSEED": "0",
        }
        if node.loops:
            environment["DATALAB_TURN.$"] = "$.turn"

        def late(name: str, source: Source) -> list[str]:
            if isinstance(source, Parameter) and source.default is not REQUIRED:
                limits.variable(node, source.name, source.default)
            variable = "DATALAB_VALUE_" + name.replace("[", "_").replace("]", "")
            environment[f"{variable}.$"] = f"States.JsonToString({value_path(source)})"
            return ["--from", f"{name}={variable}"]

        found = ["--node", wiring.key(node), "--stage", node.stage.address]
        for name, source in node.arguments.items():
            found += wiring.arguments(name, source, self.nodes, late)
        return limits.arguments(node, found), environment

    def result_prefix(self, node: StageNode, file: str) -> Json:
        """Return the key of one of the node's files, as ``Key`` or ``Key.$``."""
        return {"Key.$": key_in_run(self.pipeline, node.name, node.loops, file)}

    def job_name(self, node: StageNode, longest: int = 63) -> str:
        """Return the intrinsic that names a job: unique, and short enough for the API."""
        short = longest < 63
        room = longest - (13 if short else 37)
        base = f"{self.pipeline}-{node.name}".replace("_", "-")[:room].strip("-")
        unique = "States.UUID()"
        if short:
            unique = f"States.ArrayGetItem(States.StringSplit({unique}, '-'), 4)"
        return f"States.Format({intrinsic(base + '-')[:-1]}{{}}', {unique})"

    def tags(self) -> list[Json]:
        """Return the tags of everything that an execution makes."""
        return [
            {"Key": "datalab:pipeline", "Value": self.pipeline},
            {"Key": "datalab:execution", "Value.$": "$$.Execution.Name"},
        ]

    # -- parts -----------------------------------------------------------------------------

    def task(
        self,
        node: StageNode,
        resource: str,
        parameters: Json,
        retries: list[Json],
        seconds: int | None,
        result: str | None = None,
    ) -> Fragment:
        """Return the one state that runs ``node``, with its own retries and timeout."""
        state = task_state(resource, parameters, [*retries, *own_retry(node)], None, result)
        if seconds:
            state.extra["TimeoutSeconds"] = seconds
        state.comment = comment(node)
        return one(node.name, state)

    def unit(self, node: StageNode, steps: Fragment) -> Fragment:
        """Return several states as one, so that retry and catch hold for all of them."""
        for name in steps.states:
            limits.state_name(name, node.place)
        state = State(
            "Parallel", {"Branches": [steps.emit()], "ResultPath": None}, comment=comment(node)
        )
        if retry := own_retry(node):
            state.extra["Retry"] = retry
        return one(node.name, state)

    def name_step(self, node: StageNode) -> Fragment:
        """Return the state that makes up a name which several others need."""
        name = State("Pass", {"Parameters": {"name.$": self.job_name(node)}, "ResultPath": "$.job"})
        return one(f"{node.name}: name", name)

    def model(self, arguments: list[str], environment: Json) -> State:
        """Return the state that makes a SageMaker model of the image, to serve this stage."""
        environment = dict(environment)
        environment["DATALAB_ARGUMENTS"] = wiring.written(arguments)
        return task_state(
            "sagemaker:createModel",
            {
                "ModelName.$": "$.job.name",
                "ExecutionRoleArn": "${StageRole}",
                "PrimaryContainer": {"Image": "${Image}", "Environment": environment},
                "Tags": self.tags(),
            },
            [THROTTLED],
        )

    def uri(self, rest: str) -> str:
        """Return a URI below the pipeline's prefix of the bucket."""
        return f"s3://${{ArtifactBucket}}/{self.pipeline}/{rest}"

    def seconds(self, node: StageNode) -> int:
        """Return the stage's timeout, a day when it has none."""
        return int((node.stage.settings.timeout or DAY).total_seconds())


def value_path(source: Source) -> str:
    """Return where the state holds a parameter or an item."""
    if isinstance(source, Parameter):
        return path("parameters", source.name)
    assert isinstance(source, Item)
    return f"$.item{source.depth}"


def key_in_run(pipeline: str, node: str, loops: int, file: str, *, uri: bool = False) -> str:
    """Return the intrinsic for the key (or URI) of a node's file in this execution."""
    start = "s3://${ArtifactBucket}/" if uri else ""
    turn, argument = ("{}", ", $.turn") if loops else ("", "")
    return (
        f"States.Format('{start}{pipeline}/runs/{{}}/{node}{turn}/{file}', "
        f"$$.Execution.Name{argument})"
    )


def task_state(
    resource: str,
    parameters: Json,
    retries: list[Json],
    selector: Json | None = None,
    result: str | None = None,
) -> State:
    """Return a Task state; its result is dropped unless ``result`` says where to."""
    extra: Json = {"Resource": ARN + resource, "Parameters": parameters}
    if selector:
        extra["ResultSelector"] = selector
    extra["ResultPath"] = result
    if retries:
        extra["Retry"] = retries
    return State("Task", extra)


def sdk_state(call: str, parameters: Json, result: str | None = None) -> State:
    """Return the state of a plain API call (``s3:putObject``)."""
    service = {"s3": "S3", "sagemaker": "SageMaker"}[call.split(":")[0]]
    retry = {**THROTTLED, "ErrorEquals": [f"{service}.SdkClientException"]}
    return task_state(f"aws-sdk:{call}", parameters, [retry], None, result)


def own_retry(node: StageNode) -> list[Json]:
    """Return the retries that the stage asks for."""
    retry = node.stage.settings.retry
    if retry is None:
        return []
    return [
        {
            "ErrorEquals": ["States.ALL"],
            "IntervalSeconds": int(retry.wait.total_seconds()),
            "MaxAttempts": retry.attempts,
            "BackoffRate": retry.backoff,
            "MaxDelaySeconds": max(
                int(retry.longest_wait.total_seconds()), int(retry.wait.total_seconds()) + 1
            ),
        }
    ]


def comment(node: StageNode) -> str:
    """Return the first line of the stage's docstring."""
    text = (node.stage.function.__doc__ or "").strip().split("\n")[0]
    return text[:200]
