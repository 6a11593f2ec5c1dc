"""A uid for each person, on a machine where Datalab runs as root."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import stat
import sys
from pathlib import Path

FIRST_UID = 200_000  # above what distributions hand out, below user namespaces' usual ranges
_LAST_UID = 400_000


class UidTable:
    """Hands out uids, one per person, for ever: an old file must never become another's.

    Args:
        path: of the table; kept with mode 0600.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, int] = {}

    def uid(self, user: str) -> int:
        """Return a person's uid, choosing it the first time."""
        if user not in self._known:
            self._known[user] = self._allocate(user)
        return self._known[user]

    def _allocate(self, user: str) -> int:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # two hubs, or a hub and `datalab`, at once
            text = file.read()
            table: dict[str, int] = json.loads(text) if text else {}
            if user not in table:
                taken = {entry.pw_uid for entry in pwd.getpwall()}
                start = max([FIRST_UID - 1, *table.values()]) + 1
                uid = next(uid for uid in range(start, _LAST_UID) if uid not in taken)
                table[user] = uid
                draft = self.path.with_suffix(".new")
                draft.write_text(json.dumps(table, indent=1))
                draft.chmod(0o600)
                # Rewritten in place under the lock: a rename would leave others locking a file
                # that is no longer the table.
                file.seek(0)
                file.truncate()
                file.write(draft.read_text())
                file.flush()
                os.fsync(file.fileno())
                draft.unlink()
            return table[user]


def multi_person_obstacle(data_dir: Path) -> str | None:
    """Return why this machine cannot give each person a uid of their own; ``None`` if it can.

    Args:
        data_dir: where the homes will be; other uids have to be able to pass through.
    """
    if os.geteuid() != 0:
        return (
            "Datalab was not started as root, so all workspaces would run under one account and "
            "could read each other's secrets. It admits one person: the one who started it."
        )
    for prefix in dict.fromkeys((sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve()))):
        closed = _closed_directory(Path(prefix))
        if closed is not None:
            return (
                f"Other accounts cannot read {closed}, where Datalab's Python lives, so nobody "
                "else could start a workspace. Datalab admits one person: the one who started "
                "it. Install it where everybody can read it, for example below /opt."
            )
    closed = _closed_directory(data_dir.parent)
    if closed is not None:
        return (
            f"Other accounts cannot pass {closed}, above the homes in {data_dir}, so nobody else "
            "could use theirs. Datalab admits one person: the one who started it. Choose another "
            "--data-dir, for example /var/lib/datalab."
        )
    return None


def _closed_directory(path: Path) -> Path | None:
    """Return the first directory on the way to ``path`` that others may not pass."""
    for directory in [*reversed(path.parents), path]:
        if directory.is_dir() and not directory.stat().st_mode & stat.S_IXOTH:
            return directory
    return None
