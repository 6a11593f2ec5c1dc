"""Stages that SageMaker serves from a model: batch transforms and endpoints."""

from __future__ import annotations

from ..graph import StageNode
from ..settings import SageMakerEndpoint, SageMakerTransform
from .asl import Fragment, State, join, one, path
from .tasks import THROTTLED, Tasks, key_in_run, sdk_state, task_state


def transform(tasks: Tasks, node: StageNode, compute: SageMakerTransform) -> Fragment:
    """Return model, request, transform job and clean-up, as one unit."""
    arguments, environment = tasks.call(node)
    seconds = min(tasks.seconds(node), 3600)
    name = node.name
    request = key_in_run(tasks.pipeline, name, node.loops, "request.json")
    steps = [
        tasks.name_step(node),
        one(f"{name}: model", tasks.model(arguments, environment)),
        one(
            f"{name}: request",
            sdk_state(
                "s3:putObject",
                {"Bucket": "${ArtifactBucket}", "Key.$": request, "Body": {}},
            ),
        ),
        one(
            f"{name}: transform",
            task_state(
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
                                    tasks.pipeline, name, node.loops, "request.json", uri=True
                                ),
                            }
                        },
                    },
                    "TransformOutput": {
                        "S3OutputPath.$": key_in_run(
                            tasks.pipeline, name, node.loops, "transform/", uri=True
                        )
                    },
                    "TransformResources": {
                        "InstanceType": compute.instance,
                        "InstanceCount": 1,
                    },
                    "Tags": tasks.tags(),
                },
                [THROTTLED],
            ),
        ),
        one(
            f"{name}: clean up",
            task_state("sagemaker:deleteModel", {"ModelName.$": "$.job.name"}, [THROTTLED]),
        ),
    ]
    return tasks.unit(node, join(steps))


def endpoint(tasks: Tasks, node: StageNode, compute: SageMakerEndpoint) -> Fragment:
    """Return what creates the endpoint, or updates it, and waits until it serves."""
    arguments, environment = tasks.call(node)
    name = node.name
    endpoint = compute.name or f"{tasks.pipeline}-{name}".replace("_", "-")[:63].strip("-")
    tasks.endpoints.add(endpoint)
    where = {"EndpointName": endpoint, "EndpointConfigName.$": "$.job.name"}
    variant = {
        "VariantName": "main",
        "ModelName.$": "$.job.name",
        "InstanceType": compute.instance,
        "InitialInstanceCount": compute.count,
    }
    status = path("endpoint", "EndpointStatus")
    look = sdk_state("sagemaker:describeEndpoint", {"EndpointName": endpoint}, "$.endpoint")
    there = sdk_state("sagemaker:describeEndpoint", {"EndpointName": endpoint}, None)
    there.extra["Catch"] = [
        {
            "ErrorEquals": ["SageMaker.SageMakerException"],
            "ResultPath": None,
            "Next": f"{name}: create",
        }
    ]
    there.next = f"{name}: update"
    create = task_state("sagemaker:createEndpoint", {**where, "Tags": tasks.tags()}, [THROTTLED])
    update = task_state("sagemaker:updateEndpoint", where, [THROTTLED])
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
    result = sdk_state(
        "s3:putObject",
        {
            "Bucket": "${ArtifactBucket}",
            **tasks.result_prefix(node, "result.json"),
            "Body": document,
        },
    )
    serve = join(
        [
            tasks.name_step(node),
            one(f"{name}: model", tasks.model(arguments, environment)),
            one(
                f"{name}: config",
                task_state(
                    "sagemaker:createEndpointConfig",
                    {
                        "EndpointConfigName.$": "$.job.name",
                        "ProductionVariants": [variant],
                        "Tags": tasks.tags(),
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
    return tasks.unit(node, serve)
