"""Who may say that they are a workspace: the one job, once, with both secrets."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import boto3
import pytest
from contract.suite import answers
from datalab_hub.spawner.registration import RegistrationRefused
from datalab_hub.spawner.sagemaker.names import secret_name
from datalab_workspace import wire
from sagemaker_site import eventually


def assignment(world, workspace) -> wire.Assignment:
    """Read the workspace's secret, as its job does."""
    client = boto3.client("secretsmanager", endpoint_url=world.moto)
    text = client.get_secret_value(SecretId=secret_name(workspace.job.name))["SecretString"]
    message = wire.decode(text)
    assert isinstance(message, wire.Assignment)
    return message


@pytest.fixture
async def starting(world):
    """A workspace whose job has been created and does not register by itself."""
    world.platform.entrypoint = ["/bin/sh", "-c", "sleep 60"]
    workspace = world.workspace()
    workspace.start = asyncio.create_task(workspace.new_hub().start())
    await eventually(lambda: world.aws.all_jobs())
    given = assignment(world, workspace)
    workspace.message = wire.Register(given.job, given.secret, "127.0.0.1", 40000)
    yield workspace
    workspace.start.cancel()
    await asyncio.wait([workspace.start])


async def refused(world, message, token) -> str:
    with pytest.raises(RegistrationRefused) as refusal:
        await world.site.registrations.register(message, token)
    return refusal.value.reason


async def test_the_assignment_is_gone_when_the_workspace_runs(world):
    workspace = world.workspace()
    assert await answers(await workspace.new_hub().start())
    await eventually(lambda: secrets_gone(world))
    assert workspace.saves == ["prepared", "secret", "created", "registered", "running"]


async def secrets_gone(world) -> bool:
    return await world.left() == [job.name for job in world.aws.all_jobs()]


@pytest.mark.parametrize(
    ("changes", "token", "reason"),
    [
        ({"secret": "guessed"}, None, "wrong-secret"),
        ({}, "token-of-another-workspace", "wrong-token"),
        ({}, "", "wrong-token"),
        ({"job": "dl-another"}, None, "unknown-job"),
        ({"ip": "169.254.169.254"}, None, "wrong-address"),
        ({"ip": "hub.internal"}, None, "wrong-address"),
        ({"port": 22}, None, "wrong-address"),
    ],
)
async def test_what_does_not_fit_is_refused_and_changes_nothing(
    world, starting, changes, token, reason
):
    message = dataclasses.replace(starting.message, **changes)
    before = dict(starting.saved)
    used = starting.token if token is None else token
    assert await refused(world, message, used) == reason
    assert starting.saved == before
    # The right one is still taken.
    await world.site.registrations.register(starting.message, starting.token)


async def test_a_second_registration_is_a_replay(world, starting):
    await world.site.registrations.register(starting.message, starting.token)
    elsewhere = dataclasses.replace(starting.message, port=40001)
    assert await refused(world, elsewhere, starting.token) == "replay"
    assert starting.saved["port"] == 40000


async def test_the_same_message_again_is_taken_until_the_workspace_answers(world, starting):
    """The hub may die between writing the address down and saying yes."""
    await world.site.registrations.register(starting.message, starting.token)
    await world.site.registrations.register(starting.message, starting.token)
    next_hub = starting.new_hub()
    await world.site.registrations.register(starting.message, starting.token)
    next_hub.job.running()
    assert await refused(world, starting.message, starting.token) == "replay"


async def test_of_two_at_the_same_time_one_is_taken(world, starting):
    messages = [dataclasses.replace(starting.message, port=40000 + n) for n in range(5)]
    results = await asyncio.gather(
        *(world.site.registrations.register(message, starting.token) for message in messages),
        return_exceptions=True,
    )
    assert [isinstance(result, RegistrationRefused) for result in results].count(False) == 1


async def test_a_registration_after_the_start_was_given_up_is_too_late(world, starting):
    starting.start.cancel()
    await asyncio.wait([starting.start])
    assert await refused(world, starting.message, starting.token) == "unknown-job"


async def test_a_workspace_that_registers_late_ends_itself_with_the_reason(world, starting):
    """Its job was given up while it booted."""
    job = starting.job
    given = assignment(world, starting)
    world.site.registrations.forget(job.name)
    from datalab_workspace.registration import RegistrationRefused as Refused
    from datalab_workspace.registration import register

    with pytest.raises(Refused, match="It was stopped, or never started"):
        await asyncio.to_thread(
            register, given.register_url, starting.message, given.env["JUPYTERHUB_API_TOKEN"]
        )


async def test_the_state_holds_a_hash_and_never_the_secret(world, starting):
    text = json.dumps(starting.saved)
    assert starting.message.secret not in text
    assert starting.token not in text
    assert len(starting.message.secret) >= 22  # 128 bits in base64


async def test_an_assignment_for_another_job_is_not_taken(world):
    """A secret that was read under another job's name."""
    world.aws.instance_environment["TRAINING_JOB_NAME"] = "somebody-else"
    workspace = world.workspace()
    with pytest.raises(Exception, match="The assignment is for"):
        await workspace.new_hub().start()
