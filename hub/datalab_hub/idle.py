"""Which workspaces have been idle, or running, for too long: the culler's decision, per profile."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from traitlets.config import Config

from .catalog import Catalog, Profile, load_catalog

_CHECKS_PER_TIMEOUT = 6
_SHORTEST_INTERVAL = 1  # seconds
_LONGEST_INTERVAL = 60


def configure_culler(c: Config) -> None:
    """Configure ``jupyterhub-idle-culler`` from the catalog named in ``DATALAB_CATALOG``."""
    path = os.environ.get("DATALAB_CATALOG")
    catalog = load_catalog(Path(path) if path else None)
    c.IdleCuller.cull_arbiter_hook = arbiter(catalog)
    c.IdleCuller.cull_every = check_interval(catalog)
    # Not used by our hook, but the culler insists on a positive one.
    c.IdleCuller.timeout = _LONGEST_INTERVAL


def check_interval(catalog: Catalog) -> int:
    """Return how often to look, in seconds: often enough for the shortest limit."""
    limits = [
        limit.total_seconds()
        for profile in catalog.profiles
        for limit in (profile.idle_timeout, profile.max_runtime)
        if limit is not None
    ]
    wanted = int(min(limits, default=_LONGEST_INTERVAL) / _CHECKS_PER_TIMEOUT)
    return max(_SHORTEST_INTERVAL, min(_LONGEST_INTERVAL, wanted))


def arbiter(
    catalog: Catalog, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Callable[..., bool]:
    """Return the hook for ``IdleCuller.cull_arbiter_hook``.

    It reads the server model's ``user_options``; ``server["state"]`` would need the scope
    ``admin:server_state``.
    """

    def should_stop(*, inactive: timedelta, server: dict[str, Any], **_: Any) -> bool:
        profile = profile_of(catalog, server)
        if profile is None:
            return False
        if profile.idle_timeout is not None and inactive >= profile.idle_timeout:
            return True
        if profile.max_runtime is None or not server.get("started"):
            return False
        return now() - _time(server["started"]) >= profile.max_runtime

    return should_stop


def profile_of(catalog: Catalog, server: dict[str, Any]) -> Profile | None:
    """Return the profile of a server model, ``None`` when the catalog no longer has it."""
    name = (server.get("user_options") or {}).get("profile")
    return next((profile for profile in catalog.profiles if profile.name == name), None)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
