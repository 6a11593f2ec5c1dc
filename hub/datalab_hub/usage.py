"""Who ran what, when, and at which price: the usage ledger.

One row per run of a workspace, written when the start begins. It answers the operator's
questions ("who used what, what did it cost, why did it not start") and the person's ("how long
does this take, what has it cost so far").
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

_HOUR = Decimal(3600)
_STARTS_FOR_ESTIMATE = 20

_metadata = sa.MetaData()
_runs = sa.Table(
    "datalab_runs",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user", sa.Unicode(255), nullable=False, index=True),
    sa.Column("server", sa.Unicode(255), nullable=False),
    sa.Column("title", sa.Unicode(255), nullable=False),
    sa.Column("profile", sa.Unicode(63), nullable=False, index=True),
    sa.Column("backend", sa.Unicode(63), nullable=False),
    # Text, not a float: prices are money. The price as it was when the run began.
    sa.Column("price_per_hour", sa.Unicode(32)),
    sa.Column("began", sa.DateTime, nullable=False, index=True),
    sa.Column("ready", sa.DateTime),
    sa.Column("ended", sa.DateTime, index=True),
    sa.Column("outcome", sa.Unicode(32)),
    sa.Column("reason", sa.Unicode(63)),
)


@dataclass(frozen=True)
class Run:
    """One run of a workspace. Times are in UTC.

    Attributes:
        began: when the start was asked for.
        ready: when the workspace answered; ``None`` if it never did, or not yet.
        ended: ``None`` while it runs.
        outcome: ``stopped``, ``failed``, ``cancelled`` or ``lost``; ``None`` while it runs.
    """

    id: int
    user: str
    server: str
    title: str
    profile: str
    backend: str
    price_per_hour: Decimal | None
    began: datetime
    ready: datetime | None
    ended: datetime | None
    outcome: str | None
    reason: str | None

    def cost(self, now: datetime | None = None) -> Decimal | None:
        """Return the cost so far, ``None`` without a price. It counts from readiness."""
        if self.price_per_hour is None:
            return None
        if self.ready is None:
            return Decimal(0)
        seconds = ((self.ended or now or _now()) - self.ready).total_seconds()
        return self.price_per_hour * Decimal(max(0.0, seconds)) / _HOUR


class UsageLedger:
    """Reads and writes the ledger.

    Args:
        engine: of a database that may be the hub's own; the table is created when missing.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        _metadata.create_all(engine)

    def begin(
        self,
        user: str,
        server: str,
        title: str,
        profile: str,
        backend: str,
        price_per_hour: Decimal | None,
        now: datetime | None = None,
    ) -> int:
        """Note that a start was asked for, and return the run's number."""
        values = {
            "user": user,
            "server": server,
            "title": title[:255],
            "profile": profile,
            "backend": backend,
            "price_per_hour": None if price_per_hour is None else str(price_per_hour),
            "began": _naive(now),
        }
        with self._engine.begin() as connection:
            result = connection.execute(_runs.insert().values(**values))
            key: tuple[int, ...] = result.inserted_primary_key or ()
            return key[0]

    def ready(self, run_id: int, now: datetime | None = None) -> None:
        """Note that the workspace answers; only the first time counts."""
        self._update(run_id, _runs.c.ready.is_(None), ready=_naive(now))

    def end(
        self, run_id: int, outcome: str, reason: str | None = None, now: datetime | None = None
    ) -> None:
        """Note the end; only the first time counts."""
        self._update(
            run_id, _runs.c.ended.is_(None), ended=_naive(now), outcome=outcome, reason=reason
        )

    def get(self, run_id: int) -> Run | None:
        """Return one run."""
        return next(iter(self._select(_runs.c.id == run_id)), None)

    def open_runs(self) -> list[Run]:
        """Return the runs that have not ended."""
        return self._select(_runs.c.ended.is_(None))

    def between(self, first: datetime, last: datetime) -> list[Run]:
        """Return the runs that overlap a stretch of time, oldest first."""
        return self._select(
            _runs.c.began < _naive(last),
            sa.or_(_runs.c.ended.is_(None), _runs.c.ended > _naive(first)),
        )

    def failures(self, limit: int = 20) -> list[Run]:
        """Return the latest starts that failed, newest first."""
        return self._select(_runs.c.outcome == "failed", newest_first=True, limit=limit)

    def expected_start(self, profile: str) -> float | None:
        """Return how long starts of a profile usually take, in seconds: the median of the last."""
        query = (
            sa.select(_runs.c.began, _runs.c.ready)
            .where(_runs.c.profile == profile, _runs.c.ready.is_not(None))
            .order_by(_runs.c.id.desc())
            .limit(_STARTS_FOR_ESTIMATE)
        )
        with self._engine.connect() as connection:
            times = [(row.ready - row.began).total_seconds() for row in connection.execute(query)]
        return statistics.median(times) if times else None

    def last_used(self, user: str) -> dict[str, datetime]:
        """Return when a person last started each profile."""
        query = (
            sa.select(_runs.c.profile, sa.func.max(_runs.c.began).label("latest"))
            .where(_runs.c.user == user)
            .group_by(_runs.c.profile)
        )
        with self._engine.connect() as connection:
            return {row.profile: _aware(row.latest) for row in connection.execute(query)}

    def close_lost(self, alive: Iterable[int], now: datetime | None = None) -> int:
        """End the runs that nobody runs any more (the hub died in between); return how many."""
        statement = (
            _runs.update()
            .where(_runs.c.ended.is_(None), _runs.c.id.not_in(list(alive)))
            .values(ended=_naive(now), outcome="lost", reason="hub_restart")
        )
        with self._engine.begin() as connection:
            return int(connection.execute(statement).rowcount)

    def _update(self, run_id: int, condition: Any, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                _runs.update().where(_runs.c.id == run_id, condition).values(**values)
            )

    def _select(
        self, *conditions: Any, newest_first: bool = False, limit: int | None = None
    ) -> list[Run]:
        order = _runs.c.id.desc() if newest_first else _runs.c.id
        query = sa.select(_runs).where(*conditions).order_by(order).limit(limit)
        with self._engine.connect() as connection:
            return [_run(row) for row in connection.execute(query)]


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    for name in ("began", "ready", "ended"):
        values[name] = _aware(values[name]) if values[name] else None
    price = values["price_per_hour"]
    values["price_per_hour"] = None if price is None else Decimal(price)
    return Run(**values)


def _now() -> datetime:
    return datetime.now(UTC)


def _naive(moment: datetime | None) -> datetime:
    """SQLite keeps no zone, so the database holds UTC without one."""
    return (moment or _now()).astimezone(UTC).replace(tzinfo=None)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
