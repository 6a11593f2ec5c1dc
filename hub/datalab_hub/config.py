"""One call turns a JupyterHub configuration into Datalab.

In ``jupyterhub_config.py``, as the last lines::

    from datalab_hub.config import configure

    configure(c, catalog="/etc/datalab/datalab.yaml")
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from traitlets.config import Config

from . import compat, credentials, housekeeping
from .audit import AuditLog
from .catalog import load_catalog
from .instance import instance_id, private_directory
from .lifeline import PARENT
from .site import SETTING, Site
from .spawner import WorkspaceSpawner
from .spawner.backend import find_platform
from .usage import UsageLedger
from .web import TEMPLATE_PATHS, handlers, template_vars

CULLER = "datalab-idle-culler"
OPERATOR = "datalab-operator"

# What the services may do, and why. tests/integration/test_scopes.py holds the same table.
ROLES: list[dict[str, Any]] = [
    {
        "name": CULLER,
        "description": "Stops idle workspaces",
        # The four that jupyterhub-idle-culler's README asks for; no admin:users.
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": [CULLER],
    },
    {
        "name": OPERATOR,
        "description": "What `datalab offboard` needs: see the person, stop their workspaces, "
        "delete the account with its tokens and sessions",
        "scopes": ["read:users", "read:servers", "delete:servers", "delete:users"],
        "services": [OPERATOR],
    },
]

_ACTIVITY_INTERVAL = 60  # seconds between a workspace's activity reports
_INLINE_WAIT = 1.5  # seconds that a click waits before it shows the progress page
_NEVER = 10**7  # seconds
_ADOPTION_WAIT = 1  # seconds; JupyterHub takes none that is shorter


def configure(
    c: Config,
    *,
    catalog: str | Path | None = None,
    data_dir: str | Path | None = None,
    instance: str | None = None,
    culler_url: str | None = None,
) -> Site:
    """Turn a JupyterHub configuration into Datalab. Call it last: it adds to lists, and keeps them.

    Args:
        c: the configuration object that ``get_config()`` returns.
        catalog: the operator's YAML file; the packaged catalog when ``None``.
        data_dir: where Datalab keeps the usage ledger, the audit log, and (with local
            workspaces) homes and logs; ``/var/lib/datalab`` when ``None``.
        instance: identifies this installation on its platforms; letters, digits and ``-``. A
            random word that is kept in the data directory when ``None``.
        culler_url: where the culler asks the hub's API, if not where workspaces do.

    Returns:
        the site, for configuration that wants to go further.

    Raises:
        CatalogError: with every problem in the catalog. The hub does not start on it.
        DatalabError: untested JupyterHub version, or a directory that cannot be used.
    """
    compat.check_versions()
    catalog_path = Path(catalog) if catalog is not None else None
    directory = private_directory(Path(data_dir or "/var/lib/datalab").resolve(), traversable=True)
    hub_directory = private_directory(directory / "hub")
    private_directory(directory / "logs")
    log = logging.getLogger("datalab")

    site = Site(
        instance=instance or instance_id(hub_directory),
        data_dir=directory,
        catalog=load_catalog(catalog_path),
        ledger=UsageLedger(create_engine(_ledger_url(c, hub_directory))),
        audit=AuditLog(directory / "logs" / "audit.jsonl", log),
        config=c,
        log=log,
    )
    for name in sorted({profile.backend for profile in site.catalog.profiles}):
        find_platform(name).configure(c, site.catalog)
    c.JupyterHub.spawner_class = WorkspaceSpawner
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.default_url = _start_page
    # A failed start is the person's to retry; a hub that ends itself stops everybody's work.
    c.Spawner.consecutive_failure_limit = 0
    if "init_spawners_timeout" not in c.JupyterHub:
        # A machine that an earlier hub has asked for takes minutes. Nobody else has to wait for it
        # with pages that do not answer, and it needs the hub to say where it is.
        c.JupyterHub.init_spawners_timeout = _ADOPTION_WAIT
    c.Spawner.default_url = "/lab"
    c.Spawner.environment.update({"JUPYTERHUB_ACTIVITY_INTERVAL": str(_ACTIVITY_INTERVAL)})
    # The proxy counts every request as activity, so that an open tab which merely polls would
    # keep its workspace alive for ever. The workspace itself knows better and reports.
    c.JupyterHub.last_activity_interval = _NEVER

    for path in reversed(TEMPLATE_PATHS):  # before JupyterHub's own, which they replace
        c.JupyterHub.template_paths.insert(0, str(path))
    c.JupyterHub.template_vars.update(template_vars(site))
    c.JupyterHub.extra_handlers.extend(handlers(site))
    c.JupyterHub.tornado_settings.update({SETTING: site, "slow_spawn_timeout": _INLINE_WAIT})
    c.JupyterHub.services.append(_culler(catalog_path, culler_url))
    c.JupyterHub.load_roles.extend([role for role in ROLES if role["name"] == CULLER])
    credentials.install(c, site, catalog_path)
    housekeeping.schedule(site)
    return site


def _start_page(handler: Any) -> str:
    return str(handler.hub.base_url) + "home"


def _ledger_url(c: Config, directory: Path) -> str:
    """Return the hub's own database, unless that is SQLite.

    A second connection to one SQLite file would wait for the hub's open transaction, in the same
    thread: for ever. So next to a SQLite hub the ledger has a file of its own.
    """
    url = c.JupyterHub.db_url if "db_url" in c.JupyterHub else "sqlite://"
    if str(url).startswith("sqlite"):
        return f"sqlite:///{directory / 'usage.sqlite'}"
    return str(url)


def _culler(catalog: Path | None, url: str | None) -> dict[str, Any]:
    """Return the idle culler as a hub service: one process, its hook decides per profile."""
    config_file = Path(__file__).with_name("culler_config.py")
    environment = {PARENT: str(os.getpid())}
    if catalog:
        environment["DATALAB_CATALOG"] = str(catalog.resolve())
    command = [sys.executable, "-m", "jupyterhub_idle_culler", f"--config={config_file}"]
    return {
        "name": CULLER,
        "command": command + ([f"--url={url}"] if url else []),
        # The hub gives a service only what is listed here, plus its own token.
        "environment": environment | {"PATH": os.environ.get("PATH", os.defpath)},
    }
