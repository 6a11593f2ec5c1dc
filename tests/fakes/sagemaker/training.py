"""``CreateTrainingJob`` and its kin: what the service checks beyond the model, and answers."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable
from typing import Any

from .errors import ApiError, not_found, over_quota, validation
from .jobs import Job

LONGEST_RUN = 28 * 24 * 3600  # seconds
_PAGE = 10  # ListTrainingJobs without MaxResults
# Some families with local storage; the API reference of ResourceConfig names g4dn, g5 and p4d.
LOCAL_STORAGE = {"g4dn", "g5", "g6", "m5d", "p4d", "p5", "trn1"}


class Training:
    """The training jobs of one account and region.

    Args:
        make: creates a job: (kind, name, request, command, max runtime) → Job.
    """

    def __init__(self, make: Callable[..., Job], account: Any) -> None:
        self._make = make
        self.account = account
        self.jobs: dict[str, Job] = {}

    def create(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        name = request["TrainingJobName"]
        if found := list(cross_problems(request)):
            raise validation(found)
        if name in self.jobs:
            raise ApiError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a "
                f"training job with this name already exists ({self.jobs[name].arn})",
            )
        types = instance_types(request["ResourceConfig"])
        available = [kind for kind in types if kind not in self.account.no_quota]
        if not available:
            raise over_quota(types[0])
        specification = request["AlgorithmSpecification"]
        command = specification.get("ContainerEntrypoint", []) + specification.get(
            "ContainerArguments", []
        )
        job = self._make(
            "training-job",
            name,
            request,
            command or self._by_itself(specification.get("TrainingImage", "")),
            request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 24 * 3600),
            caller,
        )
        job.runs_on = [kind for kind in available if kind not in self.account.no_capacity]
        if not job.runs_on:
            job.fail_with, job.runs_on = self.account.capacity_message, available
        self.jobs[name] = job
        job.begin()
        return {"TrainingJobArn": job.arn}

    def _by_itself(self, image: str) -> list[str]:
        """Return what an image runs without an entry point in the request: ``… train``."""
        entry = self.account.entrypoint_of(image)
        return [*entry, "train"] if entry else []

    def describe(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        job = self._find(request["TrainingJobName"])
        copied = {
            name: value
            for name, value in job.request.items()
            if name not in {"Tags", "SessionChainingConfig"}
        }
        answer = copied | {
            "TrainingJobArn": job.arn,
            "TrainingJobStatus": job.status,
            "SecondaryStatus": job.secondary,
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://output/{job.name}/output/model.tar.gz"},
            "StoppingCondition": job.request.get("StoppingCondition", {}),
            "CreationTime": job.created,
            "LastModifiedTime": job.transitions[-1].began,
            "SecondaryStatusTransitions": [step.as_json() for step in job.transitions],
        }
        if "InstancePreferences" in job.request["ResourceConfig"] and job.boots:
            chosen = next(
                t for t in instance_types(job.request["ResourceConfig"]) if t in job.runs_on
            )
            answer["ResourceConfig"] = job.request["ResourceConfig"] | {
                "SelectedInstanceType": chosen,
                "SelectedInstanceCount": 1,
            }
        if job.reason is not None:
            answer["FailureReason"] = job.reason
        if job.started is not None:
            answer["TrainingStartTime"] = job.started
            end = job.ended or time.time()
            answer["BillableTimeInSeconds"] = max(1, int(end - job.started))
        if job.ended is not None:
            answer["TrainingEndTime"] = job.ended
        return answer

    def stop(self, request: dict[str, Any], caller: Any) -> None:
        job = self._find(request["TrainingJobName"])
        if job.status != "InProgress":
            raise ApiError(
                "ValidationException",
                f"The request was rejected because the training job is in status {job.status}.",
            )
        job.stop()

    def list(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        found = [job for job in self.jobs.values() if _matches(job, request)]
        newest_first = request.get("SortOrder", "Descending") == "Descending"
        found.sort(key=lambda job: (job.created, job.name), reverse=newest_first)
        page, token = paginate(found, request)
        return {
            "TrainingJobSummaries": [
                {
                    "TrainingJobName": job.name,
                    "TrainingJobArn": job.arn,
                    "CreationTime": job.created,
                    "LastModifiedTime": job.transitions[-1].began,
                    "TrainingJobStatus": job.status,
                    "SecondaryStatus": job.secondary,
                    **({"TrainingEndTime": job.ended} if job.ended else {}),
                }
                for job in page
            ],
            **token,
        }

    def _find(self, name: str) -> Job:
        if name not in self.jobs:
            raise not_found("resource")
        return self.jobs[name]


def instance_types(resources: dict[str, Any]) -> list[str]:
    """Return the types that a job may run on, in order."""
    if "InstanceType" in resources:
        return [resources["InstanceType"]]
    return [entry["InstanceType"] for entry in resources.get("InstancePreferences", [])]


def paginate(found: list[Any], request: dict[str, Any]) -> tuple[list[Any], dict[str, str]]:
    """Return one page and, if there are more, the token for the next."""
    begin = int(base64.b64decode(request["NextToken"])) if request.get("NextToken") else 0
    end = begin + request.get("MaxResults", _PAGE)
    token = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(found) else {}
    return found[begin:end], token


def _matches(job: Job, request: dict[str, Any]) -> bool:
    return (
        request.get("NameContains", "").lower() in job.name.lower()
        and request.get("StatusEquals", job.status) == job.status
        and job.created > request.get("CreationTimeAfter", 0)
        and job.created < request.get("CreationTimeBefore", float("inf"))
    )


def cross_problems(request: dict[str, Any]) -> Iterable[str]:
    """Yield what is wrong between members; the API reference says each in words."""
    resources = request.get("ResourceConfig")
    if resources is None:
        yield "ResourceConfig is required"
        return
    preferences = resources.get("InstancePreferences")
    if bool(preferences) == ("InstanceType" in resources):
        yield "Exactly one of InstanceType and InstancePreferences is expected in ResourceConfig"
    if not preferences and resources.get("InstanceCount", 0) < 1:
        yield "InstanceCount must be at least 1"
    spot = request.get("EnableManagedSpotTraining", False)
    if preferences and spot:
        yield "InstancePreferences cannot be used with managed spot training"
    stopping = request.get("StoppingCondition", {})
    longest = stopping.get("MaxRuntimeInSeconds", 24 * 3600)
    if longest > LONGEST_RUN:
        yield f"MaxRuntimeInSeconds must be at most {LONGEST_RUN}"
    if spot and stopping.get("MaxWaitTimeInSeconds", 0) < longest:
        yield "MaxWaitTimeInSeconds must be at least MaxRuntimeInSeconds with managed spot training"
    if not spot and "MaxWaitTimeInSeconds" in stopping:
        yield "MaxWaitTimeInSeconds is only for managed spot training"
    if spot and resources.get("KeepAlivePeriodInSeconds"):
        yield "KeepAlivePeriodInSeconds cannot be used with managed spot training"
    local = [kind for kind in instance_types(resources) if kind.split(".")[1] in LOCAL_STORAGE]
    if local and "VolumeKmsKeyId" in resources:
        yield f"VolumeKmsKeyId cannot be used with {local[0]}, which has local storage"
    specification = request.get("AlgorithmSpecification", {})
    if ("TrainingImage" in specification) == ("AlgorithmName" in specification):
        yield "Exactly one of TrainingImage and AlgorithmName is expected"
    for channel in request.get("InputDataConfig", []):
        if "FileSystemDataSource" in channel["DataSource"] and "VpcConfig" not in request:
            yield f"Channel {channel['ChannelName']} uses a file system, which needs VpcConfig"
