"""Sources that have left the catalog, until what was made at them for people is taken back.

Whoever takes a source out of the catalog also takes out how to reach it. So the broker keeps a book
of the sources where it leaves something behind: their entries in the catalog, which hold references
to secrets and never a secret.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..catalog.sources import DataSource
from .minters import Minter
from .problems import CredentialProblem

_SOURCE: TypeAdapter[DataSource] = TypeAdapter(DataSource)


@dataclass
class _Departed:
    minter: Minter[Any]
    ends: datetime
    told: bool = False


class Departed:
    """The book, and what is in it that the catalog no longer has.

    Args:
        path: the book, a file of mode 0600; what it says is from the broker's last run.
        minters: those of the catalog.
        minter_for: makes one for an entry that has left.
    """

    def __init__(
        self,
        path: Path,
        minters: Iterable[Minter[Any]],
        minter_for: Callable[[DataSource], Minter[Any] | None],
        log: logging.Logger,
    ) -> None:
        self._path = path
        self._log = log
        self._here = [minter.source for minter in minters if minter.takes_back]
        here = {_place(source) for source in self._here}
        self._gone: list[_Departed] = []
        for source, ends in self._read():
            minter = minter_for(source) if _place(source) not in here else None
            if minter is not None and minter.takes_back:
                self._gone.append(_Departed(minter, ends or datetime.now(UTC) + source.lifetime))
        self._write()

    async def sweep(self) -> None:
        """Take back all that was made at sources that have left.

        A source that cannot be reached is tried again, until its last credential has ended.
        """
        for entry in list(self._gone):
            name, count = entry.minter.source.name, 0
            try:
                count = await entry.minter.sweep(lambda run: False)
            except CredentialProblem as problem:
                if not entry.told:
                    self._log.warning(
                        "%s has left the catalog, and what it gave cannot be taken back yet; "
                        "it ends by itself at %s (%s)",
                        *(name, f"{entry.ends:%H:%M} UTC", problem.detail or problem.message),
                    )
                    entry.told = True
                if datetime.now(UTC) < entry.ends:
                    continue
            self._log.info("%s has left the catalog; took back %s credentials", name, count)
            self._gone.remove(entry)
            self._write()

    def _read(self) -> list[tuple[DataSource, datetime | None]]:
        try:
            entries = json.loads(self._path.read_text())["sources"]
            return [
                (
                    _SOURCE.validate_python(entry["source"]),
                    datetime.fromisoformat(entry["ends"]) if entry["ends"] else None,
                )
                for entry in entries
            ]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            # Of another release, or a file system's accident: credentials end by themselves.
            self._log.warning("%s is not understood and begun anew (%s)", self._path, error)
            return []

    def _write(self) -> None:
        entries: list[dict[str, Any]] = [
            *({"source": _dump(source), "ends": None} for source in self._here),
            *(
                {"source": _dump(entry.minter.source), "ends": entry.ends.isoformat()}
                for entry in self._gone
            ),
        ]
        draft = self._path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"sources": entries}, file, indent=1)
        draft.replace(self._path)


def _place(source: DataSource) -> tuple[str, str, str]:
    """Return what makes an entry another source: its name, its kind of credential, where it is."""
    minting = getattr(source, "minting", "")
    return source.name, f"{source.kind} {minting}", json.dumps(source.facts(), sort_keys=True)


def _dump(source: DataSource) -> dict[str, Any]:
    return source.model_dump(mode="json", exclude_none=True)
