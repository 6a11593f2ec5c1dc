"""A Datalab installation on a fake cluster, without a hub."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from datalab_hub.catalog import Catalog, parse_catalog
from datalab_hub.site import Site
from datalab_hub.spawner.kubernetes import KubernetesPlatform
from traitlets.config import Config

from .server import FakeKubernetes

CATALOG = """
images:
  lab: {reference: "registry.example/lab:1", title: Lab}
profiles:
  - name: small
    title: Small
    backend: kubernetes
    image: lab
    resources: {cpu: 1, memory: 1 GiB}
"""


def catalog_of(text: str = CATALOG) -> Catalog:
    """Return a catalog."""
    return parse_catalog(text, Path("catalog.yaml"))


def site_of(directory: Path, config: Config | None = None, catalog: str = CATALOG) -> Site:
    """Return a site that has no ledger and no audit log: nothing here writes to them."""
    nothing: Any = None
    return Site(
        instance="test-instance",
        data_dir=directory,
        catalog=catalog_of(catalog),
        ledger=nothing,
        audit=nothing,
        config=config or Config(),
        log=logging.getLogger("datalab"),
    )


@contextlib.asynccontextmanager
async def platform_on(
    cluster: FakeKubernetes, directory: Path, *, site: Site | None = None, **settings: Any
) -> AsyncIterator[KubernetesPlatform]:
    """Give an open platform that talks to a fake cluster; impatient, unless told otherwise."""
    quick = {"patience": 0.1, "recheck": 0.3, "request_timeout": 2.0}
    site = site or site_of(directory)
    platform = KubernetesPlatform(
        site=site,
        config=site.config,
        kubeconfig=str(cluster.kubeconfig(directory)),
        **{**quick, **settings},
    )
    site.platforms["kubernetes"] = platform
    try:
        yield platform
    finally:
        await platform.close()
