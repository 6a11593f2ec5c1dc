"""A person with workspaces, as the pages see them: the attributes they read, and no hub.

The ledger and the catalog are the real ones. A fake spawner may be ``running``, ``starting`` or
``stopped``; like JupyterHub's, it is active in the first two, and its row in the database
(``orm_spawner``) outlives it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from datalab_hub.catalog import Profile, parse_catalog
from datalab_hub.site import Site
from datalab_hub.usage import UsageLedger
from datalab_hub.web import STATIC_PATH, TEMPLATE_PATHS
from datalab_hub.web.view import View
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import create_engine
from traitlets.config import Config

CATALOG = """
currency: EUR
images:
  py: {reference: local, title: Python, contents: [Python 3, pandas]}
profiles:
  - {name: small, title: Small, description: Notebooks., image: py, price_per_hour: 0.06,
     resources: {cpu: 1, memory: 2 GiB}, idle_timeout: 2h}
  - {name: gpu, title: One GPU, price_per_hour: 1.85, max_runtime: 12h,
     resources: {cpu: 8, memory: 64 GiB, gpu: {count: 2, type: A10G}}}
  - {name: secret, title: For the few, allowed_groups: [few]}
"""


class FakeSpawner(SimpleNamespace):
    """What :func:`datalab_hub.web.view._workspace` and the templates read of a spawner."""

    @property
    def active(self) -> bool:
        return self.ready or self.pending is not None


class FakeUser:
    """A person as handlers pass them to templates; ``add`` gives them a workspace."""

    def __init__(self, site: Site, name: str = "ann", groups: tuple[str, ...] = ()) -> None:
        self.site = site
        self.name = self.escaped_name = name
        self.spawners: dict[str, FakeSpawner] = {}
        self.orm_user = SimpleNamespace(
            groups=[SimpleNamespace(name=group) for group in groups], orm_spawners={}
        )
        self.add("", state="stopped", profile=None)

    def add(
        self,
        server: str,
        *,
        state: str = "running",
        title: str = "My workspace",
        profile: str | None = "small",
        began_ago: timedelta = timedelta(hours=2),
        idle: timedelta = timedelta(minutes=30),
    ) -> FakeSpawner:
        now = datetime.now(UTC)
        chosen: Profile | None = self.site.catalog.profile(profile) if profile else None
        run = None
        if chosen is not None and state != "stopped":
            number = self.site.ledger.begin(
                self.name, server, title, chosen.name, chosen.backend, chosen.price_per_hour,
                now - began_ago,
            )  # fmt: skip
            if state == "running":
                self.site.ledger.ready(number, now - began_ago)
            run = self.site.ledger.get(number)
        row = SimpleNamespace(
            server=object() if state == "running" else None,
            last_activity=(now - idle).replace(tzinfo=None),  # JupyterHub keeps UTC without zone
            user_options={"profile": profile} if profile else {},
        )
        spawner = FakeSpawner(
            name=server,
            title=title,
            ready=state == "running",
            pending={"starting": "spawn", "stopping": "stop"}.get(state),
            profile=chosen if state != "stopped" else None,
            run=run,
            orm_spawner=row,
        )
        self.spawners[server] = spawner
        self.orm_user.orm_spawners[server] = row
        return spawner

    def get_spawner(self, server: str) -> FakeSpawner:
        return self.spawners[server]

    def server_url(self, server: str) -> str:
        return f"/user/{self.name}/{server}/" if server else f"/user/{self.name}/"


def make_site(catalog: str = CATALOG) -> Site:
    """Return a site with an empty ledger in memory."""
    return Site(
        instance="test",
        data_dir=Path("/nonexistent"),
        catalog=parse_catalog(catalog, Path("datalab.yaml")),
        ledger=UsageLedger(create_engine("sqlite://")),
        audit=None,  # type: ignore[arg-type]  # the pages under test record nothing
        config=Config(),
        log=logging.getLogger("test"),
    )


def render(site: Site, template: str, user: FakeUser | None = None, **context: Any) -> str:
    """Render a page like the hub: autoescaping on, and its own names in the context."""
    environment = Environment(loader=FileSystemLoader(TEMPLATE_PATHS), autoescape=True)
    return environment.get_template(template).render(
        base_url="/hub/",
        logout_url="/hub/logout",
        xsrf_token="the-token",
        user=user,
        parsed_scopes=context.pop("parsed_scopes", {}),
        datalab=View(site, STATIC_PATH),
        **context,
    )
