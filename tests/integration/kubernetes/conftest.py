"""A fake cluster, and workspaces on it without a hub."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from chart import grants_of_chart
from datalab_hub.spawner.backend import WorkspaceContext
from datalab_hub.spawner.kubernetes import KubernetesBackend, KubernetesPlatform
from datalab_hub.spawner.names import workspace_key
from fakes.kubernetes import FakeKubernetes
from fakes.kubernetes.site import platform_on


class Person:
    """Somebody with workspaces; what the hub would keep, is kept here."""

    def __init__(self, platform: KubernetesPlatform, name: str = "ann") -> None:
        self.platform, self.name = platform, name
        self.steps: list[str] = []
        self.saved: dict[str, Any] = {}
        self.address = ("", 0)

    def workspace(
        self, server: str = "", seconds: float = 60, profile: str = "small"
    ) -> KubernetesBackend:
        """Return the backend of one workspace; ``seconds`` is the start's time limit."""
        catalog = self.platform.site.catalog
        found = catalog.profile(profile)
        context = WorkspaceContext(
            user=self.name,
            server=server,
            key=workspace_key(self.name, server),
            profile=found.model_copy(update={"start_timeout": timedelta(seconds=seconds)}),
            image=catalog.images[found.image],
            log=logging.getLogger("datalab"),
            bind=lambda ip, port: setattr(self, "address", (ip, port)),
            environment=lambda: {"JUPYTERHUB_API_TOKEN": "secret", "JUPYTERHUB_USER": self.name},
            arguments=lambda: [],
            save=lambda: self.saved.update(json.loads(json.dumps(backend.get_state()))),
            report=self._report,
            recognises=lambda token: token == "secret",
        )
        backend: KubernetesBackend = self.platform.backend(context)  # type: ignore[assignment]
        return backend

    def _report(self, phase: Any, message: str, *, cause: str | None = None) -> None:
        step = f"{phase}: {message}" + (f": {cause}" if cause else "")
        if not self.steps or self.steps[-1] != step:
            self.steps.append(step)


@pytest.fixture
async def cluster():
    async with FakeKubernetes() as cluster:
        # Under the chart's Role and optional ClusterRole: what they do not grant fails here.
        cluster.grants = grants_of_chart()
        yield cluster
        assert cluster.denied == []


@pytest.fixture
async def platform(cluster, tmp_path):
    async with platform_on(cluster, tmp_path) as platform:
        await platform.open()
        yield platform


@pytest.fixture
def ann(platform):
    return Person(platform)
