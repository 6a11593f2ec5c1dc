"""Paths that a browser names, held below the folder that the server shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.services.contents.fileio import FileManagerMixin


class Outside(ValueError):
    """A path that is not below the server's root folder, or cannot be a path at all."""


class NotLocal(ValueError):
    """The server keeps its notebooks somewhere else than in files of this machine."""


def root_of(contents: Any) -> Path:
    """Return the folder that a contents manager shows.

    Raises ``NotLocal`` for one that keeps notebooks elsewhere (in a bucket, in a database): the
    exporter reads files, and writes the project beside them.
    """
    if not isinstance(contents, FileManagerMixin):
        raise NotLocal(
            f"This server keeps notebooks with {type(contents).__name__}, not as files on this "
            "machine; download the notebook and export it with datalab-export"
        )
    return Path(getattr(contents, "root_dir", "")).expanduser()


def below(root: str | Path, named: object) -> Path:
    """Return the file or folder that ``named`` means: relative to ``root``, links followed.

    Raises ``Outside`` for anything else: absolute paths, ``..`` and links that lead out, the root
    itself, NUL characters, values that are no text.
    """
    if not isinstance(named, str) or not named.strip() or "\0" in named:
        raise Outside("The path is missing or is no text")
    base = Path(root).expanduser().resolve()
    if Path(named).is_absolute():
        raise Outside(f"{named} is absolute; name it relative to the server's root folder")
    try:
        found = (base / named).resolve()
    except (OSError, RuntimeError) as error:  # a name too long, links in a circle
        raise Outside(f"{named[:200]} is no usable path: {error}") from error
    if found == base or not found.is_relative_to(base):
        raise Outside(f"{named} does not lie inside the server's root folder")
    return found
