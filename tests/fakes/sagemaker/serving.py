"""Containers that serve: a transform job's for its requests, an endpoint's until the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import boto3
from botocore.exceptions import ClientError

from ..ports import free_port
from .errors import ApiError, not_found

READY_SECONDS = 60


class Container:
    """``docker run IMAGE serve``, as a process on a free port of loopback."""

    def __init__(self, account: Any, model_name: str) -> None:
        self.account = account
        model = account.models.entries["Model"][model_name]
        self.container = model["PrimaryContainer"]
        self.directory = account.directory / "serving" / model_name
        self.port: int = free_port()
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> bool:
        """Start it; say whether it answered its health check."""
        self.directory.mkdir(parents=True, exist_ok=True)
        entry = self.account.entrypoint_of(self.container.get("Image", ""))
        command = [*(entry or ["image-without-an-entry-point"]), "serve"]
        environment = {
            **os.environ,
            **self.account.environment(),
            **self.account.instance_environment,
            **self.container.get("Environment", {}),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "DATALAB_BIND": "127.0.0.1",
        }
        with (self.directory / "log").open("ab") as log:
            try:
                self.process = await asyncio.create_subprocess_exec(
                    *command,
                    cwd=self.directory,
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError:
                return False
        until = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession() as client:
            while time.monotonic() < until and self.process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.get(f"{self.url}/ping") as answer:
                        if answer.status == 200:
                            return True
                await asyncio.sleep(0.05)
        return False

    async def ask(self, body: bytes, content_type: str) -> tuple[int, bytes]:
        """Send one request to ``/invocations``."""
        headers = {"Content-Type": content_type}
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{self.url}/invocations", data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.read()

    async def stop(self) -> None:
        """End it."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()


class Transform:
    """The transform jobs of one account and region."""

    def __init__(self, account: Any) -> None:
        self.account = account
        self.jobs: dict[str, dict[str, Any]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def create(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        name = request["TransformJobName"]
        if name in self.jobs:
            raise ApiError("ResourceInUse", f"There is a transform job {name} already")
        if request["ModelName"] not in self.account.models.entries["Model"]:
            raise ApiError("ValidationException", f"Could not find model {request['ModelName']}")
        arn = self.account.arn("transform-job", name)
        self.jobs[name] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "TransformJobArn": arn,
            "TransformJobStatus": "InProgress",
            "CreationTime": time.time(),
        }
        task = asyncio.create_task(self._live(self.jobs[name]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return {"TransformJobArn": arn}

    def describe(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        return self._find(request)

    def stop(self, request: dict[str, Any], caller: Any) -> None:
        self._find(request)["TransformJobStatus"] = "Stopped"

    def _find(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs.get(request["TransformJobName"])
        if job is None:
            raise not_found("transform job")
        return job

    async def _live(self, job: dict[str, Any]) -> None:
        container = Container(self.account, job["ModelName"])
        try:
            if not await container.start():
                job["FailureReason"] = "ClientError: the container did not answer /ping"
                job["TransformJobStatus"] = "Failed"
                return
            where = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
            parts = urlsplit(where)
            kind = job["TransformInput"].get("ContentType", "")
            try:
                body = await asyncio.to_thread(self._get, parts.netloc, parts.path)
            except ClientError as error:
                job["FailureReason"] = f"ClientError: {where}: {error}"
                job["TransformJobStatus"] = "Failed"
                return
            status, answer = await container.ask(body, kind)
            if status != 200:
                job["FailureReason"] = f"AlgorithmError: {status}: {answer[:500]!r}"
                job["TransformJobStatus"] = "Failed"
                return
            target = urlsplit(job["TransformOutput"]["S3OutputPath"])
            file = parts.path.rpartition("/")[2]
            await asyncio.to_thread(
                self._put, target.netloc, f"{target.path.rstrip('/')}/{file}.out", answer
            )
            job["TransformJobStatus"] = "Completed"
        finally:
            await container.stop()

    def _s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.account.moto,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def _get(self, bucket: str, path: str) -> bytes:
        body: bytes = self._s3().get_object(Bucket=bucket, Key=path.strip("/"))["Body"].read()
        return body

    def _put(self, bucket: str, path: str, body: bytes) -> None:
        self._s3().put_object(Bucket=bucket, Key=path.strip("/"), Body=body)
