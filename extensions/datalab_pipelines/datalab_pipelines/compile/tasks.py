"""One stage as states: a fragment per kind of compute.

All SageMaker and Lambda tasks start the same entry point with the same arguments as the local
runner. What only an execution knows reaches it through environment variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .. import wiring
from ..errors import DefinitionError
from ..graph import Item, Node, Parameter, Source, StageNode
from ..settings import (
    Between,
    Compute,
    DatabricksJob,
    Lambda,
    OneOf,
    SageMakerEndpoint,
    SageMakerProcessing,
    SageMakerTraining,
    SageMakerTransform,
    SageMakerTuning,
)
from ..tuning import is_grid
from . import limits
from .asl import Fragment, Json, State, intrinsic, join, one, path

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
LAMBDA_BUSY: Json = {
    "ErrorEquals": [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 4,
    "BackoffRate": 2.0,
    "JitterStrategy": "FULL",
}
HTTP_BUSY: Json = {
    "ErrorEquals": ["States.Http.StatusCode.429", "States.Http.StatusCode.503"],
    "IntervalSeconds": 5,
    "MaxAttempts": 6,
    "BackoffRate": 2.0,
    "JitterStrategy": "FULL",
}


@dataclass
class Tasks:
    """Makes fragments, and notes what they need: ``functions`` (Lambda), ``actions`` (IAM)."""

    pipeline: str
    nodes: dict[str, Node]
    functions: dict[str, tuple[Lambda, int]] = field(default_factory=dict)
    kinds: set[type[Compute]] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=set)

    def fragment(self, node: StageNode, compute: Compute) -> Fragment:
        """Return the states that run ``node`` on ``compute``."""
        self.kinds.add(type(compute))
        makers: dict[type[Compute], Any] = {
            Lambda: self._lambda,
            SageMakerProcessing: self._processing,
            SageMakerTraining: self._training,
            SageMakerTuning: self._tuning,
            SageMakerTransform: self._transform,
            SageMakerEndpoint: self._endpoint,
            DatabricksJob: self._databricks,
        }
        maker = makers.get(type(compute))
        if maker is None:
            raise DefinitionError(
                f"the stage {node.name} has the compute {compute!r}, which cannot be compiled",
                place=node.place,
            )
        limits.state_name(node.name, node.place)
        fragment: Fragment = maker(node, compute)
        return fragment

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

    # -- the kinds -------------------------------------------------------------------------

    def _lambda(self, node: StageNode, compute: Lambda) -> Fragment:
        arguments, environment = self.call(node)
        seconds = int((node.stage.settings.timeout or compute.longest).total_seconds())
        name = f"Function{compute.memory}M{seconds}S"
        self.functions[name] = (compute, seconds)
        return self._task(
            node,
            "lambda:invoke",
            {
                "FunctionName": f"${{{name}}}",
                "Payload": {"arguments": arguments, "environment": environment},
            },
            [LAMBDA_BUSY],
            seconds + 60,
        )

    def _processing(self, node: StageNode, compute: SageMakerProcessing) -> Fragment:
        arguments, environment = self.call(node)
        seconds = self._seconds(node)
        return self._task(
            node,
            "sagemaker:createProcessingJob.sync",
            {
                "ProcessingJobName.$": self.job_name(node),
                "RoleArn": "${StageRole}",
                "AppSpecification": {
                    "ImageUri": "${Image}",
                    "ContainerEntrypoint": ENTRY,
                    "ContainerArguments": arguments,
                },
                "Environment": environment,
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceType": compute.instance,
                        "InstanceCount": 1,
                        "VolumeSizeInGB": compute.volume,
                    }
                },
                "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
                "Tags": self.tags(),
            },
            [THROTTLED],
            seconds + 3600,
        )

    def _training(self, node: StageNode, compute: SageMakerTraining) -> Fragment:
        arguments, environment = self.call(node)
        seconds = self._seconds(node)
        parameters: Json = {
            "TrainingJobName.$": self.job_name(node),
            "RoleArn": "${StageRole}",
            "AlgorithmSpecification": {
                "TrainingImage": "${Image}",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ENTRY,
                "ContainerArguments": arguments,
            },
            "Environment": environment,
            "OutputDataConfig": {"S3OutputPath": self._uri("jobs/")},
            "ResourceConfig": {
                "InstanceType": compute.instance,
                "InstanceCount": compute.count,
                "VolumeSizeInGB": compute.volume,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
            "Tags": self.tags(),
        }
        if compute.spot:
            parameters["EnableManagedSpotTraining"] = True
            parameters["StoppingCondition"]["MaxWaitTimeInSeconds"] = seconds + 3600
        if compute.checkpoints:
            checkpoint = key_in_run(self.pipeline, node.name, node.loops, "checkpoints/", uri=True)
            parameters["CheckpointConfig"] = {"S3Uri.$": checkpoint}
        return self._task(
            node, "sagemaker:createTrainingJob.sync", parameters, [THROTTLED], seconds + 7200
        )

    def _tuning(self, node: StageNode, compute: SageMakerTuning) -> Fragment:
        arguments, environment = self.call(node)
        seconds = self._seconds(node)
        config: Json = {
            "Strategy": "Grid" if is_grid(compute) else "Bayesian",
            "HyperParameterTuningJobObjective": {
                "Type": "Maximize" if compute.maximize else "Minimize",
                "MetricName": compute.objective,
            },
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": compute.trials,
                "MaxParallelTrainingJobs": compute.at_once,
            },
            "ParameterRanges": _ranges(compute),
        }
        if is_grid(compute):
            del config["ResourceLimits"]["MaxNumberOfTrainingJobs"]  # the grid says how many
        # A trial has no command line: its arguments are one of its hyperparameters.
        static = {"datalab_arguments": wiring.written(arguments)}
        job: Json = {
            "AlgorithmSpecification": {
                "TrainingImage": "${Image}",
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": compute.objective, "Regex": r"datalab-objective=([0-9.eE+-]+);"}
                ],
            },
            "RoleArn": "${StageRole}",
            "Environment": environment,
            "StaticHyperParameters": static,
            "OutputDataConfig": {"S3OutputPath": self._uri("jobs/")},
            "ResourceConfig": {
                "InstanceType": compute.instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": compute.volume,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        }
        if compute.spot:
            job["EnableManagedSpotTraining"] = True
            job["StoppingCondition"]["MaxWaitTimeInSeconds"] = seconds + 3600
        tune = self._task(
            node,
            "sagemaker:createHyperParameterTuningJob.sync",
            {
                "HyperParameterTuningJobName.$": self.job_name(node, 32),
                "HyperParameterTuningJobConfig": config,
                "TrainingJobDefinition": job,
                "Tags": self.tags(),
            },
            [THROTTLED],
            None,
            result="$.tuned",
        )
        best = (
            f"States.Format('${{ArtifactBucket}}/{self.pipeline}/runs/{{}}/{node.name}"
            f"{'{}' if node.loops else ''}/trials/{{}}/result.json', $$.Execution.Name, "
            f"{'$.turn, ' if node.loops else ''}$.tuned.BestTrainingJob.TrainingJobName)"
        )
        keep = _aws_task(
            "s3:copyObject",
            {
                "Bucket": "${ArtifactBucket}",
                "CopySource.$": best,
                **self.result_prefix(node, "result.json"),
            },
        )
        return join([tune, one(limits.state_name(f"{node.name}: best trial", node.place), keep)])

    def _transform(self, node: StageNode, compute: SageMakerTransform) -> Fragment:
        arguments, environment = self.call(node)
        seconds = min(self._seconds(node), 3600)
        name = node.name
        request = key_in_run(self.pipeline, name, node.loops, "request.json")
        steps = [
            self._name_step(node),
            one(f"{name}: model", self._model(arguments, environment)),
            one(
                f"{name}: request",
                _aws_task(
                    "s3:putObject",
                    {"Bucket": "${ArtifactBucket}", "Key.$": request, "Body": {}},
                ),
            ),
            one(
                f"{name}: transform",
                _task(
                    "sagemaker:createTransformJob.sync",
                    {
                        "TransformJobName.$": "$.job.name",
                        "ModelName.$": "$.job.name",
                        "MaxConcurrentTransforms": 1,
                        "ModelClientConfig": {
                            "InvocationsTimeoutInSeconds": seconds,
                            "InvocationsMaxRetries": 0,
                        },
                        "TransformInput": {
                            "ContentType": "application/json",
                            "DataSource": {
                                "S3DataSource": {
                                    "S3DataType": "S3Prefix",
                                    "S3Uri.$": key_in_run(
                                        self.pipeline, name, node.loops, "request.json", uri=True
                                    ),
                                }
                            },
                        },
                        "TransformOutput": {
                            "S3OutputPath.$": key_in_run(
                                self.pipeline, name, node.loops, "transform/", uri=True
                            )
                        },
                        "TransformResources": {
                            "InstanceType": compute.instance,
                            "InstanceCount": 1,
                        },
                        "Tags": self.tags(),
                    },
                    [THROTTLED],
                ),
            ),
            one(
                f"{name}: clean up",
                _task("sagemaker:deleteModel", {"ModelName.$": "$.job.name"}, [THROTTLED]),
            ),
        ]
        return self._unit(node, join(steps))

    def _endpoint(self, node: StageNode, compute: SageMakerEndpoint) -> Fragment:
        arguments, environment = self.call(node)
        name = node.name
        endpoint = compute.name or f"{self.pipeline}-{name}".replace("_", "-")[:63].strip("-")
        self.endpoints.add(endpoint)
        where = {"EndpointName": endpoint, "EndpointConfigName.$": "$.job.name"}
        variant = {
            "VariantName": "main",
            "ModelName.$": "$.job.name",
            "InstanceType": compute.instance,
            "InitialInstanceCount": compute.count,
        }
        status = path("endpoint", "EndpointStatus")
        look = _aws_task("sagemaker:describeEndpoint", {"EndpointName": endpoint}, "$.endpoint")
        there = _aws_task("sagemaker:describeEndpoint", {"EndpointName": endpoint}, None)
        there.extra["Catch"] = [
            {
                "ErrorEquals": ["SageMaker.SageMakerException"],
                "ResultPath": None,
                "Next": f"{name}: create",
            }
        ]
        there.next = f"{name}: update"
        create = _task("sagemaker:createEndpoint", {**where, "Tags": self.tags()}, [THROTTLED])
        update = _task("sagemaker:updateEndpoint", where, [THROTTLED])
        for state in (create, update):
            state.extra["ResultPath"] = None
            state.next = f"{name}: wait"
        wait = State("Wait", {"Seconds": 30}, next=f"{name}: look")
        look.next = f"{name}: in service?"
        choice = State(
            "Choice",
            {
                "Choices": [
                    {
                        "Variable": status,
                        "StringEquals": "InService",
                        "Next": f"{name}: result",
                    },
                    {"Variable": status, "StringEquals": "Failed", "Next": f"{name}: failed"},
                ],
                "Default": f"{name}: wait",
            },
        )
        failed = State(
            "Fail",
            {"Error": "EndpointFailed", "CausePath": path("endpoint", "FailureReason")},
        )
        document = {
            "schema": 1,
            "node": name,
            "outputs": {"value": {"type": "endpoint", "format": "json", "bytes": 0}},
            "values": {"value": {"endpoint": endpoint}},
            "metrics": {},
            "returns": "",
        }
        result = _aws_task(
            "s3:putObject",
            {
                "Bucket": "${ArtifactBucket}",
                **self.result_prefix(node, "result.json"),
                "Body": document,
            },
        )
        serve = join(
            [
                self._name_step(node),
                one(f"{name}: model", self._model(arguments, environment)),
                one(
                    f"{name}: config",
                    _task(
                        "sagemaker:createEndpointConfig",
                        {
                            "EndpointConfigName.$": "$.job.name",
                            "ProductionVariants": [variant],
                            "Tags": self.tags(),
                        },
                        [THROTTLED],
                    ),
                ),
                Fragment(
                    f"{name}: there?",
                    {
                        f"{name}: there?": there,
                        f"{name}: create": create,
                        f"{name}: update": update,
                        f"{name}: wait": wait,
                        f"{name}: look": look,
                        f"{name}: in service?": choice,
                        f"{name}: failed": failed,
                        f"{name}: result": result,
                    },
                    [f"{name}: result"],
                ),
            ]
        )
        return self._unit(node, serve)

    def _databricks(self, node: StageNode, compute: DatabricksJob) -> Fragment:
        arguments, environment = self.call(node)
        seconds = self._seconds(node)
        name = node.name
        task: Json = {"task_key": name}
        if isinstance(compute.cluster, str):
            task["existing_cluster_id"] = compute.cluster
        else:
            task["new_cluster"] = compute.cluster
        words = _databricks_words(arguments, environment)
        if compute.notebook:
            task["notebook_task"] = {
                "notebook_path": compute.notebook,
                "base_parameters": {
                    "datalab_arguments.$": "States.JsonToString($.databricks.arguments)"
                },
            }
        elif compute.wheel:
            task["python_wheel_task"] = {
                "package_name": compute.wheel,
                "entry_point": "datalab-stage",
                "parameters.$": "$.databricks.arguments",
            }
        else:
            task["spark_python_task"] = {
                "python_file": compute.python_file,
                "parameters.$": "$.databricks.arguments",
            }
        connection = {"Authentication": {"ConnectionArn": "${DatabricksConnection}"}}
        base = "https://${DatabricksHost}/api/2.1/jobs/runs"
        prepare = State(
            "Pass", {"Parameters": {"arguments.$": words}, "ResultPath": "$.databricks"}
        )
        submit = _task(
            "http:invoke",
            {
                "ApiEndpoint": f"{base}/submit",
                "Method": "POST",
                **connection,
                "RequestBody": {
                    "run_name.$": f"States.Format('{self.pipeline} {name} {{}}', "
                    "$$.Execution.Name)",
                    # Databricks takes at most 64 characters; a retry of this state after an answer
                    # that was lost must not start the run twice.
                    "idempotency_token.$": "$.databricks_token.value",
                    "timeout_seconds": seconds,
                    "tasks": [task],
                },
            },
            [HTTP_BUSY],
            {"run_id.$": "$.ResponseBody.run_id"},
            "$.databricks_run",
        )
        token = State(
            "Pass",
            {"Parameters": {"value.$": "States.UUID()"}, "ResultPath": "$.databricks_token"},
        )
        wait = State("Wait", {"Seconds": int(compute.poll.total_seconds())}, next=f"{name}: poll")
        poll = _task(
            "http:invoke",
            {
                "ApiEndpoint": f"{base}/get",
                "Method": "GET",
                **connection,
                "QueryParameters": {"run_id.$": "States.JsonToString($.databricks_run.run_id)"},
            },
            [HTTP_BUSY],
            {"state.$": "$.ResponseBody.state", "page.$": "$.ResponseBody.run_page_url"},
            "$.databricks_poll",
        )
        poll.next = f"{name}: finished?"
        state = ("databricks_poll", "state")
        result, life = path(*state, "result_state"), path(*state, "life_cycle_state")
        finished = State(
            "Choice",
            {
                "Choices": [
                    {
                        "And": [
                            {"Variable": result, "IsPresent": True},
                            {"Variable": result, "StringEquals": "SUCCESS"},
                        ],
                        "Next": f"{name}: done",
                    },
                    {
                        "Or": [
                            {"Variable": result, "IsPresent": True},
                            {"Variable": life, "StringEquals": "INTERNAL_ERROR"},
                            {"Variable": life, "StringEquals": "SKIPPED"},
                        ],
                        "Next": f"{name}: failed",
                    },
                ],
                "Default": f"{name}: wait",
            },
        )
        failed = State(
            "Fail",
            {
                "Error": "DatabricksRunFailed",
                "CausePath": "States.Format('{} {}', $.databricks_poll.state.state_message, "
                "$.databricks_poll.page)",
            },
        )
        done = State("Pass", {"ResultPath": None, "Result": {}})
        loop = Fragment(
            f"{name}: wait",
            {
                f"{name}: wait": wait,
                f"{name}: poll": poll,
                f"{name}: finished?": finished,
                f"{name}: failed": failed,
                f"{name}: done": done,
            },
            [f"{name}: done"],
        )
        return self._unit(
            node,
            join(
                [
                    one(f"{name}: token", token),
                    one(f"{name}: arguments", prepare),
                    one(f"{name}: submit", submit),
                    loop,
                ]
            ),
        )

    # -- parts -----------------------------------------------------------------------------

    def _task(
        self,
        node: StageNode,
        resource: str,
        parameters: Json,
        retries: list[Json],
        seconds: int | None,
        result: str | None = None,
    ) -> Fragment:
        state = _task(resource, parameters, [*retries, *_own_retry(node)], None, result)
        if seconds:
            state.extra["TimeoutSeconds"] = seconds
        state.comment = _comment(node)
        return one(node.name, state)

    def _unit(self, node: StageNode, steps: Fragment) -> Fragment:
        """Return several states as one, so that retry and catch hold for all of them."""
        for name in steps.states:
            limits.state_name(name, node.place)
        state = State(
            "Parallel", {"Branches": [steps.emit()], "ResultPath": None}, comment=_comment(node)
        )
        if retry := _own_retry(node):
            state.extra["Retry"] = retry
        return one(node.name, state)

    def _name_step(self, node: StageNode) -> Fragment:
        name = State("Pass", {"Parameters": {"name.$": self.job_name(node)}, "ResultPath": "$.job"})
        return one(f"{node.name}: name", name)

    def _model(self, arguments: list[str], environment: Json) -> State:
        environment = dict(environment)
        environment["DATALAB_ARGUMENTS"] = wiring.written(arguments)
        return _task(
            "sagemaker:createModel",
            {
                "ModelName.$": "$.job.name",
                "ExecutionRoleArn": "${StageRole}",
                "PrimaryContainer": {"Image": "${Image}", "Environment": environment},
                "Tags": self.tags(),
            },
            [THROTTLED],
        )

    def _uri(self, rest: str) -> str:
        return f"s3://${{ArtifactBucket}}/{self.pipeline}/{rest}"

    def _seconds(self, node: StageNode) -> int:
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


def _task(
    resource: str,
    parameters: Json,
    retries: list[Json],
    selector: Json | None = None,
    result: str | None = None,
) -> State:
    extra: Json = {"Resource": ARN + resource, "Parameters": parameters}
    if selector:
        extra["ResultSelector"] = selector
    extra["ResultPath"] = result
    if retries:
        extra["Retry"] = retries
    return State("Task", extra)


def _aws_task(call: str, parameters: Json, result: str | None = None) -> State:
    retry = {**THROTTLED, "ErrorEquals": ["S3.SdkClientException", "SageMaker.SdkClientException"]}
    if call.startswith("s3:"):
        retry["ErrorEquals"] = ["S3.SdkClientException"]
    else:
        retry["ErrorEquals"] = ["SageMaker.SdkClientException"]
    return _task(f"aws-sdk:{call}", parameters, [retry], None, result)


def _own_retry(node: StageNode) -> list[Json]:
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


def _comment(node: StageNode) -> str:
    text = (node.stage.function.__doc__ or "").strip().split("\n")[0]
    return text[:200]


def _ranges(compute: SageMakerTuning) -> Json:
    found: dict[str, list[Json]] = {}
    for name, values in compute.ranges.items():
        if isinstance(values, OneOf):
            kind, row = (
                "CategoricalParameterRanges",
                {"Name": name, "Values": [str(value) for value in values.values]},
            )
        else:
            assert isinstance(values, Between)
            whole = isinstance(values.low, int) and isinstance(values.high, int)
            kind = "IntegerParameterRanges" if whole else "ContinuousParameterRanges"
            row = {
                "Name": name,
                "MinValue": str(values.low),
                "MaxValue": str(values.high),
                "ScalingType": "Logarithmic" if values.scale == "log" else "Linear",
            }
        found.setdefault(kind, []).append(row)
    return dict(found)


def _databricks_words(arguments: list[str], environment: Json) -> str:
    """Return the intrinsic for the words of the command line, environment included."""
    words = ["'--store'", f"'{environment['DATALAB_STORE']}'", "'--run'", "$$.Execution.Name"]
    if "DATALAB_TURN.$" in environment:
        words += ["'--turn'", "$.turn"]
    skip = False
    for position, word in enumerate(arguments):
        if skip:
            skip = False
            continue
        if word == "--from":
            name, _, variable = arguments[position + 1].partition("=")
            late = environment[f"{variable}.$"]
            words += ["'--value'", f"States.Format({intrinsic(name)[:-1]}={{}}', {late})"]
            skip = True
        else:
            words.append(intrinsic(word))
    return f"States.Array({', '.join(words)})"
