"""What Task states do: SageMaker, S3, Lambda and HTTP, over the wire."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from .interpreter import StatesError, Stopped

RESOURCE = re.compile(r"arn:aws:states:::(?P<call>[\w:-]+?)(?P<sync>\.sync)?")
NAMES = {
    "createProcessingJob": ("ProcessingJobName", "ProcessingJobStatus"),
    "createTrainingJob": ("TrainingJobName", "TrainingJobStatus"),
    "createHyperParameterTuningJob": (
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobStatus",
    ),
    "createTransformJob": ("TransformJobName", "TransformJobStatus"),
}
LAMBDA = """
import json, sys, traceback
from datalab_pipelines.entry import handler
try:
    print("\\n" + json.dumps({"ok": handler(json.load(sys.stdin), None)}))
except BaseException as error:
    print("\\n" + json.dumps({"errorType": type(error).__name__, "errorMessage": str(error),
                            "stackTrace": traceback.format_exc().splitlines()}))
"""


@dataclass
class Services:
    """``environment`` points boto3, here and in Lambda's processes, at the stand-ins.

    ``hosts`` maps the host of an HTTP task to the address that plays it.
    """

    project: Path
    environment: Mapping[str, str]
    hosts: Mapping[str, str]

    def __post_init__(self) -> None:
        keys = self.environment
        session = boto3.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=keys["AWS_REGION"],
        )
        self.clients = {
            "s3": session.client("s3", endpoint_url=keys["AWS_ENDPOINT_URL_S3"]),
            "sagemaker": session.client("sagemaker", endpoint_url=keys["AWS_ENDPOINT_URL"]),
        }
        self.logs: list[str] = []

    def __call__(
        self,
        resource: str,
        parameters: dict[str, Any],
        timeout: float | None,
        stop: threading.Event,
    ) -> Any:
        found = RESOURCE.fullmatch(resource)
        assert found, f"{resource} is not known here"
        call = found["call"]
        if call == "lambda:invoke":
            return self._lambda(parameters, timeout, stop)
        if call == "http:invoke":
            return self._http(parameters)
        if call.startswith("aws-sdk:"):
            _, service, operation = call.split(":")
            return self._sdk(service, operation, parameters, service_error=True)
        service, operation = call.split(":")
        answer = self._sdk(service, operation, parameters, service_error=False)
        if found["sync"]:
            return self._wait(operation, parameters, stop)
        return answer

    def _sdk(
        self, service: str, operation: str, parameters: dict[str, Any], *, service_error: bool
    ) -> Any:
        method = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()
        if operation == "putObject" and not isinstance(parameters["Body"], str):
            parameters = {**parameters, "Body": json.dumps(parameters["Body"])}
        try:
            answer = getattr(self.clients[service], method)(**parameters)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            name = {"s3": "S3", "sagemaker": "SageMaker"}[service]
            if code == "ThrottlingException":
                raise StatesError(code, str(error)) from None
            if not service_error:
                raise StatesError(f"{name}.Amazon{name}Exception", str(error)) from None
            if code == "ValidationException" and service == "sagemaker":
                raise StatesError("SageMaker.SageMakerException", str(error)) from None
            raise StatesError(
                f"{name}.{code.removesuffix('Exception')}Exception", str(error)
            ) from None
        answer.pop("ResponseMetadata", None)
        if "Body" in answer:
            answer["Body"] = answer["Body"].read().decode()
        return json.loads(json.dumps(answer, default=str))

    def _wait(self, operation: str, parameters: dict[str, Any], stop: threading.Event) -> Any:
        name, status = NAMES[operation]
        describe = operation.replace("create", "describe", 1)
        while True:
            answer = self._sdk("sagemaker", describe, {name: parameters[name]}, service_error=False)
            if answer[status] in ("Completed", "Failed", "Stopped"):
                break
            if stop.is_set():
                halt = operation.replace("create", "stop", 1)
                self._sdk("sagemaker", halt, {name: parameters[name]}, service_error=False)
                raise Stopped
            time.sleep(0.05)
        if answer[status] != "Completed":
            raise StatesError("States.TaskFailed", json.dumps(answer))
        return answer

    def _lambda(
        self, parameters: dict[str, Any], timeout: float | None, stop: threading.Event
    ) -> Any:
        with tempfile.TemporaryDirectory() as disk:
            out = self._call(json.dumps(parameters["Payload"]), disk, timeout)
            # A function that is kept warm keeps its disk, from one call to the next.
            assert not any(Path(disk).iterdir())
        self.logs.append(out)
        answer = json.loads(out.strip().splitlines()[-1])
        if "errorType" in answer:
            raise StatesError(answer["errorType"], json.dumps(answer))
        return {"Payload": answer["ok"], "StatusCode": 200}

    def _call(self, event: str, disk: str, timeout: float | None) -> str:
        names = {"AWS_LAMBDA_LOG_GROUP_NAME": "/datalab/test", "TMPDIR": disk}
        process = subprocess.Popen(
            [sys.executable, "-c", LAMBDA],
            cwd=self.project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.environment, **names},
            start_new_session=True,
        )
        try:
            return process.communicate(event, timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise StatesError("States.Timeout", "the function ran too long") from None

    def _http(self, parameters: dict[str, Any]) -> Any:
        assert parameters["Authentication"]["ConnectionArn"].startswith("arn:aws:events:")
        url = urllib.parse.urlsplit(parameters["ApiEndpoint"])
        assert url.scheme == "https"
        query = urllib.parse.urlencode(parameters.get("QueryParameters", {}))
        body = parameters.get("RequestBody")
        request = urllib.request.Request(
            f"{self.hosts[url.netloc]}{url.path}?{query}",
            method=parameters["Method"],
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json", "Authorization": "Bearer connection"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return {"ResponseBody": json.load(answer), "StatusCode": answer.status}
        except urllib.error.HTTPError as error:
            raise StatesError(
                f"States.Http.StatusCode.{error.code}", error.read().decode()
            ) from None
