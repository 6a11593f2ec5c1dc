"""What a workspace does whose home cannot be written: full, over quota, read-only, not its own.

A server writes a handful of small files before it answers, and so does each kernel. When the home
does not take them they go to a directory that does, and the person is told.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

PROBLEM = "DATALAB_HOME_PROBLEM"
"""Environment variable: what is wrong with the home; set by :func:`prepare`."""

_PROBE = b"\0" * 16384
_SHARED_MEMORY = "/dev/shm"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def prepare() -> None:
    """Make sure that the server and its kernels can write what they need.

    Sets :data:`PROBLEM` to what the person should know. Does nothing when the home is in order,
    or when no other place takes files either: then the server's own error says more.
    """
    problem = _unwritable(Path(jupyter_runtime_dir()))
    if problem is None:
        return
    place = _elsewhere()
    if place is None:
        return
    os.environ["JUPYTER_RUNTIME_DIR"] = str(place)
    # Kernels keep their history and their lock files here.
    os.environ["IPYTHONDIR"] = str(place / "ipython")
    for variable, path in (
        ("JUPYTER_CONFIG_DIR", jupyter_config_dir()),
        ("JUPYTER_DATA_DIR", jupyter_data_dir()),
    ):
        if not _exists(Path(path)):
            os.environ[variable] = str(place / variable.lower())
    os.environ[PROBLEM] = _text(problem)
    print(os.environ[PROBLEM], file=sys.stderr, flush=True)


def database(name: str) -> Path:
    """Return where an SQLite database of the person's belongs.

    In the home; where that takes no files, and does not have it yet, beside the runtime files: what
    cannot make its tables does not load, and Lab then advises to install it.
    """
    path = Path(jupyter_data_dir(), name)
    if PROBLEM in os.environ and not _begun(path):
        return Path(jupyter_runtime_dir(), name)
    return path


def _begun(path: Path) -> bool:
    """Return whether a database has content: one that could not be made is empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _unwritable(directory: Path) -> OSError | None:
    """Return why a file of some size cannot be written there."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".probe-") as file:
            file.write(_PROBE)
            file.flush()
    except OSError as error:
        return error
    return None


def _elsewhere() -> Path | None:
    for parent in (tempfile.gettempdir(), _SHARED_MEMORY):
        try:
            place = Path(tempfile.mkdtemp(prefix="datalab-runtime-", dir=parent))
        except OSError:
            continue
        if _unwritable(place) is None:
            return place
        shutil.rmtree(place, ignore_errors=True)
    return None


def _exists(directory: Path) -> bool:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return directory.is_dir()
    return True


def _text(problem: OSError) -> str:
    home = Path.home()
    if problem.errno in _FULL:
        free = shutil.disk_usage(home).free
        return (
            f"The home directory {home} is full ({_size(free)} free), so nothing can be saved. "
            "Delete what you no longer need, in a terminal: du -xh ~ | sort -h | tail -20 shows "
            "what is large. Then restart the workspace. Until then the history of cells is lost "
            "when it stops."
        )
    return (
        f"The home directory {home} cannot be written ({problem.strerror}), so nothing can be "
        "saved there. Ask whoever runs this Datalab to look at its owner and at how it is mounted."
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 1_000_000 else f"{count} bytes"
