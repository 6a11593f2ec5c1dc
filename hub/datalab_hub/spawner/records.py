"""The local platform's labels: one small file for each workspace process that was ever admitted.

Kubernetes has labels and SageMaker has tags; a process has neither, so the local platform writes
down which process belongs to which workspace *before* the process is told who it is for. A
process without a record has been told nothing and ends by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .processes import ProcessId


@dataclass(frozen=True)
class Record:
    """Which process serves which workspace."""

    key: str
    user: str
    server: str
    pid: int
    created: float

    @property
    def process(self) -> ProcessId:
        """The process, identified beyond its number."""
        return ProcessId(self.pid, self.created)


class Records:
    """The records of one installation.

    Args:
        directory: created if missing, readable for the hub's user only.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, record: Record) -> None:
        """Write a record so that a crash leaves either the whole of it or nothing."""
        path = self._path(record.key)
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(record), file)
        draft.replace(path)

    def remove(self, key: str) -> None:
        """Remove a record if there is one."""
        self._path(key).unlink(missing_ok=True)

    def read(self, key: str) -> Record | None:
        """Return a workspace's record; ``None`` without one or with an unreadable one."""
        try:
            return Record(**json.loads(self._path(key).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def __iter__(self) -> Iterator[Record]:
        for path in sorted(self.directory.glob("*.json")):
            if (record := self.read(path.stem)) is not None:
                yield record

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}.json"
