"""The CloudFormation template around the state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..pipelines import Pipeline
from ..settings import DatabricksJob, Lambda
from . import limits, roles
from .machine import Machine
from .roles import SAGEMAKER, Json, statement, sub
from .tasks import Tasks

ENDED = ["FAILED", "TIMED_OUT", "ABORTED"]


def generate(pipeline: Pipeline[..., Any]) -> Json:
    """Return the template of ``pipeline`` as plain data.

    Raises a ``PipelineError`` for a wrong wiring, and ``LimitError`` for what AWS does not take.
    """
    machine = Machine(pipeline)
    definition = machine.definition()
    tasks = machine.tasks
    name = pipeline.name
    template: Json = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": (pipeline.__doc__ or f"The pipeline {name}").strip().split("\n")[0][:1024],
        "Metadata": {"Datalab": {"Pipeline": name, "Script": Path(pipeline.place.file).name}},
        "Parameters": _parameters(tasks),
        "Resources": _resources(pipeline, tasks, definition),
        "Outputs": {
            "StateMachine": {
                "Description": "Start an execution of this to run the pipeline.",
                "Value": {"Ref": "StateMachine"},
            },
            "Runs": {
                "Description": "Where executions keep their results.",
                "Value": sub(f"s3://${{ArtifactBucket}}/{name}/runs/"),
            },
            "RunHistory": {
                "Description": "The queue that every change of an execution is sent to.",
                "Value": {"Ref": "RunHistory"},
            },
        },
    }
    limits.template(template, pipeline.place)
    return template


def _parameters(tasks: Tasks) -> Json:
    found: Json = {
        "ArtifactBucket": {
            "Type": "String",
            "Description": "The bucket that keeps artifacts and results",
            "AllowedPattern": "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "ConstraintDescription": "the name of an S3 bucket",
        },
        "LogRetentionDays": {
            "Type": "Number",
            "Description": "How long logs of executions are kept",
            "Default": 90,
            "AllowedValues": [7, 14, 30, 60, 90, 180, 365, 731, 1827],
        },
    }
    if tasks.kinds - {DatabricksJob}:
        found["Image"] = {
            "Type": "String",
            "Description": "The project's image, by digest",
            "AllowedPattern": "[a-z0-9./_:-]+@sha256:[0-9a-f]{64}",
            "ConstraintDescription": "an image with its digest: …@sha256:…",
        }
    if tasks.kinds & set(SAGEMAKER):
        found["ImageRepository"] = {
            "Type": "String",
            "Description": "The image's repository in ECR, for the right to pull it",
            "AllowedPattern": "[a-z0-9][a-z0-9._/-]*",
        }
    if DatabricksJob in tasks.kinds:
        found["DatabricksHost"] = {
            "Type": "String",
            "Description": "The Databricks workspace, without https://",
            "AllowedPattern": "[a-z0-9.-]+",
        }
        found["DatabricksConnection"] = {
            "Type": "String",
            "Description": "The ARN of the EventBridge connection that holds its credentials",
            "AllowedPattern": "arn:[a-z-]+:events:.*:connection/.+",
        }
    return found


def _resources(pipeline: Pipeline[..., Any], tasks: Tasks, definition: Json) -> Json:
    name = pipeline.name
    found: Json = {
        "StateMachine": _machine(pipeline, tasks, definition),
        "StateMachineRole": roles.machine_role(name, tasks),
        "StateMachineLog": _log("/aws/vendedlogs/states/${AWS::StackName}"),
    }
    for logical, role in (
        ("StageRole", roles.stage_role(name, tasks)),
        ("FunctionRole", roles.function_role(name, tasks)),
    ):
        if role:
            found[logical] = role
    if tasks.functions:
        found["FunctionLog"] = _log("/datalab/pipelines/${AWS::StackName}/functions")
    for logical, (compute, seconds) in sorted(tasks.functions.items()):
        found[logical] = _function(compute, seconds, name)
    found |= _events(pipeline)
    if pipeline.options.schedule:
        found |= _schedule(pipeline)
    for resource in found.values():
        _tag(resource, {"datalab:pipeline": name, **pipeline.options.tags})
    return found


def _machine(pipeline: Pipeline[..., Any], tasks: Tasks, definition: Json) -> Json:
    substitutions: Json = {
        "ArtifactBucket": {"Ref": "ArtifactBucket"},
    }
    if tasks.kinds & set(SAGEMAKER):
        substitutions["Image"] = {"Ref": "Image"}
        substitutions["StageRole"] = {"Fn::GetAtt": ["StageRole", "Arn"]}
    for function in sorted(tasks.functions):
        substitutions[function] = {"Fn::GetAtt": [function, "Arn"]}
    if DatabricksJob in tasks.kinds:
        for parameter in ("DatabricksHost", "DatabricksConnection"):
            substitutions[parameter] = {"Ref": parameter}
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "StateMachineType": "STANDARD",
            "RoleArn": {"Fn::GetAtt": ["StateMachineRole", "Arn"]},
            "LoggingConfiguration": {
                "Level": "ALL",
                "IncludeExecutionData": False,
                "Destinations": [
                    {
                        "CloudWatchLogsLogGroup": {
                            "LogGroupArn": {"Fn::GetAtt": ["StateMachineLog", "Arn"]}
                        }
                    }
                ],
            },
            "DefinitionSubstitutions": substitutions,
            "Definition": definition,
        },
    }


def _function(compute: Lambda, seconds: int, pipeline: str) -> Json:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Description": f"Stages of {pipeline}",
            "PackageType": "Image",
            "Code": {"ImageUri": {"Ref": "Image"}},
            "ImageConfig": {
                "EntryPoint": ["python", "-m", "awslambdaric"],
                "Command": ["datalab_pipelines.entry.handler"],
            },
            "MemorySize": compute.memory,
            "Timeout": seconds,
            "EphemeralStorage": {"Size": 2048},
            "Role": {"Fn::GetAtt": ["FunctionRole", "Arn"]},
            "LoggingConfig": {"LogGroup": {"Ref": "FunctionLog"}},
        },
    }


def _log(name: str) -> Json:
    # Named after the stack, so that test and production can be stacks of one account.
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "LogGroupName": sub(name),
            "RetentionInDays": {"Ref": "LogRetentionDays"},
        },
    }


def _events(pipeline: Pipeline[..., Any]) -> Json:
    """Return the queue of executions, an alarm, and mails where they are asked for."""
    name = pipeline.name
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [{"Ref": "StateMachine"}]},
    }
    found: Json = {
        # A queue, not a log group: those need a resource policy, of which an account has ten.
        "RunHistory": {
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {"MessageRetentionPeriod": 1_209_600, "SqsManagedSseEnabled": True},
        },
        "RunHistoryPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "RunHistory"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Principal": {"Service": "events.amazonaws.com"},
                            **statement(
                                ["sqs:SendMessage"],
                                [{"Fn::GetAtt": ["RunHistory", "Arn"]}],
                                {
                                    "ArnEquals": {
                                        "aws:SourceArn": {"Fn::GetAtt": ["RunHistoryRule", "Arn"]}
                                    }
                                },
                            ),
                        }
                    ],
                },
            },
        },
        "RunHistoryRule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": f"Every change of an execution of {name}, with error and cause",
                "EventPattern": pattern,
                "Targets": [{"Id": "run-history", "Arn": {"Fn::GetAtt": ["RunHistory", "Arn"]}}],
            },
        },
        "FailureAlarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": f"An execution of {name} failed",
                "Namespace": "AWS/States",
                "MetricName": "ExecutionsFailed",
                "Dimensions": [{"Name": "StateMachineArn", "Value": {"Ref": "StateMachine"}}],
                "Statistic": "Sum",
                "Period": 300,
                "EvaluationPeriods": 1,
                "Threshold": 1,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "notBreaching",
            },
        },
    }
    notify = pipeline.options.notify
    if notify:
        states = [*ENDED, "SUCCEEDED"] if notify.succeeded else ENDED
        found["Notices"] = {
            "Type": "AWS::SNS::Topic",
            "Properties": {
                "DisplayName": f"Pipeline {name}"[:100],
                "Subscription": [
                    {"Protocol": "email", "Endpoint": email} for email in notify.emails
                ],
            },
        }
        found["NoticesPolicy"] = {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Notices"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Principal": {"Service": "events.amazonaws.com"},
                            **statement(["sns:Publish"], [{"Ref": "Notices"}]),
                        }
                    ],
                },
            },
        }
        found["NoticesRule"] = {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {
                    **pattern,
                    "detail": {**pattern["detail"], "status": states},  # type: ignore[dict-item]
                },
                "Targets": [{"Id": "notices", "Arn": {"Ref": "Notices"}}],
            },
        }
        found["FailureAlarm"]["Properties"]["AlarmActions"] = [{"Ref": "Notices"}]
        found["NoticesPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(
            {
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                **statement(["sns:Publish"], [{"Ref": "Notices"}]),
            }
        )
    return found


def _schedule(pipeline: Pipeline[..., Any]) -> Json:
    schedule = pipeline.options.schedule
    assert schedule is not None
    return {
        "Schedule": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "Description": f"Runs {pipeline.name}",
                "ScheduleExpression": schedule.when,
                "ScheduleExpressionTimezone": schedule.timezone,
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": {"Ref": "StateMachine"},
                    "RoleArn": {"Fn::GetAtt": ["ScheduleRole", "Arn"]},
                    "Input": json.dumps(dict(schedule.parameters), sort_keys=True),
                },
            },
        },
        "ScheduleRole": roles.role(
            ["scheduler.amazonaws.com"],
            [statement(["states:StartExecution"], [{"Ref": "StateMachine"}])],
            f"Starts {pipeline.name} on schedule",
        ),
    }


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
TAGGED = frozenset(
    {
        "AWS::StepFunctions::StateMachine",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::CloudWatch::Alarm",
    }
)


def _tag(resource: Json, tags: Mapping[str, str]) -> None:
    if resource["Type"] in TAGGED:
        resource["Properties"]["Tags"] = [
            {"Key": key, "Value": value} for key, value in sorted(tags.items())
        ]
