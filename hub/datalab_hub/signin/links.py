"""One-time sign-in links.

The code stands in the link's fragment, which browsers send to nobody: it reaches no log, no
referrer and no proxy. Only a hash of it is kept, as the name of a small file.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

LIFETIME = 600  # seconds


def mint(directory: Path, user: str, lifetime: float = LIFETIME) -> str:
    """Return a fresh code that signs ``user`` in once within ``lifetime`` seconds."""
    _forget_expired(directory)
    code = secrets.token_urlsafe(32)
    body = json.dumps({"user": user, "expires": time.time() + lifetime})
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(_path(directory, code), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(body)
    return code


def redeem(directory: Path, code: str) -> str | None:
    """Return whom a code signs in and make it worthless, ``None`` if it is so already.

    Of several attempts at once just one succeeds: whoever removes the file.
    """
    path = _path(directory, code)
    try:
        body = json.loads(path.read_text())
        path.unlink()
    except (FileNotFoundError, ValueError):
        return None
    return str(body["user"]) if time.time() < body["expires"] else None


def _path(directory: Path, code: str) -> Path:
    return directory / hashlib.sha256(code.encode()).hexdigest()


def _forget_expired(directory: Path) -> None:
    for path in directory.glob("*"):
        with suppress(FileNotFoundError, ValueError):
            if json.loads(path.read_text())["expires"] < time.time():
                path.unlink()
