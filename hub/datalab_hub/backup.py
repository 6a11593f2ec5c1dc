"""Copy the hub's SQLite databases while the hub runs: ``python -m datalab_hub.backup``.

Each run makes one directory, named by the time (UTC), and forgets the oldest. A run that fails
leaves nothing but what was there before.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

from .errors import DatalabError

_DATABASES = "*.sqlite"
_IDENTITY = ("datalab/hub/instance",)


def back_up(source: Path, target: Path, keep: int, now: datetime | None = None) -> Path:
    """Copy every database below ``source`` into a new directory in ``target``.

    SQLite's own backup takes a consistent copy beside a writing hub.

    Args:
        keep: how many copies there are afterwards, this one included.

    Returns:
        the new copy.

    Raises:
        DatalabError: no database there, or a copy that is not sound; says which.
    """
    databases = sorted(source.rglob(_DATABASES))
    if not databases:
        raise DatalabError(f"There is no SQLite database below {source}: is the hub's claim there?")
    name = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H-%M-%SZ")
    draft = target / f".{name}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for database in databases:
            copy = draft / database.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(database, copy)
        for path in _IDENTITY:
            if (source / path).exists():
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / path, draft / path)
        done = draft.rename(target / name)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for old in sorted(path for path in target.iterdir() if path.name[0].isdigit())[:-keep]:
        shutil.rmtree(old)
    return done


def _copy(database: Path, copy: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as original,
        contextlib.closing(sqlite3.connect(copy)) as written,
    ):
        original.backup(written)
        verdict = written.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise DatalabError(f"The copy of {database} is not sound: {verdict}")


def main(argv: list[str] | None = None) -> int:
    """Run one backup; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--keep", type=int, default=14)
    arguments = parser.parse_args(argv)
    try:
        print(f"Copied to {back_up(arguments.source, arguments.target, arguments.keep)}")
    except (DatalabError, OSError, sqlite3.Error) as error:
        print(f"datalab backup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
