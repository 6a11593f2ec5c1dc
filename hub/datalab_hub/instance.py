"""The directories, the identity and the operator's token of one installation, and what
``datalab up`` tells its hub.

Imports nothing large: commands should answer at once.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .errors import DatalabError

# Environment variables, from ``datalab up`` to its hub:
CATALOG, DATA_DIR, PORT = "DATALAB_CATALOG", "DATALAB_DATA_DIR", "DATALAB_PORT"
OWNER, KEEP_WORKSPACES = "DATALAB_OWNER", "DATALAB_KEEP_WORKSPACES"
STATUS_FD = "DATALAB_STATUS_FD"
"""A descriptor on which ``datalab up`` reads one JSON line per event."""


def private_directory(path: Path, *, traversable: bool = False) -> Path:
    """Return an existing directory that is private to its owner, creating it when missing.

    Args:
        traversable: others may pass through it by name, without listing it (mode 0711). Root
            needs that above homes which belong to other uids.

    Raises:
        DatalabError: it cannot be created or written; names the path and the cause.
    """
    mode = 0o711 if traversable and os.geteuid() == 0 else 0o700
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        if path.stat().st_uid == os.geteuid():
            path.chmod(mode)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(0, "no permission to write")
    except OSError as error:
        raise DatalabError(
            f"Datalab cannot use the directory {path}: {error.strerror}. "
            "Choose another one with --data-dir, or give this user the right to write there."
        ) from error
    return path


def instance_id(directory: Path) -> str:
    """Return this installation's identity, the same for ever: a random word in a file.

    It marks everything that the installation starts on a platform, so that two installations on
    one machine or cluster never take each other's workspaces for orphans.
    """
    path = directory / "instance"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        name = secrets.token_hex(6)
        path.write_text(name + "\n")
        return name


def operator_token(data_dir: Path) -> str:
    """Return the token with which ``datalab`` commands talk to the hub; kept with mode 0600."""
    path = data_dir / "hub" / "operator_token"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()
