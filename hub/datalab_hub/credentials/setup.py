"""What ``configure(c)`` adds for data sources: the service, the hub's handlers, the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from traitlets import Float, Unicode
from traitlets.config import Config, Configurable

from ..catalog.sources.cloud import S3Source
from ..instance import private_directory
from ..lifeline import PARENT
from ..ports import LOOPBACK, Ports
from ..site import BROKER_URL, Site
from . import introspect
from .environment import AUDIT, BIND, BOOK, CATALOG, INSTANCE, PER_MINUTE, SWEEP_EVERY
from .introspect import SERVICE

AWS_SOURCE = "DATALAB_AWS_SOURCE"
"""Environment variable of a workspace: the source behind AWS's default credential chain."""

AWS_REGION = "DATALAB_AWS_REGION"
"""Environment variable of a workspace: the region of that source."""

# What may be written down: JupyterHub keeps a service's environment in its database. Secrets
# (AWS_…) the broker reads from the hub's process instead, see service.py.
_KEPT = ("PATH", "HOME", "LANG", "TZ", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
_KEPT_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


class CredentialBroker(Configurable):
    """Settings of the broker, as ``c.CredentialBroker`` in ``jupyterhub_config.py``."""

    bind_url = Unicode(
        help="Where the broker listens, as in http://0.0.0.0:8082. Only loopback, on a port of "
        "its own, when left out: right for workspaces on this machine."
    ).tag(config=True)
    workspace_url = Unicode(
        help="Where workspaces find the broker, if that is not bind_url: a Service in Kubernetes."
    ).tag(config=True)
    requests_per_minute = Float(
        20, help="Credentials that one workspace may ask for one source, in the long run."
    ).tag(config=True)
    sweep_seconds = Float(
        15, help="How often database roles of stopped workspaces are looked for and removed."
    ).tag(config=True)


def install(c: Config, site: Site, catalog: Path | None) -> None:
    """Add the broker to a hub, if its catalog has data sources."""
    if not site.catalog.data_sources:
        return
    settings = CredentialBroker(config=c)
    bind = settings.bind_url or default_bind(site)
    site.broker = settings.workspace_url or bind
    c.JupyterHub.extra_handlers.extend(introspect.handlers())
    c.JupyterHub.services.append(_service(site, catalog, settings, bind))

    def default_name(spawner: Any) -> str:
        source = aws_source(site, spawner.groups)
        return source.name if source else ""

    def default_region(spawner: Any) -> str:
        source = aws_source(site, spawner.groups)
        return (source.region or "") if source else ""

    c.Spawner.environment.update(
        {
            BROKER_URL: site.broker,
            AWS_SOURCE: default_name,
            AWS_REGION: default_region,
        }
    )


def default_bind(site: Site) -> str:
    """Return an address on loopback that stays the same over restarts: workspaces know it."""
    return f"http://{LOOPBACK}:{Ports(site.data_dir / 'hub' / 'ports.json').get('credentials')}"


def aws_source(site: Site, groups: list[str]) -> S3Source | None:
    """Return the source that AWS clients get without asking: the person's first S3 one."""
    sources = site.catalog.sources_for(groups)
    return next((source for source in sources if isinstance(source, S3Source)), None)


def _service(
    site: Site, catalog: Path | None, settings: CredentialBroker, bind: str
) -> dict[str, Any]:
    environment = {
        name: value for name, value in os.environ.items() if name in (*_KEPT, *_KEPT_CERTIFICATES)
    }
    book = private_directory(site.data_dir / "credentials") / "sources.json"
    environment |= {
        PARENT: str(os.getpid()),
        BIND: bind,
        AUDIT: str(site.audit.path.resolve()),
        BOOK: str(book),
        INSTANCE: site.instance,
        PER_MINUTE: str(settings.requests_per_minute),
        SWEEP_EVERY: str(settings.sweep_seconds),
    }
    if catalog is not None:
        environment[CATALOG] = str(catalog.resolve())
    return {
        "name": SERVICE,
        # No url: the proxy must not lead to it. No scopes: the hub's handlers know it by name.
        "command": [sys.executable, "-m", "datalab_hub.credentials.service"],
        "environment": environment,
    }
