"""Stages that are one job: a Lambda function's call, a processing, training or tuning job."""

from __future__ import annotations

from .. import wiring
from ..graph import StageNode
from ..settings import (
    Between,
    Lambda,
    OneOf,
    SageMakerProcessing,
    SageMakerTraining,
    SageMakerTuning,
)
from ..tuning import is_grid
from . import limits
from .asl import Fragment, Json, join, one
from .tasks import ENTRY, THROTTLED, Tasks, key_in_run, sdk_state

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


def on_lambda(tasks: Tasks, node: StageNode, compute: Lambda) -> Fragment:
    """Return the call of a Lambda function; stages of equal memory and timeout share one."""
    arguments, environment = tasks.call(node)
    seconds = int((node.stage.settings.timeout or compute.longest).total_seconds())
    name = f"Function{compute.memory}M{seconds}S"
    tasks.functions[name] = (compute, seconds)
    return tasks.task(
        node,
        "lambda:invoke",
        {
            "FunctionName": f"${{{name}}}",
            "Payload": {"arguments": arguments, "environment": environment},
        },
        [LAMBDA_BUSY],
        seconds + 60,
    )


def processing(tasks: Tasks, node: StageNode, compute: SageMakerProcessing) -> Fragment:
    """Return a processing job."""
    arguments, environment = tasks.call(node)
    seconds = tasks.seconds(node)
    return tasks.task(
        node,
        "sagemaker:createProcessingJob.sync",
        {
            "ProcessingJobName.$": tasks.job_name(node),
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
            "Tags": tasks.tags(),
        },
        [THROTTLED],
        seconds + 3600,
    )


def training(tasks: Tasks, node: StageNode, compute: SageMakerTraining) -> Fragment:
    """Return a training job."""
    arguments, environment = tasks.call(node)
    seconds = tasks.seconds(node)
    parameters: Json = {
        "TrainingJobName.$": tasks.job_name(node),
        "RoleArn": "${StageRole}",
        "AlgorithmSpecification": {
            "TrainingImage": "${Image}",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ENTRY,
            "ContainerArguments": arguments,
        },
        "Environment": environment,
        "OutputDataConfig": {"S3OutputPath": tasks.uri("jobs/")},
        "ResourceConfig": {
            "InstanceType": compute.instance,
            "InstanceCount": compute.count,
            "VolumeSizeInGB": compute.volume,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        "Tags": tasks.tags(),
    }
    if compute.spot:
        parameters["EnableManagedSpotTraining"] = True
        parameters["StoppingCondition"]["MaxWaitTimeInSeconds"] = seconds + 3600
    if compute.checkpoints:
        checkpoint = key_in_run(tasks.pipeline, node.name, node.loops, "checkpoints/", uri=True)
        parameters["CheckpointConfig"] = {"S3Uri.$": checkpoint}
    return tasks.task(
        node, "sagemaker:createTrainingJob.sync", parameters, [THROTTLED], seconds + 7200
    )


def tuning(tasks: Tasks, node: StageNode, compute: SageMakerTuning) -> Fragment:
    """Return a tuning job, and the copy of its best trial's result."""
    arguments, environment = tasks.call(node)
    seconds = tasks.seconds(node)
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
    static = {"datalab_arguments": limits.hyperparameter(node, wiring.written(arguments))}
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
        "OutputDataConfig": {"S3OutputPath": tasks.uri("jobs/")},
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
    tune = tasks.task(
        node,
        "sagemaker:createHyperParameterTuningJob.sync",
        {
            "HyperParameterTuningJobName.$": tasks.job_name(node, 32),
            "HyperParameterTuningJobConfig": config,
            "TrainingJobDefinition": job,
            "Tags": tasks.tags(),
        },
        [THROTTLED],
        None,
        result="$.tuned",
    )
    best = (
        f"States.Format('${{ArtifactBucket}}/{tasks.pipeline}/runs/{{}}/{node.name}"
        f"{'{}' if node.loops else ''}/trials/{{}}/result.json', $$.Execution.Name, "
        f"{'$.turn, ' if node.loops else ''}$.tuned.BestTrainingJob.TrainingJobName)"
    )
    keep = sdk_state(
        "s3:copyObject",
        {
            "Bucket": "${ArtifactBucket}",
            "CopySource.$": best,
            **tasks.result_prefix(node, "result.json"),
        },
    )
    return join([tune, one(limits.state_name(f"{node.name}: best trial", node.place), keep)])


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
