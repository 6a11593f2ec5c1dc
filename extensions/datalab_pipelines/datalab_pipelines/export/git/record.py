"""What the last export wrote: a file of the project, the base of the next export's merge.

It names every generated file with its id in git's object store, and holds the text of those that
the commit has otherwise (a person's lines are in them, or they are gone): so it needs no history,
and survives squashed pull requests and shallow clones.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from ...entry import EXPORT_RECORD

NAME = EXPORT_RECORD
FORMAT = 1
LARGEST_KEPT = 512 * 1024


@dataclass
class Record:
    """``files``: path → id of what was generated; ``kept``: path → its text.

    Paths are relative to the project's folder, with a leading slash to the repository's top.
    """

    files: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the file: sorted, so that it changes only when something did."""
        document = {
            "what": "Written by datalab-export; it merges the next export with your changes.",
            "format": FORMAT,
            "files": self.files,
            "kept": self.kept,
        }
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """Return what a file says; raises ``ValueError`` when it is damaged, or newer than us."""
        document = json.loads(data)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError("it is of another version of datalab-export")
        files, kept = document.get("files"), document.get("kept")
        return cls(_texts(files), _texts(kept))


def plain(content: bytes) -> str:
    """Return the id of ``content`` in a repository of git's default kind, without filters."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def text_of(content: bytes) -> str | None:
    """Return content that a record can keep, None for what is large or no text."""
    if len(content) > LARGEST_KEPT or b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(
        isinstance(one, str) for pair in value.items() for one in pair
    ):
        raise ValueError("it does not map paths to texts")
    return value
