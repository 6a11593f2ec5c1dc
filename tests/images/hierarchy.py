"""Which images there are: what ``tools/images`` knows, for tests that run in each of them."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from .room import ROOT, Room, existing, room

sys.path.insert(0, str(ROOT / "tools"))

from imaging.hierarchy import IMAGES_BY_NAME, ancestors

IMAGES = [*IMAGES_BY_NAME]
WORKSPACES = [name for name in IMAGES if name != "hub"]

# Small enough to be built by whoever tests; the others take longer than CI has for them.
_BUILT_HERE = ("hub", "base")


def every(name: str) -> AbstractContextManager[Room]:
    """Enter an image; one that is not built for tests is skipped where nobody built it."""
    return room(name) if name in _BUILT_HERE else existing(name)


def lists(name: str) -> list[Path]:
    """Return the lists of everything that an image has from Python's index."""
    return [image.directory / "packages.txt" for image in ancestors(name)]
