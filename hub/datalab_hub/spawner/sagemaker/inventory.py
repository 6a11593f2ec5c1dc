"""What an installation has on AWS: found by name, decided by tag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .aws import Aws, Refused, Unknown
from .names import (
    HUB_TAG,
    KEY_TAG,
    SECRET_PREFIX,
    as_dict,
    as_list,
    hub_mark,
    job_of_secret,
    secret_name,
    tag_value,
)

_PAGE = 100  # jobs in one listing


@dataclass(frozen=True)
class FoundJob:
    """A job in progress that carries this installation's tag."""

    name: str
    key: str
    since: datetime | None


class Inventory:
    """Lists, writes and removes jobs and secrets. Every method raises what ``Aws.call`` raises.

    Args:
        instance: the installation.
        kms_key: encrypts the secrets; AWS's own key when it returns ``None``.
    """

    def __init__(self, aws: Aws, instance: str, kms_key: Callable[[], str | None]) -> None:
        self._aws = aws
        self._instance = instance
        self._kms_key = kms_key
        self._tags: dict[str, dict[str, str]] = {}  # by ARN; nobody changes them

    async def jobs(self, region: str | None) -> list[FoundJob]:
        """Return this installation's jobs in progress."""
        found, hub = [], tag_value(self._instance)
        for job in await self._list_jobs(hub_mark(self._instance), region):
            tags = await self._tags_of(job["TrainingJobArn"], region)
            if tags.get(HUB_TAG) == hub and KEY_TAG in tags:
                since = job.get("CreationTime")
                found.append(FoundJob(job["TrainingJobName"], tags[KEY_TAG], since))
        return found

    async def fingerprints(self, region: str | None) -> dict[str, str]:
        """Return name → a text that changes when the job's status does, of jobs in progress."""
        return {
            job["TrainingJobName"]: f"{job.get('SecondaryStatus')} {job.get('LastModifiedTime')}"
            for job in await self._list_jobs(hub_mark(self._instance), region)
        }

    async def jobs_like(self, mark: str, key: str, region: str | None) -> list[str]:
        """Return the names of the jobs in progress that belong to one workspace, by their tags."""
        return [
            job["TrainingJobName"]
            for job in await self._list_jobs(mark, region)
            if (await self._tags_of(job["TrainingJobArn"], region)).get(KEY_TAG) == key
        ]

    async def secrets_like(self, mark: str, region: str | None) -> list[tuple[str, str]]:
        """Return (job, workspace key) of this installation's secrets for jobs named like this."""
        found: list[tuple[str, str]] = []
        token: dict[str, Any] = {}
        hub = tag_value(self._instance)
        while True:
            answer = await self._aws.call(
                "secretsmanager",
                "list_secrets",
                region=region,
                Filters=[{"Key": "name", "Values": [SECRET_PREFIX + mark]}],
                **token,
            )
            for secret in answer["SecretList"]:
                tags = as_dict(secret.get("Tags", []))
                if tags.get(HUB_TAG) == hub and secret["Name"].startswith(SECRET_PREFIX + mark):
                    found.append((job_of_secret(secret["Name"]), tags.get(KEY_TAG, "")))
            if "NextToken" not in answer:
                return found
            token = {"NextToken": answer["NextToken"]}

    async def delete_secret(self, job: str, region: str | None) -> None:
        """Delete a job's secret for good; none is no error.

        Raises:
            Unknown, Refused: see :meth:`~.aws.Aws.call`.
        """
        try:
            await self._aws.call(
                "secretsmanager",
                "delete_secret",
                region=region,
                SecretId=secret_name(job),
                ForceDeleteWithoutRecovery=True,
            )
        except Refused as refusal:
            if not refusal.is_absence:
                raise

    async def stop_job(self, job: str, region: str | None) -> bool:
        """Ask a job to stop; return whether there was one to ask.

        Raises:
            Unknown, Refused: see :meth:`~.aws.Aws.call`.
        """
        try:
            await self._aws.call(
                "sagemaker", "stop_training_job", region=region, TrainingJobName=job
            )
        except Refused as refusal:
            # It ended by itself, somebody else stopped it, or it never came to be.
            if refusal.is_absence or refusal.code == "ValidationException":
                return False
            raise
        return True

    async def take_away(self, job: str, region: str | None) -> None:
        """Delete a job's secret, so that it cannot become a workspace any more, and stop it."""
        await self.delete_secret(job, region)
        await self.stop_job(job, region)

    async def write_secret(
        self, job: str, region: str | None, text: str, tags: dict[str, str]
    ) -> None:
        """Write a job's secret, in place of one that is there."""
        name, key = secret_name(job), self._kms_key()
        encryption: dict[str, Any] = {"KmsKeyId": key} if key else {}
        try:
            await self._aws.call(
                "secretsmanager",
                "create_secret",
                region=region,
                Name=name,
                SecretString=text,
                Tags=as_list(tags),
                **encryption,
            )
        except Refused as refusal:
            if refusal.code == "InvalidRequestException":  # the last one is still being deleted
                raise Unknown(f"create_secret: {refusal.said}") from refusal
            if refusal.code != "ResourceExistsException":
                raise
            await self._aws.call(
                "secretsmanager",
                "put_secret_value",
                region=region,
                SecretId=name,
                SecretString=text,
            )

    async def _list_jobs(self, mark: str, region: str | None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: dict[str, Any] = {}
        while True:
            answer = await self._aws.call(
                "sagemaker",
                "list_training_jobs",
                region=region,
                NameContains=mark,
                StatusEquals="InProgress",
                MaxResults=_PAGE,
                **token,
            )
            # "Contains" is not "begins with".
            found += [
                job
                for job in answer["TrainingJobSummaries"]
                if job["TrainingJobName"].startswith(mark)
            ]
            if "NextToken" not in answer:
                return found
            token = {"NextToken": answer["NextToken"]}

    async def _tags_of(self, arn: str, region: str | None) -> dict[str, str]:
        if arn not in self._tags:
            try:
                answer = await self._aws.call(
                    "sagemaker", "list_tags", region=region, ResourceArn=arn
                )
            except Refused as refusal:
                if refusal.is_absence:
                    return {}
                raise
            self._tags[arn] = as_dict(answer["Tags"])
        return self._tags[arn]
