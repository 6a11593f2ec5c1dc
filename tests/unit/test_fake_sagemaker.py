"""The stand-in for AWS itself: what the other tests rely on."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError
from fakes.sagemaker import (
    REGION,
    FakeAws,
    Fault,
    Timing,
    model,
    server_error,
    throttled,
)
from fakes.sagemaker.server import HUB_KEY

ROLE = "arn:aws:iam::123456789012:role/workspaces"


def training(name: str = "job", *command: str, **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": "registry/image:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(command) or [sys.executable, "-c", "pass"],
        },
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    } | changes  # fmt: skip


@pytest.fixture
async def aws(tmp_path):
    async with FakeAws(tmp_path, timing=Timing(steps=0.01, grace=2, ending=0.01)) as fake:
        yield fake
        assert fake.broken == []


class Client:
    """boto3 off the event loop."""

    def __init__(self, aws: FakeAws, region: str = REGION) -> None:
        self.boto = boto3.client(
            "sagemaker",
            region_name=region,
            endpoint_url=aws.url,
            aws_access_key_id=HUB_KEY,
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    async def __call__(self, operation: str, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(getattr(self.boto, operation), **body)

    async def refused(self, operation: str, **body: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as refusal:
            await self(operation, **body)
        error = refusal.value.response["Error"]
        return error["Code"], error["Message"]


@pytest.fixture
def client(aws):
    return Client(aws)


async def ended(aws: FakeAws, name: str) -> Any:
    async with asyncio.timeout(20):
        while not aws.training.jobs[name].over:
            await aws.training.jobs[name].changed.wait()
    return aws.training.jobs[name]


async def status(aws: FakeAws, name: str, wanted: str) -> None:
    async with asyncio.timeout(20):
        while aws.training.jobs[name].secondary != wanted:
            await aws.training.jobs[name].changed.wait()


async def test_a_job_goes_through_its_states_and_runs_its_entry_point(aws, client):
    code = "import os; print('hello from', os.environ['TRAINING_JOB_NAME'], os.environ['A'])"
    await client("create_training_job", **training("j", sys.executable, "-c", code),
                 Environment={"A": "b"})  # fmt: skip
    job = await ended(aws, "j")
    assert job.log() == "hello from j b\n"
    answer = await client("describe_training_job", TrainingJobName="j")
    assert answer["TrainingJobStatus"] == "Completed"
    steps = [step["Status"] for step in answer["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Pending", "Starting", "Downloading", "Training", "Completed"]


async def test_what_the_container_wrote_as_failure_becomes_the_reason(aws, client):
    code = (
        "import os, pathlib\n"
        "pathlib.Path(os.environ['DATALAB_ML_PREFIX'], 'output/failure').write_text('no home')\n"
        "exit(3)"
    )
    await client("create_training_job", **training("j", sys.executable, "-c", code))
    assert (await ended(aws, "j")).reason == "AlgorithmError: no home, exit code: 3"


async def test_a_stop_sends_sigterm_then_sigkill(aws, client):
    deaf = (
        "import signal, time\n"
        "signal.signal(15, lambda *_: print('heard', flush=True))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(1)"
    )
    aws.timing.grace = 0.5
    await client("create_training_job", **training("j", sys.executable, "-c", deaf))
    job = aws.training.jobs["j"]
    async with asyncio.timeout(20):
        while "up" not in job.log():  # noqa: ASYNC110  # a file
            await asyncio.sleep(0.01)
    await client("stop_training_job", TrainingJobName="j")
    assert (await client("describe_training_job", TrainingJobName="j"))[
        "TrainingJobStatus"
    ] == "Stopping"
    assert (await ended(aws, "j")).status == "Stopped"
    assert "heard" in job.log()
    code, message = await client.refused("stop_training_job", TrainingJobName="j")
    assert (code, "status Stopped" in message) == ("ValidationException", True)


async def test_a_job_ends_at_its_longest_run(aws, client):
    await client(
        "create_training_job",
        **training("j", "sleep", "60", StoppingCondition={"MaxRuntimeInSeconds": 1}),
    )
    assert (await ended(aws, "j")).secondary == "MaxRuntimeExceeded"


async def test_an_interrupted_job_boots_again_under_its_name(aws, client):
    await client("create_training_job", **training("j", "sleep", "60"))
    await status(aws, "j", "Training")
    job = aws.training.jobs["j"]
    await asyncio.sleep(0.05)
    job.interrupt()
    await status(aws, "j", "Interrupted")
    await status(aws, "j", "Training")
    assert job.boots == 2


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"TrainingJobName": "no_underscore"}, "regular expression"),
        ({"TrainingJobName": "a" * 64}, "less than or equal to 63"),
        ({"RoleArn": ...}, "'RoleArn' failed to satisfy constraint: Member must not be null"),
        ({"Environment": {"A": "x" * 513}}, "less than or equal to 512"),
        ({"Environment": {"A": 1}}, "is a int, expected a string"),
        ({"Tags": [{"Key": "a%b", "Value": "x"}]}, "regular expression"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 29 * 86400}}, "at most 2419200"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds must be at least"),
        ({"ResourceConfig": {"InstanceType": "ml.huge", "InstanceCount": 1}}, "enumerated"),
        (
            {"ResourceConfig": {
                "InstancePreferences": [{"InstanceType": "ml.m5.large", "InstanceCount": 1}],
                "InstanceType": "ml.m5.large", "InstanceCount": 1,
            }},
            "Exactly one of InstanceType",
        ),
        (
            {"ResourceConfig": {
                "InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30,
                "VolumeKmsKeyId": "key",
            }},
            "ml.g5.xlarge, which has local storage",
        ),
        (
            {"InputDataConfig": [{"ChannelName": "home", "DataSource": {"FileSystemDataSource": {
                "FileSystemId": "fs-0123456789abcdef0", "FileSystemAccessMode": "rw",
                "FileSystemType": "EFS", "DirectoryPath": "/homes/ann",
            }}}]},
            "needs VpcConfig",
        ),
    ],
)  # fmt: skip
async def test_a_request_that_does_not_fit_is_refused_by_name(client, changes, complaint):
    body = {k: v for k, v in (training() | changes).items() if v is not ...}
    # What the client itself would refuse never leaves the machine with `boto3` as it comes.
    code, message = await client.refused("create_training_job", **body)
    assert code == "ValidationException"
    assert complaint in message


async def test_a_name_is_taken_for_ever_and_an_unknown_one_is_not_found(aws, client):
    await client("create_training_job", **training("j"))
    await ended(aws, "j")
    assert (await client.refused("create_training_job", **training("j")))[0] == "ResourceInUse"
    assert await client.refused("describe_training_job", TrainingJobName="other") == (
        "ValidationException",
        "Requested resource not found.",
    )


async def test_quota_capacity_and_fallbacks(aws, client):
    aws.no_quota.add("ml.p3.2xlarge")
    aws.no_capacity.add("ml.g5.xlarge")

    def on(*types: str) -> dict[str, Any]:
        entries = [{"InstanceType": kind, "InstanceCount": 1} for kind in types]
        return {"ResourceConfig": {"InstancePreferences": entries, "VolumeSizeInGB": 30}}

    refusal = await client.refused("create_training_job", **training("a", **on("ml.p3.2xlarge")))
    assert refusal[0] == "ResourceLimitExceeded"
    await client("create_training_job", **training("b", **on("ml.g5.xlarge")))
    assert (await ended(aws, "b")).reason.startswith("CapacityError")
    await client("create_training_job", **training("c", **on("ml.g5.xlarge", "ml.m5.large")))
    await ended(aws, "c")
    answer = await client("describe_training_job", TrainingJobName="c")
    assert answer["ResourceConfig"]["SelectedInstanceType"] == "ml.m5.large"


async def test_listing_finds_by_part_of_the_name_and_by_status_page_by_page(aws, client):
    for number in range(12):
        await client("create_training_job", **training(f"dl-ann-{number}", "sleep", "60"))
    await client("create_training_job", **training("other"))
    await ended(aws, "other")

    def names() -> list[str]:
        pages = client.boto.get_paginator("list_training_jobs").paginate(
            NameContains="dl-ann", StatusEquals="InProgress"
        )
        return [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]

    found = await asyncio.to_thread(names)
    assert sorted(found) == sorted(f"dl-ann-{number}" for number in range(12))


async def test_tags_are_listed_by_arn(client):
    answer = await client(
        "create_training_job", **training(Tags=[{"Key": "datalab:user", "Value": "ann"}])
    )
    tags = await client("list_tags", ResourceArn=answer["TrainingJobArn"])
    assert tags["Tags"] == [{"Key": "datalab:user", "Value": "ann"}]


async def test_faults_strike_as_often_as_asked(aws, client):
    aws.faults.append(Fault(throttled, "sagemaker", "ListTrainingJobs", times=1))
    aws.faults.append(Fault(server_error, "sagemaker", "ListTrainingJobs", times=1))
    assert (await client.refused("list_training_jobs"))[0] == "ThrottlingException"
    assert (await client.refused("list_training_jobs"))[0] == "InternalFailure"
    assert (await client("list_training_jobs"))["TrainingJobSummaries"] == []


async def test_a_lost_answer_has_been_carried_out(aws, client):
    aws.faults.append(Fault(None, "sagemaker", "CreateTrainingJob", times=1))
    with pytest.raises(ConnectionClosedError):
        await client("create_training_job", **training("j"))
    assert "j" in aws.training.jobs


async def test_a_processing_job_runs_too(aws, client):
    await client(
        "create_processing_job",
        ProcessingJobName="p",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "i", "ContainerEntrypoint": ["echo"],
                          "ContainerArguments": ["processed"]},
        ProcessingResources={"ClusterConfig": {
            "InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}},
    )  # fmt: skip
    job = aws.processing.jobs["p"]
    async with asyncio.timeout(20):
        while not job.over:
            await job.changed.wait()
    assert job.log() == "processed\n"
    answer = await client("describe_processing_job", ProcessingJobName="p")
    assert answer["ProcessingJobStatus"] == "Completed"


async def test_an_endpoint_needs_its_configuration_and_that_its_model(aws, client):
    variant = {"VariantName": "a", "ModelName": "m", "InitialInstanceCount": 1,
               "InstanceType": "ml.m5.large"}  # fmt: skip
    config = {"EndpointConfigName": "c", "ProductionVariants": [variant]}
    assert (await client.refused("create_endpoint_config", **config))[0] == "ValidationException"
    container = {"Image": "nothing"}
    await client("create_model", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    await client("create_endpoint_config", **config)
    await client("create_endpoint", EndpointName="e", EndpointConfigName="c")
    async with asyncio.timeout(20):
        while aws.models.tasks:
            await asyncio.gather(*aws.models.tasks)
    answer = await client("describe_endpoint", EndpointName="e")
    assert answer["EndpointStatus"] == "Failed"
    assert "ping health check" in answer["FailureReason"]


async def test_what_it_cannot_do_it_refuses_and_never_pretends(client):
    code, message = await client.refused("list_apps")
    assert (code, message) == ("InternalFailure", "This stand-in cannot do ListApps yet.")


async def test_another_region_does_not_answer(aws):
    code, _ = await Client(aws, "us-east-1").refused("list_training_jobs")
    assert code == "SignatureDoesNotMatch"


async def test_without_a_network_connections_break(aws, client):
    aws.reachable = False
    with pytest.raises(ConnectionClosedError):
        await client("list_training_jobs")


def test_botocore_alone_would_let_wrong_values_through():
    """Why requests are checked here a second time."""
    client = boto3.client("sagemaker", region_name=REGION, endpoint_url="http://127.0.0.1:9",
                          aws_access_key_id="a", aws_secret_access_key="b",
                          config=Config(retries={"total_max_attempts": 1}))  # fmt: skip
    with pytest.raises(ParamValidationError):
        client.describe_training_job(TrainingJobName=1)
    with pytest.raises(Exception, match="connect"):
        client.describe_training_job(TrainingJobName="not_a_valid_name")


def test_a_member_that_the_model_does_not_have_is_refused():
    shape = model.operation("sagemaker", "StopTrainingJob").input_shape
    found = model.problems(shape, {"TrainingJobName": "j", "Colour": "green"})
    assert found == ["Unknown member 'Colour'"]
