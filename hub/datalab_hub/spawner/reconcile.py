"""Compare what runs on the platforms with what the hub's database knows, and end what nobody owns.

It starts from the *platform's* labels, never from the database alone: what the database has
forgotten is just what has to be found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..catalog.units import format_duration
from ..errors import DatalabError
from ..site import Site
from .backend import Resource


@dataclass(frozen=True)
class Finding:
    """One resource that belongs to nobody, and what was done about it."""

    backend: str
    resource: Resource
    action: str  # "removed" | "would remove" | "kept: it holds data" | "kept: …" | "failed: …"

    def __str__(self) -> str:
        resource = self.resource
        return f"{self.backend}: {resource.kind} {resource.name} of {resource.key}: {self.action}"


async def reconcile(
    site: Site,
    owned: Callable[[str], Collection[str]],
    *,
    dry_run: bool = False,
    remove_data: bool = False,
    min_age: timedelta = timedelta(0),
    backends: Collection[str] | None = None,
) -> list[Finding]:
    """End everything on the platforms that no workspace in the database owns.

    Args:
        owned: returns the keys of the workspaces that the database knows *now* to be on the
            platform of this name. A workspace that has moved to another platform owns nothing any
            more where it was. It is asked again right before each removal, since a start may
            have begun meanwhile: a start saves its state before its first call to the platform.
        dry_run: only say what would be done.
        remove_data: also remove resources that hold people's data.
        min_age: leave alone what is younger, where the platform says how old it is.
        backends: names of the platforms to look at; those in use when ``None``.

    Returns:
        one finding per resource without an owner. A platform that cannot be asked is left alone
        and logged.
    """
    findings: list[Finding] = []
    for name in backends if backends is not None else list(site.platforms):
        platform = site.platform(name)
        try:
            resources = await platform.resources()
        except (OSError, DatalabError) as error:
            site.log.warning("Cannot list what runs on %s (%s); left alone", name, error)
            continue
        except Exception:  # what a library raises must not end the round
            site.log.exception("Cannot list what runs on %s; left alone", name)
            continue
        for resource in resources:
            if resource.key in owned(name):
                continue
            if resource.holds_data and not remove_data:
                action = "kept: it holds data"
            elif _younger(resource, min_age):
                action = f"kept: younger than {format_duration(min_age)}"
            elif dry_run:
                action = "would remove"
            else:
                try:
                    await platform.remove(resource)
                    action = "removed"
                except (OSError, DatalabError) as error:
                    action = f"failed: {error}"
                except Exception as error:  # as above
                    site.log.exception("Cannot remove %s from %s", resource.name, name)
                    action = f"failed: {type(error).__name__}: {error}"
            findings.append(Finding(name, resource, action))
    return findings


def backend_of(state: dict[str, Any]) -> str | None:
    """Return the platform that a workspace's saved state names; ``None`` before it says so."""
    saved = state.get("datalab")
    # The profile is saved without what is default, and the default is `local` (catalog/models.py).
    return str(saved["profile"].get("backend", "local")) if saved else None


def _younger(resource: Resource, age: timedelta) -> bool:
    return resource.since is not None and datetime.now(UTC) - resource.since < age


async def keep_reconciled(
    site: Site,
    owned: Callable[[str], Collection[str]],
    every: timedelta,
    min_age: timedelta = timedelta(0),
) -> None:
    """Reconcile now and then again and again, until cancelled. What stays is said once."""
    said: set[Finding] = set()
    while True:
        findings = set(await reconcile(site, owned, min_age=min_age))
        for finding in findings - said:
            site.log.warning("Belongs to nobody: %s", finding)
            site.audit.record(
                "admin",
                user="datalab",
                server=finding.resource.key,
                outcome=finding.action,
                reason="belongs to nobody",
                detail={"resource": f"{finding.resource.kind} {finding.resource.name}"},
            )
        said = findings
        await asyncio.sleep(every.total_seconds())
