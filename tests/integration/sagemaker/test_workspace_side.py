"""What the container does, seen from outside: whom it becomes, how it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest
from contract.suite import answers
from datalab_hub.spawner.problems import StartFailed
from probes import needs_root
from sagemaker_site import FILE_SYSTEM, Hub, World, eventually, fake_aws, make_platform, make_site

UID = 12345


@pytest.fixture
async def shared(moto, monkeypatch):
    """A world whose directories another uid may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="datalab-test-"))
    directory.chmod(0o711)
    site = make_site(directory)
    async with fake_aws(directory / "aws", moto, monkeypatch) as aws, Hub(site).listening() as hub:
        (directory / "aws").mkdir(exist_ok=True)
        platform = make_platform(site, aws, uid=UID)
        yield World(site, aws, hub, platform, moto)
        for resource in await platform.resources():
            await platform.remove(resource)
        await platform.close()
    shutil.rmtree(directory)


@needs_root
async def test_a_container_that_starts_as_root_becomes_the_person_before_it_registers(shared):
    workspace = shared.workspace()
    backend = workspace.new_hub()
    assert await answers(await backend.start())
    process = psutil.Process(workspace.job.process.pid)
    assert set(process.uids()) == {UID}
    assert set(process.gids()) == {UID}
    groups = Path(f"/proc/{process.pid}/status").read_text()
    assert "Groups:\t \n" in groups
    home = shared.aws.directory / FILE_SYSTEM / "homes" / "ann"
    assert (home.stat().st_uid, home.stat().st_mode & 0o777) == (UID, 0o700)
    assert Path(process.cwd()) == home
    await backend.stop()


@needs_root
async def test_a_home_of_another_uid_is_told_by_the_job_itself(shared):
    workspace = shared.workspace()
    home = shared.aws.directory / FILE_SYSTEM / "homes" / "ann"
    home.mkdir(mode=0o700)
    with pytest.raises(StartFailed) as failed:
        await workspace.new_hub().start()
    assert f"cannot be entered by uid {UID}" in failed.value.jupyterhub_message
    assert "has to give it to that uid" in failed.value.jupyterhub_message
    assert await shared.left() == []


async def test_a_stop_lets_the_server_end_in_its_own_time(world):
    """SIGTERM first; AWS kills only after 120 seconds."""
    world.platform.entrypoint = ["/bin/sh", "-c", (
        "trap 'echo saving; sleep 0.5; echo saved; kill $!; exit 0' TERM; "
        'python -m fakes.small_workspace "$0" & wait'
    )]  # fmt: skip
    workspace = world.workspace()
    backend = workspace.new_hub()
    await backend.start()
    await backend.stop()
    assert workspace.job.over  # stop() waited for it
    assert workspace.job.log().endswith("saving\nsaved\n")


async def test_a_server_that_ends_by_itself_says_with_which_status(world):
    workspace = world.workspace()
    backend = workspace.new_hub()
    await backend.start()
    os.kill(workspace.job.process.pid, 9)
    await eventually(lambda: workspace.job.over)
    assert await backend.poll() == 1
    assert workspace.job.reason == "AlgorithmError: , exit code: 137"


async def test_the_job_runs_no_longer_than_its_profile_allows_with_a_margin(world):
    backend = world.workspace().new_hub()
    await backend.start()
    (call,) = world.calls("CreateTrainingJob")
    assert call.body["StoppingCondition"] == {"MaxRuntimeInSeconds": 24 * 3600 + 15 * 60}
    assert call.body["EnableNetworkIsolation"] is False
    assert set(call.body["Environment"]) == {"AWS_DEFAULT_REGION", "DATALAB_PATIENCE"}
    await backend.stop(now=True)
