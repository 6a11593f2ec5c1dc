"""What the templates ask for. They hold no logic beyond showing it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from .. import __version__
from ..site import Site
from ..usage import Run
from .cards import Card, cards, duration, is_quick, money, since


@dataclass(frozen=True)
class Workspace:
    """A running, starting or stopped workspace, ready to show."""

    user: str
    server: str
    title: str
    profile: str
    state: str  # "running" | "starting" | "stopping" | "stopped"
    url: str
    since: str
    cost: str
    stops: str
    last_activity: str


@dataclass(frozen=True)
class Total:
    """What one person used in a stretch of time."""

    user: str
    runs: int
    hours: str
    today: str
    month: str


class View:
    """Bound to the template variable ``datalab``."""

    version = __version__

    def __init__(self, site: Site, static: Path) -> None:
        self._site = site
        self._static = static

    @cache  # noqa: B019  # one view lives as long as the hub
    def asset(self, name: str) -> str:
        """Return a static file's path below the hub, with a hash so that browsers may keep it."""
        content = (self._static / name).read_bytes()
        return f"datalab/static/{name}?v={hashlib.sha256(content).hexdigest()[:16]}"

    def cards(self, user: Any) -> list[Card]:
        """Return the cards that this person may choose from."""
        return cards(self._site, user.name, self.groups(user))

    def elsewhere(self, user: Any, server: str) -> list[Card]:
        """Return the cards other than its own for a workspace."""
        row = user.orm_user.orm_spawners.get(server)
        now = (row.user_options or {}).get("profile") if row is not None else None
        return [card for card in self.cards(user) if card.name != now]

    def is_quick(self, profile: Any) -> bool:
        """Return whether a start of this profile is usually over while one looks on."""
        return is_quick(self._site, profile)

    def groups(self, user: Any) -> list[str]:
        """Return the person's groups."""
        return sorted(group.name for group in user.orm_user.groups)

    def workspaces(self, user: Any) -> list[Workspace]:
        """Return a person's workspaces: the active ones first, then those that can be restarted."""
        found = [
            _workspace(self._site, user, user.get_spawner(name))
            for name, orm in user.orm_user.orm_spawners.items()
            if name or orm.server is not None or user.get_spawner("").active
        ]
        return sorted(found, key=lambda item: (item.state == "stopped", item.title))

    def ending(self, user: Any, server: str) -> str:
        """Return why a workspace's last run ended by itself; empty when nobody knows."""
        return self._site.endings.get((user.name, server), "")

    def everybodys(self, users: Iterable[Any]) -> list[Workspace]:
        """Return all active workspaces."""
        return [
            _workspace(self._site, user, spawner)
            for user in users
            for spawner in user.spawners.values()
            if spawner.active
        ]

    def totals(self, now: datetime | None = None) -> list[Total]:
        """Return what each person used today and this month, most expensive first."""
        now = now or datetime.now(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        first = midnight.replace(day=1)
        by_user: dict[str, list[Run]] = {}
        for run in self._site.ledger.between(first, now):
            by_user.setdefault(run.user, []).append(run)
        rows = []
        for user, runs in by_user.items():
            month, today = _cost(runs, first, now), _cost(runs, midnight, now)
            used = sum(_overlap(run, first, now) for run in runs)
            currency = self._site.catalog.currency
            total = Total(
                user, len(runs), _time(used), money(today, currency), money(month, currency)
            )
            rows.append((month, used, total))
        return [total for _, _, total in sorted(rows, key=lambda row: row[:2], reverse=True)]

    def failures(self) -> list[Run]:
        """Return the latest starts that failed."""
        return self._site.ledger.failures()


def _workspace(site: Site, user: Any, spawner: Any) -> Workspace:
    run: Run | None = spawner.run
    profile = spawner.profile
    state = {"spawn": "starting", "stop": "stopping", "check": "starting"}.get(
        spawner.pending or ""
    )
    state = state or ("running" if spawner.ready else "stopped")
    now = datetime.now(UTC)
    last = spawner.orm_spawner.last_activity
    last = last.replace(tzinfo=UTC) if last else None
    name = (spawner.orm_spawner.user_options or {}).get("profile", "")
    title = next((item.title for item in site.catalog.profiles if item.name == name), name)
    active = state != "stopped"
    return Workspace(
        user=user.name,
        server=spawner.name,
        title=spawner.title,
        profile=profile.title if profile else title,
        state=state,
        url=user.server_url(spawner.name) + "lab",
        since=since(now - run.began) if run and active else "",
        cost=money(run.cost(now), site.catalog.currency) if run and active else "",
        stops=_stops(profile, last, run, now) if profile and state == "running" else "",
        last_activity=f"{since(now - last)} ago" if last else "never",
    )


def _time(seconds: float) -> str:
    """Return how long somebody has used workspaces: in hours, and what is less in minutes."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else since(seconds)


def _stops(profile: Any, last: datetime | None, run: Run | None, now: datetime) -> str:
    """Return the sentence that says when the workspace will be stopped."""
    ends: list[tuple[timedelta, str]] = []
    if profile.idle_timeout is not None and last is not None:
        ends.append((last + profile.idle_timeout - now, "unless you use it"))
    if profile.max_runtime is not None and run is not None:
        ends.append((run.began + profile.max_runtime - now, "in any case"))
    if not ends:
        return "Runs until you stop it"
    left, why = min(ends)
    return f"Stops in {duration(max(left, timedelta(0)))} {why}"


def _overlap(run: Run, first: datetime, last: datetime) -> float:
    """Return for how many seconds a run was ready within a stretch of time."""
    if run.ready is None:
        return 0.0
    return max(0.0, (min(run.ended or last, last) - max(run.ready, first)).total_seconds())


def _cost(runs: Iterable[Run], first: datetime, last: datetime) -> Decimal:
    return sum(
        (
            (run.price_per_hour or Decimal(0)) * Decimal(_overlap(run, first, last)) / 3600
            for run in runs
        ),
        Decimal(0),
    )
