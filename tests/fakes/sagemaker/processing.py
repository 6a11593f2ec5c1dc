"""``CreateProcessingJob`` and its kin, on the same kind of job."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .errors import ApiError, not_found, over_quota
from .jobs import Job
from .training import _matches, paginate


class Processing:
    """The processing jobs of one account and region; see :class:`~.training.Training`."""

    def __init__(self, make: Callable[..., Job], account: Any) -> None:
        self._make = make
        self.account = account
        self.jobs: dict[str, Job] = {}

    def create(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        name = request["ProcessingJobName"]
        if name in self.jobs:
            raise ApiError(
                "ResourceInUse",
                f"Job name must be unique within an AWS account and region, and a processing job "
                f"with this name already exists ({self.jobs[name].arn})",
            )
        kind = request["ProcessingResources"]["ClusterConfig"]["InstanceType"]
        if kind in self.account.no_quota:
            raise over_quota(kind, "processing job usage")
        specification = request["AppSpecification"]
        command = specification.get("ContainerEntrypoint", []) + specification.get(
            "ContainerArguments", []
        )
        job = self._make(
            "processing-job",
            name,
            request,
            command or self.account.entrypoint_of(specification["ImageUri"]),
            request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 24 * 3600),
            caller,
        )
        if kind in self.account.no_capacity:
            job.fail_with = self.account.capacity_message
        self.jobs[name] = job
        job.begin()
        return {"ProcessingJobArn": job.arn}

    def describe(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        job = self._find(request["ProcessingJobName"])
        answer = {name: value for name, value in job.request.items() if name != "Tags"} | {
            "ProcessingJobArn": job.arn,
            "ProcessingJobStatus": job.status,
            "CreationTime": job.created,
            "LastModifiedTime": time.time(),
        }
        if job.reason is not None:
            answer["FailureReason"] = job.reason
            answer["ExitMessage"] = job.reason
        if job.started is not None:
            answer["ProcessingStartTime"] = job.started
        if job.ended is not None:
            answer["ProcessingEndTime"] = job.ended
        return answer

    def stop(self, request: dict[str, Any], caller: Any) -> None:
        job = self._find(request["ProcessingJobName"])
        if job.status != "InProgress":
            raise ApiError(
                "ValidationException",
                f"The request was rejected because the processing job is in status {job.status}.",
            )
        job.stop()

    def list(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        found = [job for job in self.jobs.values() if _matches(job, request)]
        found.sort(key=lambda job: (job.created, job.name), reverse=True)
        page, token = paginate(found, request)
        return {
            "ProcessingJobSummaries": [
                {
                    "ProcessingJobName": job.name,
                    "ProcessingJobArn": job.arn,
                    "CreationTime": job.created,
                    "ProcessingJobStatus": job.status,
                }
                for job in page
            ],
            **token,
        }

    def _find(self, name: str) -> Job:
        if name not in self.jobs:
            raise not_found("resource")
        return self.jobs[name]
