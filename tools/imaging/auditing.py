"""Asks whether what the locks name has known vulnerabilities."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

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
    clean = True
    for directory in image.locks:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            pins = locked(directory / "requirements.txt")
            file.write("".join(f"{name}=={number}\n" for name, number in pins.items()))
            file.flush()
            clean &= _ask(Path(file.name), service)
    return clean


def _ask(requirements: Path, service: str) -> bool:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--no-deps"),
            *("--disable-pip", "--vulnerability-service", service),
            *("--requirement", str(requirements)),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return True
    if "known vulnerabilit" in done.stderr:
        print(done.stdout, end="")
        return False
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    why = lines[-1] if lines else f"pip-audit ended with status {done.returncode}"
    if any(sign in done.stderr for sign in _UNREACHABLE):
        raise NoDatabase(
            f"The database of vulnerabilities ({service}) cannot be reached, so nothing is known "
            f"about this image: {why}. Run this where it can be reached, or try the other one "
            "(--service)."
        )
    raise NoDatabase(f"pip-audit could not be used, so nothing is known about this image: {why}")
