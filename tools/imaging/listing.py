"""Lists of packages for people, from the locks: ``packages.txt`` beside each Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

from .hierarchy import IMAGES_BY_NAME, ROOT, Image, ancestors

# What the images are: markers of the locks are read for this.
PLATFORM = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def canonical(name: str) -> str:
    """Return a distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path) -> dict[str, str]:
    """Return name → version of what a lock installs in an image."""
    found = {}
    for line in path.read_text().splitlines():
        if not line[:1].isalnum():
            continue
        requirement = Requirement(line.removesuffix("\\").strip())
        marker: Marker | None = requirement.marker
        if marker is None or marker.evaluate(dict(PLATFORM)):
            found[canonical(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return found


def asked_for(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (comment, names) for each paragraph of a ``requirements.in``."""
    comment: list[str] = []
    names: list[str] = []
    for line in [*path.read_text().splitlines(), "#"]:
        if line.startswith("#"):
            if names:
                yield " ".join(comment), names
                comment, names = [], []
            comment.append(line.removeprefix("#").strip())
        elif line and not line.startswith("-"):
            names.append(canonical(Requirement(line).name))


def installed(image: Image) -> dict[str, str]:
    """Return name → version of every distribution in an image, without our own."""
    found: dict[str, str] = {}
    for layer in ancestors(image.name):
        for directory in layer.locks:
            found |= locked(directory / "requirements.txt")
    return found


def listing(image: Image) -> str:
    """Return the text of an image's ``packages.txt``."""
    below = installed(ancestors(image.name)[-2]) if image.parent else {}
    direct = {
        name
        for directory in image.locks
        for _, names in asked_for(directory / "requirements.in")
        for name in names
    }
    lines = [f"# What datalab-{image.name} adds; * marks what was asked for. tools/images lock"]
    for name, number in sorted(installed(image).items()):
        if name not in below:
            lines.append(f"{'*' if name in direct else ' '} {name} {number}")
    return "\n".join(lines) + "\n"


def write_listing(image: Image) -> None:
    """Write ``packages.txt``."""
    (image.directory / "packages.txt").write_text(listing(image))


_REFERENCE = ROOT / "docs/reference/images.md"
_HEAD = """# What is in each image

Versions are those of the locks; what these bring along is in `packages.txt` beside each Dockerfile.
Written by `make lock-images`. What it all costs: [sizes](image-sizes.md).
"""


def reference() -> str:
    """Return the page that names every library somebody asked for."""
    lines = [_HEAD]
    for image in IMAGES_BY_NAME.values():
        on = f", on top of `{image.parent}`" if image.parent else ""
        lines += [f"## {image.name}{on}", ""]
        numbers = installed(image)
        for directory in image.locks:
            for comment, names in asked_for(directory / "requirements.in"):
                shown = ", ".join(f"{name} {numbers[name]}" for name in names)
                lines.append(f"* {comment.rstrip('.')}: {shown}")
        debian = image.directory / "debian.txt"
        if debian.is_file():
            packages = (line.partition("#")[0].strip() for line in debian.read_text().splitlines())
            lines.append(f"* From Debian: {', '.join(name for name in packages if name)}")
        lines.append("")
    return "\n".join(lines)


def write_reference() -> None:
    """Write ``docs/reference/images.md``."""
    _REFERENCE.write_text(reference())
