"""Builds images, with Docker or with buildah, from a registry's Debian or from debootstrap's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from pathlib import Path

from .hierarchy import IMAGES_BY_NAME, ROOT, Image, ancestors

DEBOOTSTRAPPED = "localhost/datalab-debian:bookworm"
# Of pip's settings here, what a build needs to reach packages too.
_SETTINGS = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout")


class CannotBuild(Exception):
    """Something that a build needs is missing; the text says what."""


def builder() -> str:
    """Return the program that builds: ``$DATALAB_BUILDER``, else Docker or buildah.

    Raises:
        CannotBuild: there is none.
    """
    if chosen := os.environ.get("DATALAB_BUILDER"):
        return chosen
    if _answers("docker", "info"):
        return "docker"
    if shutil.which("buildah"):
        return "buildah"
    raise CannotBuild(
        "Neither a running Docker nor buildah is here. Debian and Ubuntu: apt-get install buildah "
        "debootstrap. Or name another program that is called like them in DATALAB_BUILDER."
    )


def builder_of(*, debootstrap: bool) -> str:
    """Return the program that builds, and keeps, images: for debootstrap's Debian buildah.

    Raises:
        CannotBuild: see :func:`builder`.
    """
    return "buildah" if debootstrap else builder()


def build(names: list[str], base: str | None, *, debootstrap: bool, fresh: bool) -> list[Image]:
    """Build images, and first what they are built on.

    Args:
        base: reference of the Debian below everything; ``None`` for the Dockerfiles' own.
        debootstrap: make the Debian here instead, if it does not exist yet; with buildah.
        fresh: repeat every step, for the updates of Debian.

    Returns:
        what was built, in order.

    Raises:
        CannotBuild: see :func:`builder`.
        subprocess.CalledProcessError: a step failed; it has said why.
    """
    program = builder_of(debootstrap=debootstrap)
    if debootstrap:
        base = DEBOOTSTRAPPED
        if fresh or not _answers("buildah", "inspect", "--type", "image", base):
            subprocess.run([str(ROOT / "tools/debootstrap-base"), base], check=True)
    _wheels()
    wanted = {image.name for name in names for image in ancestors(name)}
    built = [image for image in IMAGES_BY_NAME.values() if image.name in wanted]
    with tempfile.TemporaryDirectory() as scratch:
        options = secrets(Path(scratch)) + (["--no-cache"] if fresh else [])
        if Path(program).name == "buildah":
            options += ["--isolation", "chroot", "--layers", "--format", "oci"]
        for ready in generations(built):

            def one(image: Image) -> None:
                below = IMAGES_BY_NAME[image.parent].reference if image.parent else base
                argument = ["--build-arg", f"BASE_IMAGE={below}"] if below else []
                file = str(image.directory / "Dockerfile")
                command = [program, "build", *options, *argument, "--file", file]
                _told([*command, "--tag", image.reference, "."], image.name)

            with ThreadPoolExecutor(len(ready)) as pool:
                list(pool.map(one, ready))
    return built


def _wheels() -> None:
    subprocess.run([str(ROOT / "tools/wheels")], check=True)


def generations(images: list[Image]) -> Iterator[list[Image]]:
    """Yield images that can be built side by side: what they are built on came before."""
    left = {image.name: image for image in images}
    while left:
        ready = [image for image in left.values() if image.parent not in left]
        yield ready
        for image in ready:
            del left[image.name]


def _told(command: list[str], name: str) -> None:
    """Run a builder; each line that it prints begins with the image's name.

    Raises:
        subprocess.CalledProcessError: it failed; it has said why.
    """
    # Docker before 23.0 has BuildKit, and uses it when told to; its first builder has no secrets.
    env = {"DOCKER_BUILDKIT": "1"} | os.environ
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(f"{name}: {line}", end="", flush=True)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def secrets(directory: Path) -> list[str]:
    """Return options that lend a build this machine's way to packages; images keep none of it."""
    settings = pip_settings()
    parser = ConfigParser(interpolation=None)
    parser["global"] = {name: settings[name] for name in _SETTINGS if name in settings}
    with (directory / "pip.conf").open("w") as file:
        parser.write(file)
    options = ["--secret", f"id=pip.conf,src={directory}/pip.conf"]
    certificates = settings.get("cert") or os.environ.get("SSL_CERT_FILE")
    if certificates and Path(certificates).is_file():
        shutil.copy(certificates, directory / "ca.crt")
        options += ["--secret", f"id=ca.crt,src={directory}/ca.crt"]
    return options


def pip_settings() -> dict[str, str]:
    """Return pip's settings on this machine that a container can use: no local directories."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        name, value = name.rpartition(".")[2], value.strip("'\"")
        if name in ("index-url", "extra-index-url", "find-links"):
            addresses = value.replace("\\n", " ").split()
            value = " ".join(address for address in addresses if address.startswith("http"))
        if value:
            found["timeout" if name == "default-timeout" else name] = value
    return found


def _answers(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False
