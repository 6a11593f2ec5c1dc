"""Whatever AWS does, the person reads a sentence, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os

import pytest
from contract.suite import answers
from datalab_hub.errors import DatalabError
from datalab_hub.spawner.backend import Phase
from datalab_hub.spawner.problems import StartFailed
from fakes.sagemaker import ApiError, Fault, not_found, server_error, throttled
from sagemaker_site import FILE_SYSTEM, IMAGE, eventually


async def failure(workspace) -> StartFailed:
    with pytest.raises(StartFailed) as failed:
        await workspace.new_hub().start()
    assert await workspace.world.left() == []
    return failed.value


async def test_no_quota_names_the_machine_and_other_cards(world):
    world.aws.no_quota.add("ml.m5.large")
    failed = await failure(world.workspace())
    assert failed.reason == "quota"
    assert (
        "may not start another ml.m5.large for training jobs (limit: 0)"
        in failed.jupyterhub_message
    )
    assert "Try Spot." in failed.hint


async def test_no_capacity_names_the_machine_and_other_cards(world):
    world.aws.no_capacity.add("ml.m5.large")
    failed = await failure(world.workspace())
    assert failed.reason == "capacity"
    assert "AWS has no ml.m5.large free at the moment." in failed.jupyterhub_message
    assert "Try Spot. Or try again later" in failed.hint


async def test_a_missing_image_is_the_operators_to_mend(world):
    world.aws.missing_images.add(IMAGE.reference)
    failed = await failure(world.workspace())
    assert (failed.reason, "image" in failed.jupyterhub_message) == ("image", True)


async def test_a_home_that_is_not_there_is_the_operators_to_mend(world):
    world.platform.homes_mount = ""
    failed = await failure(world.workspace())
    assert failed.reason == "home"
    assert "could not be mounted" in failed.jupyterhub_message


async def test_a_home_that_cannot_be_made_is_said_before_anything_is_created(world):
    (world.aws.directory / FILE_SYSTEM / "homes" / "ann").write_text("in the way")
    world.platform.homes_mount = str(world.aws.directory / FILE_SYSTEM / "homes" / "ann")
    failed = await failure(world.workspace())
    assert failed.reason == "home"
    assert world.calls("CreateTrainingJob") == []


async def test_a_platform_that_is_not_set_up_says_so_to_person_and_operator(world):
    world.platform.subnets = []
    with pytest.raises(DatalabError, match=r"need c\.SageMakerPlatform\.subnets\. See docs/"):
        await world.platform.open()
    failed = await failure(world.workspace())
    assert failed.reason == "setup"
    assert world.aws.calls == []


async def test_what_the_container_wrote_last_is_what_the_person_reads(world):
    world.platform.entrypoint = ["/bin/sh", "-c", (
        "mkdir -p $DATALAB_ML_PREFIX/output; "
        "printf 'The disk is full.' > $DATALAB_ML_PREFIX/output/failure; exit 1"
    )]  # fmt: skip
    failed = await failure(world.workspace())
    assert failed.reason == "crashed"
    assert "ended while it was starting: The disk is full. " in failed.jupyterhub_message


async def test_a_hub_without_the_right_is_told_apart_from_a_failure(world):
    def denied() -> ApiError:
        return ApiError("AccessDeniedException", "User: x is not authorized to perform: y", 403)

    world.aws.faults.append(Fault(denied, "sagemaker", "CreateTrainingJob"))
    failed = await failure(world.workspace())
    assert (failed.reason, "not allowed" in failed.jupyterhub_message) == ("access", True)
    assert "not authorized" not in failed.jupyterhub_message  # for the log, not for the person


async def test_a_job_stopped_from_outside_is_said(world):
    world.platform.entrypoint = ["/bin/sh", "-c", "sleep 60"]
    workspace = world.workspace()
    start = asyncio.create_task(workspace.new_hub().start())
    await eventually(lambda: world.aws.all_jobs() and workspace.job.secondary == "Training")
    workspace.job.stop()
    with pytest.raises(StartFailed, match="stopped from outside") as failed:
        await start
    assert failed.value.reason == "stopped"
    assert await world.left() == []


async def test_throttling_is_waited_out_and_told(world):
    workspace = world.workspace()
    backend = workspace.new_hub()
    world.aws.faults.append(Fault(throttled, "sagemaker", "DescribeTrainingJob", times=4))
    world.aws.faults.append(Fault(server_error, "sagemaker", "DescribeTrainingJob", times=2))
    assert await answers(await backend.start())
    assert any(cause and "AWS does not answer" in cause for _, _, cause in workspace.reports)
    world.aws.faults.append(Fault(throttled))
    assert await backend.poll() is None


async def test_calls_are_tried_again_before_a_start_gives_up(world, monkeypatch):
    from sagemaker_site import make_platform

    platform = make_platform(world.site, world.aws, attempts=4)
    world.platform, before = platform, world.platform
    for operation in ("CreateSecret", "CreateTrainingJob", "ListTrainingJobs"):
        world.aws.faults.append(Fault(throttled, None, operation, times=1))
    assert await answers(await world.workspace().new_hub().start())
    await platform.close()
    world.platform = before


async def test_a_lost_answer_makes_no_second_job(world):
    from sagemaker_site import make_platform

    platform = make_platform(world.site, world.aws, attempts=3)
    world.platform, before = platform, world.platform
    world.aws.faults.append(Fault(None, "sagemaker", "CreateTrainingJob", times=1))
    assert await answers(await world.workspace().new_hub().start())
    assert len(world.aws.all_jobs()) == 1
    assert [call.status for call in world.calls("CreateTrainingJob")] == [200, 400]
    await platform.close()
    world.platform = before


async def test_a_lost_answer_without_a_second_try_leaves_no_job(world):
    world.aws.faults.append(Fault(None, "sagemaker", "CreateTrainingJob", times=1))
    failed = await failure(world.workspace())
    assert failed.reason == "unreachable"
    assert len(world.aws.all_jobs()) == 1


async def test_a_stop_is_not_put_off_by_throttling(world):
    backend = world.workspace().new_hub()
    await backend.start()
    world.aws.faults.append(Fault(throttled, "sagemaker", "StopTrainingJob", times=3))
    world.aws.faults.append(Fault(server_error, "secretsmanager", "DeleteSecret", times=1))
    await backend.stop()
    assert await world.left() == []


async def test_stopping_a_job_that_has_just_ended_by_itself_is_well(world):
    workspace = world.workspace()
    backend = workspace.new_hub()
    await backend.start()
    os.kill(workspace.job.process.pid, 9)
    await eventually(lambda: workspace.job.over)
    await backend.stop()
    assert world.calls("StopTrainingJob")[-1].status == 400
    assert await backend.poll() == 0


async def test_a_job_that_is_described_late_is_waited_for(world):
    """Describe may not know for a moment what Create has just made."""
    backend = world.workspace().new_hub()
    world.aws.faults.append(Fault(not_found, "sagemaker", "DescribeTrainingJob", times=2))
    assert await answers(await backend.start())


async def test_the_person_is_told_phase_by_phase_what_is_waited_for(world):
    world.aws.timing.steps = 0.25
    workspace = world.workspace()
    await workspace.new_hub().start()
    phases = [phase for phase, _, _ in workspace.reports]
    assert phases == sorted(phases, key=list(Phase).index)
    assert {Phase.QUEUE, Phase.SCHEDULE, Phase.PULL, Phase.BOOT, Phase.REGISTER} <= set(phases)
    assert (
        Phase.SCHEDULE, "Waiting for a free machine", "ml.m5.large – Waiting for compute capacity",
    ) in workspace.reports  # fmt: skip


async def test_nobody_answers_and_the_job_ends_itself(world):
    """An orphan costs minutes, not weeks."""
    world.platform.workspace_patience = 1.0
    world.hub.port = 9  # nobody listens there
    failed = await failure(world.workspace())
    assert failed.reason == "crashed"
    assert "Datalab did not answer this workspace within 1 seconds" in failed.jupyterhub_message


async def test_a_job_whose_secret_is_gone_ends_itself(world):
    world.platform.workspace_patience = 1.0
    workspace = world.workspace()
    start = asyncio.create_task(workspace.new_hub().start())
    await eventually(lambda: world.aws.all_jobs())
    await world.platform.inventory.delete_secret(workspace.job.name, None)
    with pytest.raises(StartFailed, match="No assignment for this workspace appeared"):
        await start
