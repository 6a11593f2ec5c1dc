"""A region of AWS for state machines: moto, the fake SageMaker, a fake Databricks."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from fakes.sagemaker import FakeAws
from fakes.sagemaker.moto_process import moto_server

PROJECT = Path(__file__).parent / "project"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/proofs@sha256:" + "0" * 64
ENTRY = [sys.executable, "-m", "datalab_pipelines.stage"]


@dataclass
class Databricks:
    """Databricks' jobs API, as far as one-time runs go; the task is a real process."""

    environment: dict[str, str]
    runs: dict[int, Popen[bytes]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        databricks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert urlsplit(self.path).path == "/api/2.1/jobs/runs/submit"
                assert self.headers["Authorization"].startswith("Bearer ")
                size = int(self.headers["Content-Length"])
                self.answer(databricks.submit(json.loads(self.rfile.read(size))))

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                assert url.path == "/api/2.1/jobs/runs/get"
                self.answer(databricks.get(int(parse_qs(url.query)["run_id"][0])))

            def answer(self, document: dict[str, Any]) -> None:
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def submit(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        assert len(request["idempotency_token"]) <= 64
        [task] = request["tasks"]
        assert task["existing_cluster_id"]
        words = task["spark_python_task"]["parameters"]
        number = len(self.runs) + 1
        self.runs[number] = Popen(
            [*ENTRY, *words],
            cwd=PROJECT,
            env={**os.environ, **self.environment},
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        return {"run_id": number}

    def get(self, number: int) -> dict[str, Any]:
        status = self.runs[number].poll()
        state: dict[str, Any] = {"life_cycle_state": "RUNNING", "state_message": ""}
        if status is not None:
            state = {
                "life_cycle_state": "TERMINATED",
                "result_state": "FAILED" if status else "SUCCESS",
                "state_message": f"exit {status}",
            }
        return {"run_id": number, "state": state, "run_page_url": f"{self.url}/#job/{number}"}


@dataclass
class Region:
    """Where state machines run in tests."""

    moto: str
    aws: FakeAws
    environment: dict[str, str]
    databricks: Databricks
    bucket: str

    def objects(self, prefix: str) -> dict[str, Any]:
        """Return the JSON documents below ``prefix`` by key."""
        client = boto3.client(
            "s3",
            endpoint_url=self.moto,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        found = {}
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        ):
            for one in page.get("Contents", []):
                if one["Key"].endswith(".json"):
                    body = client.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()
                    found[one["Key"].removeprefix(prefix)] = json.loads(body)
        return found


@pytest.fixture(scope="session")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """Start everything once."""
    folder = tmp_path_factory.mktemp("aws")
    with moto_server() as moto:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        aws = FakeAws(folder, moto=moto)
        asyncio.run_coroutine_threadsafe(aws.open(), loop).result(30)
        environment = {
            **aws.environment(),
            "AWS_ENDPOINT_URL_S3": moto,
            "PYTHONPATH": str(PROJECT),
            "DATALAB_CHECKPOINTS": str(folder / "checkpoints"),
        }
        aws.instance_environment = {
            key: environment[key]
            for key in ("AWS_ENDPOINT_URL_S3", "PYTHONPATH", "DATALAB_CHECKPOINTS")
        }
        aws.images[IMAGE] = ENTRY
        bucket = "datalab-artifacts"
        boto3.client(
            "s3",
            endpoint_url=moto,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        ).create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        databricks = Databricks(environment)
        yield Region(moto, aws, environment, databricks, bucket)
        databricks.server.shutdown()
        asyncio.run_coroutine_threadsafe(aws.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        assert aws.broken == []
