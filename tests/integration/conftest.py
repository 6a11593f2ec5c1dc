"""What several files of the integration tests share."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """A directory that all accounts can pass through, with a checkout and its environment in src.

    Made in minutes, so one worker runs all that use it: see ``scheduling``.
    """
    if not Path(SYSTEM_PYTHON).exists():
        pytest.skip("no system Python, so no environment that other accounts could read")
    directory = Path(tempfile.mkdtemp(prefix="datalab-", dir="/var/tmp"))
    directory.chmod(0o755)
    try:
        subprocess.run(["git", "clone", "-q", ROOT, directory / "src"], check=True)
        make = ["make", "-C", directory / "src", "js", f"PYTHON={SYSTEM_PYTHON}"]
        made = subprocess.run(make, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
