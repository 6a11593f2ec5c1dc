"""Asks whether what the locks name has known vulnerabilities."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from .hierarchy import Image
from .listing import locked

# What pip-audit prints when it could not ask, read in its sources (pip_audit._service).
_UNREACHABLE = (
    "Could not connect",
    "ConnectionError",
    "Max retries",
    "Connection refused",
    "HTTPError",
    "ServiceError",
    "timed out",
    "Name or service not known",
)

# Old enough that every database knows its holes (PYSEC-2018-28 and others). One that does not, a
# mirror without that part for example, would call everything clean.
_KNOWN_BAD = "requests==2.19.0\n"


class NoDatabase(Exception):
    """The database of vulnerabilities cannot be asked; the text says why."""


def audit(image: Image, service: str) -> bool:
    """Print the known vulnerabilities of an image's own packages.

    Args:
        service: ``osv`` or ``pypi``, as ``pip-audit`` calls its databases.

    Returns:
        whether there are none.

    Raises:
        NoDatabase: nobody could be asked, so nothing is known.
    """
    if not _ask(_KNOWN_BAD, service)[1]:
        raise NoDatabase(
            f"The database of vulnerabilities ({service}) answers, but calls {_KNOWN_BAD.strip()} "
            "clean, which is known not to be: what answers is a mirror without that part. Nothing "
            "is known about this image. Run this where the database itself can be reached."
        )
    found = False
    for directory in image.locks:
        pins = locked(directory / "requirements.txt")
        text, bad = _ask("".join(f"{name}=={number}\n" for name, number in pins.items()), service)
        print(text, end="")
        found |= bad
    return not found


def _ask(requirements: str, service: str) -> tuple[str, bool]:
    """Return what pip-audit prints, and whether it knows of vulnerabilities."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        done = _pip_audit(file.name, service)
    if done.returncode == 0:
        return done.stdout, False
    if "known vulnerabilit" in done.stderr:
        return done.stdout, True
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    why = lines[-1] if lines else f"pip-audit ended with status {done.returncode}"
    if any(sign in done.stderr for sign in _UNREACHABLE):
        raise NoDatabase(
            f"The database of vulnerabilities ({service}) cannot be reached, so nothing is known "
            "about this image. Run this where it can be reached, or try the other one (--service). "
            f"pip-audit says: {why}"
        )
    raise NoDatabase(f"pip-audit could not be used, so nothing is known about this image: {why}")


def _pip_audit(requirements: str, service: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--no-deps"),
            *("--disable-pip", "--vulnerability-service", service),
            *("--requirement", requirements),
        ],
        capture_output=True,
        text=True,
    )
