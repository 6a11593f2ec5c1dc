"""Which images there are, and what each is built on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "images"


@dataclass(frozen=True)
class Image:
    """An image.

    Attributes:
        name: what commands call it; the image itself is ``datalab-<name>:<version>``.
        directory: of its Dockerfile and lists.
        parent: the image below it, if it is one of ours.
        locks: directories with ``requirements.in`` of the final image, in the order of its layers.
    """

    name: str
    directory: Path
    parent: str | None = None
    locks: tuple[Path, ...] = ()

    @property
    def reference(self) -> str:
        """The image's name with its version."""
        return f"datalab-{self.name}:{version()}"


_WORKSPACE = IMAGES / "workspace"
_DATASCIENCE = _WORKSPACE / "datascience"


def _workspace(name: str, parent: str | None, *locks: Path) -> Image:
    directory = _WORKSPACE / name
    return Image(name, directory, parent, (directory, *locks))


# In the order in which they are built.
IMAGES_BY_NAME = {
    image.name: image
    for image in (
        Image("hub", IMAGES / "hub", None, (IMAGES / "hub",)),
        _workspace("base", None),
        _workspace("datascience", "base", _DATASCIENCE / "sagemaker"),
        _workspace("gpu", "datascience"),
        _workspace("spark", "datascience"),
        _workspace("r", "datascience"),
    )
}


def version() -> str:
    """Return the release that images are tagged with: chart, hub and images have the same."""
    text = (ROOT / "extensions/datalab_workspace/datalab_workspace/__init__.py").read_text()
    found = re.search(r'__version__ = "([^"]+)"', text)
    assert found is not None
    return found[1]


def ancestors(name: str) -> list[Image]:
    """Return an image and what it is built on, lowest first."""
    image = IMAGES_BY_NAME[name]
    return [*(ancestors(image.parent) if image.parent else []), image]
