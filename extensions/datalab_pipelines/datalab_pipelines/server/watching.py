"""Which stages of a pipeline under verification run, and how they ended: from its run record."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

RECORDS = "datalab-verify-*/pipeline*/.datalab/runs.sqlite"
EVERY = 0.3  # seconds
Report = Callable[[dict[str, Any]], None]


@contextlib.contextmanager
def reported_stages(report: Report) -> Iterator[None]:
    """Report stages of the pipelines that run below this process's temporary folder meanwhile."""
    ended = threading.Event()

    def look() -> None:
        known: dict[tuple[int, str], str] = {}
        while not ended.wait(EVERY):
            for stage in _stages(Path(tempfile.gettempdir())):
                key = stage["attempt"], stage["stage"]
                if known.get(key) != stage["state"]:
                    known[key] = stage["state"]
                    report({"phase": "verify", **stage})

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _stages(folder: Path) -> list[dict[str, Any]]:
    found = []
    for record in sorted(folder.glob(RECORDS), key=_attempt):
        try:
            with contextlib.closing(sqlite3.connect(f"file:{record}?mode=ro", uri=True)) as base:
                rows = base.execute("select node, status from stages order by rowid").fetchall()
        except sqlite3.Error:
            continue  # being made, or gone already
        found += [{"attempt": _attempt(record), "stage": a, "state": b} for a, b in rows]
    return found


def _attempt(record: Path) -> int:
    number = re.search(r"\d+$", record.parents[1].name)
    return int(number[0]) if number else 0
