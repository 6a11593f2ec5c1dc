"""The HTTP front: one address for all of AWS, that records everything it is asked.

SageMaker is answered here; what is signed for another service goes on to a moto server. Every
request to SageMaker is held against botocore's model, and so is every answer of ours: one that
does not fit is a fault of this fake, is kept in ``broken``, and fails the test that looks there.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from . import model
from .errors import CAPACITY, ApiError, Fault, not_found, server_error, validation
from .jobs import Job, Timing
from .models import Models
from .processing import Processing
from .serving import Transform
from .training import Training
from .tuning import Tuning

LOOPBACK = "127.0.0.1"
ACCOUNT, REGION = "123456789012", "eu-central-1"
HUB_KEY = "AKIAHUBHUBHUBHUBHUB1"
_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True)
class Principal:
    """Who signed a request.

    Attributes:
        role: ``hub``, or the ARN of the role that was assumed.
        tags: its session tags.
    """

    role: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """One request as it came, and what became of it."""

    service: str
    operation: str
    body: Any
    principal: Principal
    resource_tags: dict[str, str] = field(default_factory=dict)
    status: int = 0
    answer: Any = None
    at: float = field(default_factory=time.time)


class FakeAws:
    """``async with FakeAws(directory) as aws``: a region of AWS on a free port of loopback.

    Args:
        directory: file systems (``fs-…/``), jobs' containers (``jobs/…/``).
        moto: address of a moto server for everything but SageMaker.
        timing: how long each stretch of a job takes.

    Attributes:
        calls: every request, in order.
        faults: what to answer instead; see :class:`~.errors.Fault`.
        reachable: without it connections break, as without a network.
        no_quota, no_capacity: instance types.
        images: entry points of images whose request names none.
        missing_images: image references that the registry does not have.
        instance_environment: for every container, beside what the request says.
        broken: answers of this fake that do not fit the model. Must stay empty.
    """

    def __init__(
        self, directory: Path, *, moto: str | None = None, timing: Timing | None = None
    ) -> None:
        self.directory = directory
        self.moto = moto
        self.timing = timing or Timing()
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.reachable = True
        self.no_quota: set[str] = set()
        self.no_capacity: set[str] = set()
        self.capacity_message = CAPACITY
        self.images: dict[str, list[str]] = {}
        self.missing_images: set[str] = set()
        self.instance_environment: dict[str, str] = {}
        self.broken: list[str] = []
        self.principals: dict[str, Principal] = {}
        self.secret_tags: dict[str, dict[str, str]] = {}
        self.training = Training(self._make_job, self)
        self.processing = Processing(self._make_job, self)
        self.models = Models(self)
        self.tuning = Tuning(self)
        self.transform = Transform(self)
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._operations = self._table()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return what points any AWS SDK here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": HUB_KEY,
            "AWS_SECRET_ACCESS_KEY": "not-checked-here",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    async def __aenter__(self) -> FakeAws:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, port: int = 0) -> None:
        application = web.Application(client_max_size=1 << 22)
        application.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, port).start()
        self.port = self._runner.addresses[0][1]
        self._client = aiohttp.ClientSession()

    async def close(self) -> None:
        tasks = [*self.tuning.tasks, *self.transform.tasks, *self.models.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for container in self.models.containers.values():
            await container.stop()
        for job in self.all_jobs():
            await job.close()
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def all_jobs(self) -> list[Job]:
        """Return every job there ever was."""
        return [*self.training.jobs.values(), *self.processing.jobs.values()]

    def arn(self, kind: str, name: str) -> str:
        """Return a resource's ARN."""
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"

    def entrypoint_of(self, image: str) -> list[str]:
        """Return what an image runs by itself."""
        return self.images.get(image, [])

    # -- requests ---------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if not self.reachable:
            return self._hang_up(request)
        raw = await request.read()
        scope = _SCOPE.search(request.headers.get("Authorization", ""))
        if scope is None:
            return _failure(ApiError("MissingAuthenticationToken", "Missing token", 403))
        key, region, service = scope.groups()
        principal = self.principals.get(key, Principal("hub"))
        operation, body = _parse(request, raw)
        call = Call(service, operation, body, principal)
        self.calls.append(call)
        for fault in self.faults:
            if await fault.strikes(service, operation, body):
                if fault.error is not None:
                    fault.action()
                    return self._answer_error(call, fault.error())
                await self._carry_out(request, raw, call)
                fault.action()
                return self._hang_up(request)
        if region != REGION:
            error = ApiError("SignatureDoesNotMatch", f"Scoped to {region}, not {REGION}", 403)
            return self._answer_error(call, error)
        return await self._carry_out(request, raw, call)

    async def _carry_out(self, request: web.Request, raw: bytes, call: Call) -> web.StreamResponse:
        if call.service == "secretsmanager":
            name = call.body.get("SecretId") or call.body.get("Name") or ""
            call.resource_tags = self.secret_tags.get(name, {})
            if call.operation == "CreateSecret":
                self.secret_tags[name] = _tags(call.body)
        if call.service != "sagemaker":
            return await self._forward(request, raw, call)
        try:
            answer = self._sagemaker(call)
        except ApiError as error:
            return self._answer_error(call, error)
        shape = model.operation("sagemaker", call.operation).output_shape  # type: ignore[union-attr]
        if found := model.problems(shape, answer):
            self.broken.append(f"{call.operation}: {'; '.join(found)}")
            return self._answer_error(call, server_error())
        call.status, call.answer = 200, answer
        return web.json_response(answer or {}, content_type=_JSON)

    def _sagemaker(self, call: Call) -> Any:
        known = model.operation("sagemaker", call.operation)
        if known is None:
            raise ApiError("UnknownOperationException", f"No operation {call.operation}", 404)
        if found := model.problems(known.input_shape, call.body):
            raise validation(found)
        handler = self._operations.get(call.operation)
        if handler is None:
            raise ApiError("InternalFailure", f"This stand-in cannot do {call.operation} yet.", 501)
        return handler(call.body, call)

    def _table(self) -> dict[str, Callable[[dict[str, Any], Call], Any]]:
        table: dict[str, Callable[[dict[str, Any], Call], Any]] = {
            "CreateTrainingJob": self.training.create,
            "DescribeTrainingJob": self._tagged(self.training, "TrainingJobName", "describe"),
            "StopTrainingJob": self._tagged(self.training, "TrainingJobName", "stop"),
            "ListTrainingJobs": self.training.list,
            "CreateProcessingJob": self.processing.create,
            "DescribeProcessingJob": self._tagged(self.processing, "ProcessingJobName", "describe"),
            "StopProcessingJob": self._tagged(self.processing, "ProcessingJobName", "stop"),
            "ListProcessingJobs": self.processing.list,
            "ListTags": self._list_tags,
            "UpdateEndpoint": self.models.update_endpoint,
        }
        for family, kind in (
            (self.tuning, "HyperParameterTuningJob"),
            (self.transform, "TransformJob"),
        ):
            table[f"Create{kind}"] = family.create
            table[f"Describe{kind}"] = family.describe
            table[f"Stop{kind}"] = family.stop
        for kind in self.models.entries:
            for verb in ("create", "describe", "delete"):
                method = getattr(self.models, verb)
                table[f"{verb.title()}{kind}"] = lambda body, call, method=method, kind=kind: (
                    method(kind, body)
                )
        return table

    def _tagged(self, family: Any, member: str, verb: str) -> Callable[[dict[str, Any], Call], Any]:
        """Return the handler, noting the tags of the job that it is about."""

        def handle(body: dict[str, Any], call: Call) -> Any:
            if (job := family.jobs.get(body[member])) is not None:
                call.resource_tags = dict(job.tags)
            return getattr(family, verb)(body, call)

        return handle

    def _list_tags(self, body: dict[str, Any], call: Call) -> dict[str, Any]:
        for job in self.all_jobs():
            if job.arn == body["ResourceArn"]:
                call.resource_tags = dict(job.tags)
                return {"Tags": [{"Key": k, "Value": v} for k, v in job.tags.items()]}
        raise not_found()

    async def _forward(self, request: web.Request, raw: bytes, call: Call) -> web.StreamResponse:
        assert self._client is not None
        if self.moto is None:
            raise web.HTTPNotImplemented(text=f"no moto server for {call.service}")
        async with self._client.request(
            request.method,
            f"{self.moto}{request.rel_url}",
            data=raw,
            headers={k: v for k, v in request.headers.items() if k.lower() != "host"}
            | {"Host": f"{call.service}.{REGION}.amazonaws.com"},
        ) as reply:
            text = await reply.text()
            call.status, call.answer = reply.status, text
            if call.operation == "AssumeRole" and reply.status == 200:
                self._remember_session(call)
            kept = {"Content-Type", "x-amzn-RequestId", "x-amzn-ErrorType"}
            headers = {name: value for name, value in reply.headers.items() if name in kept}
            return web.Response(status=reply.status, text=None, body=text, headers=headers)

    def _remember_session(self, call: Call) -> None:
        found = re.search(r"<AccessKeyId>([^<]+)", call.answer)
        assert found is not None, call.answer
        tags = {}
        for name, value in call.body.items():
            if match := re.fullmatch(r"Tags\.member\.(\d+)\.Key", name):
                tags[value] = call.body[f"Tags.member.{match[1]}.Value"]
        self.principals[found[1]] = Principal(call.body["RoleArn"], tags)

    def _answer_error(self, call: Call, error: ApiError) -> web.Response:
        call.status, call.answer = error.status, {"__type": error.code, "message": error.message}
        return _failure(error)

    @staticmethod
    def _hang_up(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    # -- jobs -------------------------------------------------------------------------------

    def _make_job(
        self,
        kind: str,
        name: str,
        request: dict[str, Any],
        command: list[str],
        max_runtime: float,
        call: Call,
    ) -> Job:
        chained = request.get("SessionChainingConfig", {}).get("EnableSessionTagChaining", False)
        key = f"ASIAJOB{len(self.principals):012d}X"
        self.principals[key] = Principal(
            request["RoleArn"], dict(call.principal.tags) if chained else {}
        )
        job = Job(
            name=name,
            arn=self.arn(kind, name),
            request=request,
            directory=self.directory / "jobs" / name,
            timing=self.timing,
            prepare=lambda job: self._prepare(job, kind, command, key),
            max_runtime=max_runtime,
            tags=_tags(request),
        )
        image = request.get("AlgorithmSpecification", request.get("AppSpecification", {}))
        reference = image.get("TrainingImage", image.get("ImageUri"))
        if reference in self.missing_images:
            job.fail_with = (
                f"ClientError: Cannot find the requested image {reference}. Please ensure the "
                "ECR repository exists and role has proper pull permissions"
            )
        for channel in request.get("InputDataConfig", []):
            source = channel["DataSource"].get("FileSystemDataSource")
            if source and not self.file_system(source).is_dir():
                job.fail_with = (
                    "ClientError: Unable to mount file system: "
                    f"{source['FileSystemId']} directory path: {source['DirectoryPath']}. "
                    "Directory doesn't exist"
                )
        return job

    def file_system(self, source: dict[str, Any]) -> Path:
        """Return the local stand-in for a directory on a file system."""
        return self.directory / source["FileSystemId"] / source["DirectoryPath"].strip("/")

    async def _prepare(
        self, job: Job, kind: str, command: list[str], key: str
    ) -> tuple[list[str], dict[str, str]]:
        """Lay out a container's ``/opt/ml`` as SageMaker does; return command and environment."""
        data, config = job.directory / "input" / "data", job.directory / "input" / "config"
        for directory in (data, config):
            directory.mkdir(parents=True, exist_ok=True)
        for channel in job.request.get("InputDataConfig", []):
            source = channel["DataSource"].get("FileSystemDataSource")
            link = data / channel["ChannelName"]
            if source and not link.exists():
                link.symlink_to(self.file_system(source), target_is_directory=True)
        hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
        (config / "resourceconfig.json").write_text(json.dumps(hosts))
        (config / "hyperparameters.json").write_text(
            json.dumps(job.request.get("HyperParameters", {}))
        )
        training = kind == "training-job"
        if kind == "processing-job":
            described = {"ProcessingJobArn": job.arn, "ProcessingJobName": job.name}
            (job.directory / "config").mkdir(exist_ok=True)
            (job.directory / "config" / "processingjobconfig.json").write_text(
                json.dumps(job.request | described)
            )
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(job.directory),
            **self.environment(),
            "AWS_ACCESS_KEY_ID": key,  # the execution role's
            "DATALAB_ML_PREFIX": str(job.directory),
            **({"TRAINING_JOB_NAME": job.name, "TRAINING_JOB_ARN": job.arn} if training else {}),
            **self.instance_environment,
            **job.request.get("Environment", {}),
        }
        return command or ["image-without-an-entry-point"], environment


def _parse(request: web.Request, raw: bytes) -> tuple[str, Any]:
    """Return the operation's name and its parameters: JSON target, query protocol, or REST."""
    target = request.headers.get("X-Amz-Target")
    if target is not None:
        try:
            return target.split(".")[-1], json.loads(raw or b"{}")
        except ValueError:
            return target.split(".")[-1], {}
    form = {name: values[0] for name, values in parse_qs(raw.decode(errors="replace")).items()}
    if "Action" in form:
        return form["Action"], form
    return f"{request.method} {request.path}", raw.decode(errors="replace")


def _tags(body: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in body.get("Tags", [])}


def _failure(error: ApiError) -> web.Response:
    return web.json_response(
        {"__type": error.code, "message": error.message},
        status=error.status,
        content_type=_JSON,
        headers={"x-amzn-ErrorType": error.code},
    )
