"""One hub on the fake AWS; see :class:`World`."""

from __future__ import annotations

import pytest
from fakes.sagemaker.moto_process import moto_server
from sagemaker_site import Hub, World, fake_aws, make_platform, make_site, profile


@pytest.fixture(scope="package")
def moto():
    with moto_server() as url:
        yield url


@pytest.fixture
async def world(tmp_path, moto, monkeypatch):
    profiles = (profile(), profile(name="spot", title="Spot", sagemaker={"spot": True}))
    site = make_site(tmp_path, *profiles)
    async with fake_aws(tmp_path / "aws", moto, monkeypatch) as aws, Hub(site).listening() as hub:
        platform = make_platform(site, aws)
        await platform.open()
        yield World(site, aws, hub, platform, moto)
        aws.faults.clear()
        for resource in await platform.resources():
            await platform.remove(resource)
        await platform.close()
