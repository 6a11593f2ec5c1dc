"""The run record: a SQLite file with every run, its stages, metrics and errors."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists runs (
    id text primary key, pipeline text not null, status text not null, parameters text not null,
    began text not null, seconds real, error text
);
create table if not exists stages (
    run text not null, node text not null, status text not null, attempts integer not null,
    began text, seconds real, fingerprint text, metrics text, error text, trace text,
    primary key (run, node)
);
create table if not exists results (fingerprint text primary key, document text not null);
create index if not exists runs_began on runs (began);
"""


@dataclass(frozen=True)
class Run:
    """A line of the record. ``status``: running, succeeded, failed, cancelled."""

    id: str
    pipeline: str
    status: str
    parameters: dict[str, Any]
    began: str
    seconds: float | None
    error: str | None


@dataclass(frozen=True)
class StageRun:
    """A stage in a run.

    ``status``: running, succeeded, reused, failed, cancelled, or skipped (a branch not taken).
    """

    run: str
    node: str
    status: str
    attempts: int
    began: str | None
    seconds: float | None
    fingerprint: str | None
    metrics: dict[str, float]
    error: str | None
    trace: str | None


class Record:
    """The record in a folder; safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "runs.sqlite"
        with self._connection() as connection:
            connection.executescript(SCHEMA)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=normal")
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def begin(self, run: str, pipeline: str, parameters: Mapping[str, Any]) -> None:
        """Note that a run has begun, or goes on."""
        with self._connection() as connection:
            connection.execute(
                "insert into runs values (?, ?, 'running', ?, ?, null, null) "
                "on conflict (id) do update set status = 'running', error = null",
                (run, pipeline, json.dumps(dict(parameters)), _now()),
            )

    def end(self, run: str, status: str, seconds: float, error: str | None = None) -> None:
        """Note how a run ended."""
        with self._connection() as connection:
            connection.execute(
                "update runs set status = ?, seconds = ?, error = ? where id = ?",
                (status, seconds, error, run),
            )

    def stage(self, run: str, node: str, status: str, **found: Any) -> None:
        """Note the state of a stage; ``found`` may hold the other columns."""
        row: dict[str, Any] = {"attempts": 1, "began": None, "seconds": None, "fingerprint": None}
        row |= {"metrics": {}, "error": None, "trace": None} | found
        row["metrics"] = json.dumps(row["metrics"])
        with self._connection() as connection:
            connection.execute(
                "insert or replace into stages values (:run, :node, :status, :attempts, :began, "
                ":seconds, :fingerprint, :metrics, :error, :trace)",
                {"run": run, "node": node, "status": status, **row},
            )

    def remember(self, fingerprint: str, document: Mapping[str, Any]) -> None:
        """Keep what a stage gave, to be reused."""
        with self._connection() as connection:
            connection.execute(
                "insert or replace into results values (?, ?)",
                (fingerprint, json.dumps(document)),
            )

    def recall(self, fingerprint: str) -> dict[str, Any] | None:
        """Return what a stage with this fingerprint gave, or None."""
        with self._connection() as connection:
            row = connection.execute(
                "select document from results where fingerprint = ?", (fingerprint,)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def runs(self, pipeline: str | None = None, limit: int = 20) -> list[Run]:
        """Return the latest runs, newest first."""
        with self._connection() as connection:
            rows = connection.execute(
                "select * from runs where ?1 is null or pipeline = ?1 "
                "order by began desc, rowid desc limit ?2",
                (pipeline, limit),
            ).fetchall()
        return [Run(**{**dict(row), "parameters": json.loads(row["parameters"])}) for row in rows]

    def find(self, run: str) -> Run | None:
        """Return a run by its id or the beginning of it; None when there is not exactly one."""
        found = [one for one in self.runs(limit=100_000) if one.id.startswith(run)]
        exact = [one for one in found if one.id == run]
        return exact[0] if exact else found[0] if len(found) == 1 else None

    def stages(self, run: str) -> list[StageRun]:
        """Return the stages of a run, in the order in which they began."""
        with self._connection() as connection:
            rows = connection.execute(
                "select * from stages where run = ? order by began is null, began, rowid", (run,)
            ).fetchall()
        return [
            StageRun(**{**dict(row), "metrics": json.loads(row["metrics"] or "{}")}) for row in rows
        ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
