"""One platform that fails, in a way that nobody foresaw, takes nothing from the others."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

from datalab_hub.catalog.models import Catalog, Image, Profile
from datalab_hub.housekeeping import open_platforms
from datalab_hub.site import Site
from datalab_hub.spawner.backend import Platform, Resource
from datalab_hub.spawner.reconcile import reconcile
from traitlets.config import Config


class Fine(Platform):
    """Holds what it is told to."""

    def __init__(self, site: Site, *names: str) -> None:
        super().__init__(site)
        self.opened = False
        self.held = [Resource(f"key-of-{name}", "pod", name) for name in names]

    async def open(self) -> None:
        self.opened = True

    async def resources(self) -> list[Resource]:
        return list(self.held)

    async def remove(self, resource: Resource) -> None:
        self.held.remove(resource)


class Broken(Platform):
    """Lets through what its library raises."""

    async def open(self) -> None:
        raise KeyError("region")

    async def resources(self) -> list[Resource]:
        raise KeyError("region")


class Clinging(Fine):
    """Does not let go of what is named ``stuck``."""

    async def remove(self, resource: Resource) -> None:
        if resource.name == "stuck":
            raise KeyError("region")
        await super().remove(resource)


SETTINGS = {
    "kubernetes": {"image": "lab"},
    "sagemaker": {"image": "lab", "sagemaker": {"instance_type": "ml.m5.large"}},
}


def make_site(tmp_path: Path, *backends: str) -> Site:
    profiles = [
        Profile(name=f"on-{name}", title="P", backend=name, **SETTINGS.get(name, {}))
        for name in backends
    ]
    log = logging.getLogger("housekeeping-test")
    unused = SimpleNamespace()
    catalog = Catalog(images={"lab": Image(reference="lab:1", title="Lab")}, profiles=profiles)
    return Site("test", tmp_path, catalog, unused, unused, Config(), log)  # type: ignore[arg-type]


async def test_a_platform_that_cannot_be_opened_is_logged_and_the_others_open(tmp_path, caplog):
    site = make_site(tmp_path, "local", "kubernetes", "sagemaker")
    before, after = Fine(site), Fine(site)
    site.platforms.update(local=before, kubernetes=Broken(site), sagemaker=after)
    await open_platforms(site)
    assert before.opened
    assert after.opened
    (said,) = caplog.records
    assert said.getMessage() == "Backend kubernetes is not usable"
    assert said.exc_info[0] is KeyError


async def test_a_platform_that_cannot_be_asked_leaves_the_round_of_the_others(tmp_path, caplog):
    site = make_site(tmp_path, "kubernetes", "sagemaker")
    fine = Fine(site, "forgotten")
    site.platforms.update(kubernetes=Broken(site), sagemaker=fine)
    findings = await reconcile(site, lambda backend: ())
    assert [str(finding) for finding in findings] == [
        "sagemaker: pod forgotten of key-of-forgotten: removed"
    ]
    assert fine.held == []
    assert "Cannot list what runs on kubernetes" in caplog.text


async def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(tmp_path):
    site = make_site(tmp_path, "sagemaker")
    clinging = site.platforms["sagemaker"] = Clinging(site, "first", "stuck", "last")
    findings = await reconcile(site, lambda backend: ())
    assert [finding.action for finding in findings] == [
        "removed",
        "failed: KeyError: 'region'",
        "removed",
    ]
    assert [resource.name for resource in clinging.held] == ["stuck"]
