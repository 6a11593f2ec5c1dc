"""The roles of a pipeline: who may do what, and no more.

One role per kind of actor: the state machine, the stages (SageMaker jobs and Lambda functions),
the scheduler, and what carries events. Actions that take no resource are listed by themselves.
"""

from __future__ import annotations

from typing import Any

from ..settings import (
    DatabricksJob,
    Lambda,
    SageMakerEndpoint,
    SageMakerProcessing,
    SageMakerTraining,
    SageMakerTransform,
    SageMakerTuning,
)
from .tasks import Tasks

Json = dict[str, Any]

SAGEMAKER = (
    SageMakerProcessing,
    SageMakerTraining,
    SageMakerTransform,
    SageMakerTuning,
    SageMakerEndpoint,
)
JOBS: dict[type, tuple[str, list[str]]] = {
    SageMakerProcessing: (
        "processing-job",
        ["CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob"],
    ),
    SageMakerTraining: (
        "training-job",
        ["CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"],
    ),
    SageMakerTuning: (
        "hyper-parameter-tuning-job",
        [
            "CreateHyperParameterTuningJob",
            "DescribeHyperParameterTuningJob",
            "StopHyperParameterTuningJob",
        ],
    ),
    SageMakerTransform: (
        "transform-job",
        ["CreateTransformJob", "DescribeTransformJob", "StopTransformJob"],
    ),
}
# The managed rules by which Step Functions follows `.sync` jobs:
# https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
RULES = {
    SageMakerProcessing: "StepFunctionsGetEventsForSageMakerProcessingJobsRule",
    SageMakerTraining: "StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    SageMakerTuning: "StepFunctionsGetEventsForSageMakerTuningJobsRule",
    SageMakerTransform: "StepFunctionsGetEventsForSageMakerTransformJobsRule",
}


def sub(text: str) -> Json:
    """Return CloudFormation's ``Fn::Sub`` of ``text``."""
    return {"Fn::Sub": text}


def arn(service: str, rest: str, *, region: bool = True) -> Json:
    """Return the ARN of something in this account."""
    where = "${AWS::Region}" if region else ""
    return sub(f"arn:${{AWS::Partition}}:{service}:{where}:${{AWS::AccountId}}:{rest}")


def statement(actions: list[str], resources: list[Any], condition: Json | None = None) -> Json:
    """Return an allowing statement."""
    found: Json = {"Effect": "Allow", "Action": actions, "Resource": resources}
    if condition:
        found["Condition"] = condition
    return found


def role(services: list[str], statements: list[Json], description: str) -> Json:
    """Return a role that ``services`` of this account may take, with one inline policy."""
    trust: Json = {
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    if services == ["lambda.amazonaws.com"] or "lambda.amazonaws.com" in services:
        del trust["Condition"]  # Lambda passes no source account when it takes a role
    properties: Json = {
        "Description": description,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
    }
    if statements:
        properties["Policies"] = [
            {
                "PolicyName": "what-it-needs",
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            }
        ]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def bucket_statements(pipeline: str, actions: list[str], *, listing: bool) -> list[Json]:
    """Return the statements for the pipeline's own prefix of the artifact bucket."""
    bucket = "arn:${AWS::Partition}:s3:::${ArtifactBucket}"
    found = [statement(actions, [sub(f"{bucket}/{pipeline}/*")])]
    if listing:
        found.append(
            statement(
                ["s3:ListBucket"],
                [sub(bucket)],
                {"StringLike": {"s3:prefix": [f"{pipeline}/*"]}},
            )
        )
    return found


def stage_role(pipeline: str, tasks: Tasks) -> Json | None:
    """Return the role that SageMaker jobs run with; None when there are none."""
    if not tasks.kinds & set(SAGEMAKER):
        return None
    statements = bucket_statements(pipeline, ["s3:GetObject", "s3:PutObject"], listing=True)
    statements.append(
        statement(
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "logs:DescribeLogStreams",
            ],
            [arn("logs", "log-group:/aws/sagemaker/*")],
        )
    )
    statements.append(
        statement(
            ["cloudwatch:PutMetricData"],
            ["*"],
            {
                "StringLike": {
                    "cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"],
                }
            },
        )
    )
    statements += image_statements()
    return role(["sagemaker.amazonaws.com"], statements, f"The stages of {pipeline} on SageMaker")


