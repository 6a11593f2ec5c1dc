"""Generated passwords for further people on one machine."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections import defaultdict, deque
from pathlib import Path

_WORD_CHARS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_GROUPS, _GROUP_CHARS = 4, 5  # 99 bits
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}  # as hashlib's documentation and RFC 7914 suggest


class Passwords:
    """A file of salted hashes, readable for the hub's user only.

    Args:
        path: of the file; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def generate(self, user: str) -> str:
        """Give a person a new password and return it; it is kept nowhere in clear."""
        chars = [secrets.choice(_WORD_CHARS) for _ in range(_GROUPS * _GROUP_CHARS)]
        password = "-".join(
            "".join(chars[start : start + _GROUP_CHARS])
            for start in range(0, len(chars), _GROUP_CHARS)
        )
        salt = secrets.token_bytes(16)
        entries = self._read()
        entries[user] = {"salt": salt.hex(), "hash": _hash(password, salt).hex()}
        self._write(entries)
        return password

    def remove(self, user: str) -> bool:
        """Take a person's password away; return whether there was one."""
        entries = self._read()
        found = entries.pop(user, None) is not None
        if found:
            self._write(entries)
        return found

    def check(self, user: str, password: str) -> bool:
        """Return whether the password is right; takes as long for somebody unknown."""
        entry = self._read().get(user)
        salt = bytes.fromhex(entry["salt"]) if entry else b"\0" * 16
        expected = bytes.fromhex(entry["hash"]) if entry else b"\0" * 64
        return hmac.compare_digest(_hash(password, salt), expected) and entry is not None

    def users(self) -> list[str]:
        """Return who has a password."""
        return sorted(self._read())

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            entries: dict[str, dict[str, str]] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return entries

    def _write(self, entries: dict[str, dict[str, str]]) -> None:
        draft = self.path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(entries, file, indent=1)
        draft.replace(self.path)


class FailureLimit:
    """Slows guessing: after some failures within a while, further attempts are refused."""

    def __init__(self, failures: int = 5, within: float = 300) -> None:
        self.failures = failures
        self.within = within
        self._times: dict[str, deque[float]] = defaultdict(deque)

    def wait(self, key: str, now: float | None = None) -> float:
        """Return how many seconds this key has to wait; 0 if it may try."""
        now = time.monotonic() if now is None else now
        times = self._times.get(key)
        while times and now - times[0] >= self.within:
            times.popleft()
        if not times:
            self._times.pop(key, None)  # keeps the table as small as the recent trouble
            return 0
        return self.within - (now - times[0]) if len(times) >= self.failures else 0

    def failed(self, key: str, now: float | None = None) -> None:
        """Note a failure."""
        self._times[key].append(time.monotonic() if now is None else now)


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)
