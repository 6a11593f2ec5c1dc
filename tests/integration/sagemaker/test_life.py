"""Interruptions, restarts of the hub, and what belongs to nobody."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from contract.suite import answers
from datalab_hub.spawner.problems import StartFailed
from datalab_hub.spawner.reconcile import reconcile
from datalab_hub.spawner.sagemaker.names import secret_name
from fakes.sagemaker import Fault, server_error, throttled
from sagemaker_site import eventually, make_platform, make_site


@contextlib.asynccontextmanager
async def watched(backend):
    """Watch a workspace as the hub does; yields the task that ends when it is gone."""
    task = asyncio.create_task(backend.gone())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_spot_workspace_comes_back_after_an_interruption_with_new_secrets(world):
    workspace = world.workspace(chosen="spot")
    backend = workspace.new_hub()
    first_url = await backend.start()
    job, hash_before = workspace.job, workspace.saved["secret_hash"]
    async with watched(backend) as gone:
        job.interrupt()
        await eventually(lambda: workspace.moves)
        assert not gone.done()
        assert await backend.poll() is None
    assert job.boots == 2
    assert workspace.moves[0] != first_url
    assert await answers(workspace.moves[0])
    assert not await _answers(first_url)
    assert workspace.token == "hub-token-of-ann-1"
    assert workspace.saved["secret_hash"] != hash_before
    assert workspace.saves[-3:] == ["interrupted", "registered", "running"]
    await eventually(lambda: _left_is(world, [job.name]))
    await backend.stop()
    assert await world.left() == []


async def test_a_second_interruption_is_survived_too(world):
    workspace = world.workspace(chosen="spot")
    backend = workspace.new_hub()
    await backend.start()
    async with watched(backend):
        for number in (1, 2):
            workspace.job.interrupt()
            await eventually(lambda wanted=number: len(workspace.moves) == wanted)
        assert await answers(workspace.moves[-1])
    await backend.stop()


async def test_an_interruption_while_the_hub_was_away_is_noticed_at_its_return(world):
    workspace = world.workspace(chosen="spot")
    await workspace.new_hub().start()
    workspace.job.interrupt()
    await eventually(lambda: workspace.job.boots == 2)
    next_hub = workspace.new_hub()
    assert await next_hub.poll() is None
    assert await answers(await next_hub.resume())
    assert workspace.token == "hub-token-of-ann-1"
    await next_hub.stop()


async def test_an_interruption_before_the_first_registration_costs_only_time(world):
    world.aws.timing.steps = 0.1
    workspace = world.workspace(chosen="spot")
    start = asyncio.create_task(workspace.new_hub().start())
    await eventually(lambda: world.aws.all_jobs() and workspace.job.secondary == "Training")
    workspace.job.interrupt()
    assert await answers(await start)
    assert workspace.job.boots == 2
    backend = workspace.new_hub()
    async with watched(backend) as gone:
        await asyncio.sleep(1)
        assert not gone.done()
    assert workspace.token == "hub-token-of-ann-0"  # nothing was taken for an interruption since
    await backend.stop()


async def test_a_stop_in_the_middle_of_an_interruption_leaves_nothing(world):
    workspace = world.workspace(chosen="spot")
    backend = workspace.new_hub()
    await backend.start()
    async with watched(backend) as gone:
        workspace.job.interrupt()
        await eventually(lambda: workspace.saves[-1] == "interrupted")
        await backend.stop()
        await asyncio.wait_for(gone, 10)
    assert await world.left() == []


async def test_a_workspace_that_a_hub_began_is_brought_to_its_end_by_the_next(world):
    world.aws.timing.steps = 0.2
    workspace = world.workspace()
    first = asyncio.create_task(workspace.new_hub().start())
    await eventually(lambda: workspace.saves and workspace.saves[-1] == "created")
    next_hub = workspace.new_hub()  # the first one is dead: nobody listens to it any more
    url = await next_hub.resume()
    assert await answers(url)
    assert len(world.aws.all_jobs()) == 1
    await next_hub.stop()
    with pytest.raises(StartFailed):  # in this test it lives on, and sees the job end
        await first


async def test_two_people_with_names_that_look_alike_never_share_anything(world):
    """CVE-2020-15110: the readable part of a name proves nothing."""
    one, other = world.workspace("ann.b"), world.workspace("ann-b")
    first, second = one.new_hub(), other.new_hub()
    await asyncio.gather(first.start(), second.start())
    await first.stop()
    assert await second.poll() is None
    await second.stop()


async def test_what_nobody_owns_is_named_in_a_dry_run_and_removed_in_earnest(world):
    workspace, orphan = world.workspace("ann"), world.workspace("ben")
    await workspace.new_hub().start()
    await orphan.new_hub().start()
    await world.platform.inventory.write_secret("dl-x", None, "{}", {})  # not tagged: not ours
    world.platform.backends.clear()  # another hub
    adopted = workspace.new_hub()
    owned = [workspace.key]
    would = await reconcile(world.site, lambda backend: owned, dry_run=True)
    assert [(f.resource.name, f.action) for f in would] == [(orphan.job.name, "would remove")]
    assert not orphan.job.over
    did = await reconcile(world.site, lambda backend: owned)
    assert [f.action for f in did] == ["removed"]
    await eventually(lambda: orphan.job.over)
    assert await reconcile(world.site, lambda backend: owned) == []
    assert await adopted.poll() is None
    await world.platform.inventory.delete_secret("dl-x", None)
    await adopted.stop()


async def test_a_secret_that_could_not_be_deleted_is_found_by_the_reconciler(world):
    world.platform.stop_patience = 0.1
    workspace = world.workspace()
    fault = Fault(server_error, "secretsmanager", "DeleteSecret")
    world.aws.faults.append(fault)
    backend = workspace.new_hub()
    await backend.start()
    await asyncio.sleep(0.3)
    world.aws.faults.clear()
    assert secret_name(workspace.job.name) in await world.left()
    done = await reconcile(world.site, lambda backend: [workspace.key])
    assert [(f.resource.kind, f.action) for f in done] == [("secret", "removed")]
    assert await world.left() == [workspace.job.name]
    world.platform.stop_patience = 20
    await backend.stop()


async def test_a_stale_job_of_a_workspace_that_runs_again_belongs_to_nobody(world):
    workspace = world.workspace()
    await workspace.new_hub().start()
    stale = workspace.job
    workspace.saved = None
    world.aws.faults.append(Fault(throttled, "sagemaker", "StopTrainingJob", times=1))
    world.aws.faults.append(Fault(throttled, "sagemaker", "ListTrainingJobs", times=0))
    backend = workspace.new_hub()
    backend._remove_leftovers = _nothing  # as if listing had not shown it yet
    await backend.start()
    world.aws.faults.clear()
    done = await reconcile(world.site, lambda backend: [workspace.key])
    assert [f.resource.name for f in done] == [stale.name]
    assert await backend.poll() is None
    await backend.stop()


async def test_two_installations_in_one_account_never_touch_each_other(world, tmp_path):
    workspace = world.workspace()
    backend = workspace.new_hub()
    await backend.start()
    other_site = make_site(tmp_path / "other", instance="other")
    other = make_platform(other_site, world.aws)
    assert await other.resources() == []
    assert await reconcile(other_site, lambda backend: []) == []
    assert await backend.poll() is None
    await other.close()
    await backend.stop()


async def test_without_an_answer_from_aws_the_reconciler_does_nothing(world):
    workspace = world.workspace()
    backend = workspace.new_hub()
    await backend.start()
    world.aws.faults.append(Fault(throttled))
    assert await reconcile(world.site, lambda backend: []) == []
    world.aws.faults.clear()
    assert await backend.poll() is None
    await backend.stop()


async def test_many_running_workspaces_are_watched_with_one_listing(world):
    world.platform.watch_interval = 0.5
    backends = [world.workspace(f"user{n}").new_hub() for n in range(4)]
    await asyncio.gather(*(backend.start() for backend in backends))
    before = len(world.aws.calls)
    watches = [asyncio.create_task(backend.gone()) for backend in backends]
    await asyncio.sleep(2.2)
    made = [call.operation for call in world.aws.calls[before:]]
    assert 3 <= made.count("ListTrainingJobs") <= 6
    assert made.count("DescribeTrainingJob") <= 4  # one first look at each
    for watch in watches:
        watch.cancel()
    await asyncio.gather(*(backend.stop(now=True) for backend in backends))


async def _nothing(*_: object) -> None:
    return None


async def _left_is(world, names: list[str]) -> bool:
    return await world.left() == names


async def _answers(url: str) -> bool:
    try:
        return await answers(url)
    except OSError:
        return False
