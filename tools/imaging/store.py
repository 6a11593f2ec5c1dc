"""Reads what images hold: what buildah stored of layers, what a program in an image prints."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layer:
    """A layer of an image.

    Attributes:
        instruction: what made it, as in the Dockerfile.
        size: uncompressed, in bytes.
        path: directory with its files.
    """

    instruction: str
    size: int
    path: Path


def layers(reference: str) -> list[Layer]:
    """Return an image's layers, lowest first.

    Raises:
        subprocess.CalledProcessError: there is no such image.
    """
    inspected = json.loads(_buildah("inspect", "--type", "image", reference))["OCIv1"]
    store = Path(json.loads(_buildah("info"))["store"]["GraphRoot"])
    stored = json.loads((store / "overlay-layers/layers.json").read_text())
    by_digest = {layer.get("diff-digest"): layer for layer in stored}
    made = [step for step in inspected["history"] if not step.get("empty_layer")]
    found = []
    for digest, step in zip(inspected["rootfs"]["diff_ids"], made, strict=True):
        layer = by_digest[digest]
        path = store / "overlay" / layer["id"] / "diff"
        found.append(Layer(_short(step.get("created_by", "")), layer["diff-size"], path))
    return found


def exists(reference: str) -> bool:
    """Return whether an image is built here."""
    command = ["buildah", "inspect", "--type", "image", reference]
    return subprocess.run(command, capture_output=True).returncode == 0


@contextmanager
def entered(reference: str, program: str) -> Iterator[Callable[..., str]]:
    """Yield a function that runs a command in an image and returns what it prints.

    Args:
        program: whose image it is: ``buildah``, or one that is called like Docker.

    Raises:
        subprocess.CalledProcessError: there is no such image, or a command failed.
    """
    if Path(program).name != "buildah":
        docker = [program, "run", "--rm", "--network", "none", "--entrypoint"]
        yield lambda command, *arguments: _output(*docker, command, reference, *arguments)
        return
    container = _buildah("from", "--pull-never", f"localhost/{reference}").strip()
    try:
        yield lambda *command: _buildah("run", "--isolation", "chroot", container, "--", *command)
    finally:
        _buildah("rm", container)


def _short(created_by: str) -> str:
    text = created_by.removeprefix("/bin/sh -c ").removeprefix("#(nop) ")
    words = [word for word in text.split() if not word.startswith("--mount=")]
    return " ".join(words).split("&& useradd")[0].strip()


def _buildah(*arguments: str) -> str:
    return _output("buildah", *arguments)


def _output(*command: str) -> str:
    return subprocess.check_output(command, text=True)
