"""What one Datalab installation consists of, handed to every part that runs inside the hub."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets.config import Config

if TYPE_CHECKING:
    from .audit import AuditLog
    from .catalog import Catalog
    from .spawner.backend import Platform
    from .spawner.registration import Registrations
    from .usage import UsageLedger


def _registrations() -> Registrations:
    from .spawner.registration import Registrations

    return Registrations()


@dataclass
class Site:
    """The shared objects of one hub, built once by :func:`datalab_hub.config.configure`.

    Handlers find it as ``self.settings["datalab"]``, spawners as ``self.site``.

    Attributes:
        instance: identifies this installation in platform labels and tags, so that two
            installations on one platform never touch each other's workspaces.
        endings: why a person's workspace ended by itself, by (person, workspace), until it is
            started again.
        registrations: the workspaces that are expected to say where they listen.
        broker: where workspaces find the credential broker; nothing where there is none.
    """

    instance: str
    data_dir: Path
    catalog: Catalog
    ledger: UsageLedger
    audit: AuditLog
    config: Config
    log: logging.Logger
    platforms: dict[str, Platform] = field(default_factory=dict)
    endings: dict[tuple[str, str], str] = field(default_factory=dict)
    registrations: Registrations = field(default_factory=_registrations)
    broker: str = ""

    def __deepcopy__(self, memo: dict[int, Any]) -> Site:
        """Return itself: traitlets copies configuration, and there is one site per hub."""
        return self

    def platform(self, name: str) -> Platform:
        """Return the platform behind ``backend: name`` in the catalog, creating it once.

        Raises:
            DatalabError: no distribution provides a backend of that name.
        """
        if name not in self.platforms:
            from .spawner.backend import find_platform

            self.platforms[name] = find_platform(name)(site=self, parent=None, config=self.config)
        return self.platforms[name]


BROKER_URL = "DATALAB_BROKER_URL"
"""Environment variable of a workspace: where its agent finds the broker."""

SETTING = "datalab"
"""The key in tornado's settings under which the :class:`Site` travels."""


def site_of(settings: dict[str, Any]) -> Site:
    """Return the site from tornado settings.

    Raises:
        RuntimeError: the hub was configured by hand, without ``configure(c)``.
    """
    try:
        site: Site = settings[SETTING]
    except KeyError:
        raise RuntimeError(
            "This hub uses Datalab's spawner without Datalab's configuration. "
            "Call datalab_hub.config.configure(c) in jupyterhub_config.py."
        ) from None
    return site
