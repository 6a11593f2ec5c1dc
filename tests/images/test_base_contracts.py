"""The image ``base`` keeps what it promises to SageMaker: a job's ``/opt/ml``, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import boto3
import psutil
import pytest
from aiohttp import web
from datalab_workspace import wire
from fakes.claimant import Workspace
from fakes.hub import FakeHub
from fakes.ports import free_port
from fakes.sagemaker.moto_process import moto_server
from probes import execute

from .broker import answers, reply
from .room import USER, Room, end, first, room
from .serving import answering, make_home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

JOB = "dl-ann-0123abcd-4567ef89"
SECRET = f"datalab/ws/{JOB}"


@pytest.fixture(scope="module")
def base() -> Iterator[Room]:
    with room("base") as entered:
        yield entered


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    async with FakeHub() as hub:
        yield hub


@pytest.fixture
def ml(tmp_path: Path) -> Path:
    """What SageMaker mounts at ``/opt/ml``: the home among the input, a place for the reason."""
    tmp_path.chmod(0o755)
    root = tmp_path / "ml"
    for name in ("input/data/home", "output"):
        (root / name).mkdir(parents=True)
    for path in [root, *root.rglob("*")]:
        os.chown(path, USER, USER)
    return root


def account(moto: str, **more: str) -> dict[str, str]:
    """Return what a container on SageMaker has in its environment."""
    return {
        "AWS_ACCESS_KEY_ID": "of-a-test",
        "AWS_SECRET_ACCESS_KEY": "of-a-test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_SECRETSMANAGER": moto,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto,
        "TRAINING_JOB_NAME": JOB,
        **more,
    }


async def test_a_training_job_of_this_image_becomes_a_workspace(
    base: Room, hub: FakeHub, moto: str, ml: Path, tmp_path: Path
) -> None:
    ann, port = hub.add("ann"), free_port()
    registered: list[wire.Message] = []

    async def register(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"token {ann.api_token}"
        registered.append(wire.decode(await request.read()))
        return reply(wire.Registered())

    async with answers(web.post("/register", register)) as url:
        env = hub.environment(ann, port, Path("/opt/ml/input/data/home"))
        env["JUPYTERHUB_SERVICE_URL"] = f"http://0.0.0.0:{port}{ann.prefix}"
        assignment = wire.Assignment(
            job=JOB,
            secret="registration",
            register_url=f"{url}/register",
            env=env,
            argv=[],
            home="/opt/ml/input/data/home",
            port=port,
        )
        await asyncio.to_thread(_store, moto, wire.encode(assignment).decode())
        arguments = base.arguments(
            ["tini", "--", "datalab-workspace", "--assignment", SECRET],
            make_home(tmp_path),
            account(moto),
            {str(ml): "/opt/ml"},
        )
        log = tmp_path / "job.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(*arguments, stdout=output, stderr=output)
        try:
            workspace = Workspace(ann, 0, port, log, ml, 0, socket.socket())
            await answering(process, workspace)
            (message,) = registered
            assert isinstance(message, wire.Register)
            assert (message.job, message.secret, message.port) == (JOB, "registration", port)
            code = "import os; print(os.getcwd(), os.getuid()); open('kept.txt', 'w')"
            assert await execute(workspace, code) == f"/opt/ml/input/data/home {USER}\n"
            assert (ml / "input/data/home/kept.txt").exists()
            first(psutil.Process(process.pid)).send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
        finally:
            if process.returncode is None:
                end(process.pid)
                await process.wait()


def _store(moto: str, text: str) -> None:
    client = boto3.client(
        "secretsmanager",
        endpoint_url=moto,
        region_name="eu-central-1",
        aws_access_key_id="of-a-test",
        aws_secret_access_key="of-a-test",
    )
    client.create_secret(Name=SECRET, SecretString=text)


def test_a_job_without_an_assignment_ends_and_says_why(
    base: Room, moto: str, ml: Path, tmp_path: Path
) -> None:
    home = make_home(tmp_path)
    base.run(
        *("tini", "--", "datalab-workspace", "--assignment", "datalab/ws/none"),
        home=home,
        env=account(moto, DATALAB_PATIENCE="2"),
        mounts={str(ml): "/opt/ml"},
        status=1,
    )
    reason = (ml / "output/failure").read_text()
    assert "No assignment for this workspace appeared within 2 seconds" in reason
    assert "datalab/ws/none" in reason
