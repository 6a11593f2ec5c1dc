"""Writes the locks: versions and hashes, for every platform and Python ≥ 3.11, no addresses.

One environment grows layer by layer, so nothing above may change what is below: everything is
resolved together first, and each lock is held to that. What is pinned stays, unless renewed.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from .hierarchy import IMAGES, IMAGES_BY_NAME, ROOT
from .listing import write_listing, write_reference

_OPTIONS = (
    *("--quiet", "--universal", "--python-version", "3.11", "--no-header", "--no-annotate"),
    "--no-emit-index-url",
)


def lock(upgrade: bool) -> None:
    """Renew every lock and list of packages.

    Args:
        upgrade: take the newest of everything; else only what the ``.in`` files ask for.

    Raises:
        subprocess.CalledProcessError: there is no solution; ``uv`` has said why.
    """
    _compile(IMAGES / "hub" / "build", [], upgrade)
    _compile(IMAGES / "hub", [], upgrade)
    common = [*IMAGES_BY_NAME["base"].locks, *IMAGES_BY_NAME["datascience"].locks]
    with tempfile.TemporaryDirectory() as scratch:
        together = Path(scratch, "together.txt")
        _resolve(common, together, upgrade)
        for directory in common:
            _compile(directory, [together], upgrade)
        for name in ("gpu", "spark", "r"):
            for directory in IMAGES_BY_NAME[name].locks:
                _compile(directory, [together], upgrade)
    for image in IMAGES_BY_NAME.values():
        write_listing(image)
    write_reference()


def _resolve(directories: list[Path], output: Path, upgrade: bool) -> None:
    sources = [directory / "requirements.in" for directory in directories]
    known = [directory / "requirements.txt" for directory in directories]
    if not upgrade:  # what was locked before is preferred
        output.write_text("\n".join(_pins(path) for path in known if path.is_file()))
    _uv([*map(str, sources), "--output-file", str(output)], upgrade)


def _compile(directory: Path, constraints: list[Path], upgrade: bool) -> None:
    arguments = [str(directory / "requirements.in"), "--generate-hashes"]
    for path in constraints:
        arguments += ["--constraint", str(path)]
    _uv([*arguments, "--output-file", str(directory / "requirements.txt")], upgrade)


def _pins(lock: Path) -> str:
    lines = (line for line in lock.read_text().splitlines() if line[:1].isalnum())
    return "\n".join(line.removesuffix("\\").rstrip() for line in lines)


def _uv(arguments: list[str], upgrade: bool) -> None:
    command = [str(ROOT / ".venv/bin/uv"), "pip", "compile", *_OPTIONS, *arguments]
    subprocess.run([*command, *(["--upgrade"] * upgrade)], check=True, cwd=ROOT)