def image_statements() -> list[Json]:
    """Return the statements for pulling the image; the token is not bound to a repository."""
    return [
        statement(["ecr:GetAuthorizationToken"], ["*"]),
        statement(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [arn("ecr", "repository/${ImageRepository}")],
        ),
    ]


def function_role(pipeline: str, tasks: Tasks) -> Json | None:
    """Return the role that Lambda functions run with; None when there are none."""
    if Lambda not in tasks.kinds:
        return None
    statements = bucket_statements(pipeline, ["s3:GetObject", "s3:PutObject"], listing=True)
    statements.append(
        statement(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [sub("${FunctionLog.Arn}")],
        )
    )
    return role(["lambda.amazonaws.com"], statements, f"The stages of {pipeline} on Lambda")


def machine_role(pipeline: str, tasks: Tasks) -> Json:
    """Return the state machine's role."""
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    statements = bucket_statements(pipeline, actions, listing=False)
    statements.append(
        statement(
            [
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ],
            ["*"],  # these take no resource
        )
    )
    if tasks.functions:
        statements.append(
            statement(
                ["lambda:InvokeFunction"],
                [{"Fn::GetAtt": [name, "Arn"]} for name in sorted(tasks.functions)],
            )
        )
    rules = []
    for kind, (resource, names) in JOBS.items():
        if kind in tasks.kinds:
            own = arn("sagemaker", f"{resource}/{pipeline}-*")
            statements.append(statement([f"sagemaker:{name}" for name in names], [own]))
            statements.append(statement(["sagemaker:AddTags", "sagemaker:ListTags"], [own]))
            rules.append(arn("events", f"rule/{RULES[kind]}"))
    if rules:
        statements.append(
            statement(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rules)
        )
    if tasks.kinds & {SageMakerTransform, SageMakerEndpoint}:
        model = [arn("sagemaker", f"model/{pipeline}-*")]
        actions = ["CreateModel", "DeleteModel", "AddTags"]
        statements.append(statement([f"sagemaker:{name}" for name in actions], model))
    if tasks.endpoints:
        where = [arn("sagemaker", f"endpoint-config/{pipeline}-*")]
        where += [arn("sagemaker", f"endpoint/{name}") for name in sorted(tasks.endpoints)]
        actions = [
            "CreateEndpoint",
            "UpdateEndpoint",
            "DescribeEndpoint",
            "CreateEndpointConfig",
            "AddTags",
        ]
        statements.append(statement([f"sagemaker:{name}" for name in actions], where))
    if tasks.kinds & set(SAGEMAKER):
        statements.append(
            statement(
                ["iam:PassRole"],
                [{"Fn::GetAtt": ["StageRole", "Arn"]}],
                {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
    if DatabricksJob in tasks.kinds:
        statements += _databricks()
    return role(["states.amazonaws.com"], statements, f"The state machine of {pipeline}")


def _databricks() -> list[Json]:
    connection = {"Ref": "DatabricksConnection"}
    return [
        statement(
            ["states:InvokeHTTPEndpoint"],
            [arn("states", "stateMachine:*")],
            {
                "StringLike": {
                    "states:HTTPEndpoint": sub("https://${DatabricksHost}/api/2.1/jobs/*")
                }
            },
        ),
        statement(["events:RetrieveConnectionCredentials"], [connection]),
        statement(
            ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            [arn("secretsmanager", "secret:events!connection/*")],
        ),
    ]
