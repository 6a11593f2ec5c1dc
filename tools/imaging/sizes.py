"""Writes ``docs/reference/image-sizes.md``: what each image and each layer costs, and why."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from .hierarchy import IMAGES_BY_NAME, ROOT, Image
from .store import Layer, exists, layers

TARGET = ROOT / "docs/reference/image-sizes.md"
_WORTH_A_LINE = 1_000_000  # bytes
_SHOWN = 12

_HEAD = """# Sizes of the images

Uncompressed, as a node's disk sees them; registries send about a third. Written by
`tools/images sizes` from the images on this machine. Layers are shared: whoever has `base` fetches
only the rest of `datascience`.
"""


def report() -> str:
    """Return the page, of those images that are built here."""
    parts = [_HEAD]
    table = ["| image | size | of it its own |", "|---|---|---|"]
    details: list[str] = []
    for image in IMAGES_BY_NAME.values():
        if not exists(f"localhost/{image.reference}"):
            table.append(f"| `{image.name}` | not built on this machine | |")
            continue
        found = layers(f"localhost/{image.reference}")
        own = found[_below(image) :]
        total, added = sum(one.size for one in found), sum(one.size for one in own)
        table.append(f"| `{image.name}` | {_mega(total)} | {_mega(added)} |")
        details += _details(image, own)
    return "\n".join([*parts, *table, "", *details])


def _below(image: Image) -> int:
    """Return how many layers an image has from the one that it is built on."""
    if image.parent is None:
        return 0
    return len(layers(f"localhost/{IMAGES_BY_NAME[image.parent].reference}"))


def _details(image: Image, own: list[Layer]) -> list[str]:
    lines = [f"## {image.name}", ""]
    for layer in own:
        if layer.size < _WORTH_A_LINE:
            continue
        name = "Debian, by debootstrap" if layer.instruction == "/bin/sh" else layer.instruction
        lines += [f"**{_mega(layer.size)}** `{name}`", ""]
        costs = _costs(layer.path).most_common(_SHOWN)
        shown = [f"{name} {_mega(size)}" for name, size in costs if size >= _WORTH_A_LINE]
        if shown:
            lines += [", ".join(shown) + ".", ""]
    return lines


def _costs(root: Path) -> Counter[str]:
    """Return bytes per Python package, else per directory two levels deep."""
    costs: Counter[str] = Counter()
    for directory, _, files in os.walk(root):
        relative = Path(directory).relative_to(root).parts
        for file in files:
            path = Path(directory, file)
            if not path.is_symlink():
                costs[_name((*relative, file))] += path.stat().st_size
    return costs


def _name(parts: tuple[str, ...]) -> str:
    for site in ("dist-packages", "site-packages"):
        if site in parts and parts.index(site) + 1 < len(parts):
            return parts[parts.index(site) + 1].removesuffix(".libs")
    return "/".join(parts[: min(3, len(parts) - 1)])


def _mega(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
