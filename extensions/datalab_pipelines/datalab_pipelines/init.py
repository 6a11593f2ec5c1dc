"""``datalab-pipelines init``: a project that runs, for those who start without a notebook."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from .errors import DefinitionError, Place
from .pipelines import LONGEST_NAME, NAME

RENAMED = {"gitignore": ".gitignore"}


def make_project(folder: Path, name: str = "") -> list[Path]:
    """Write a new project into ``folder``; return its files.

    ``name`` is the pipeline's, the folder's when empty. Raises ``DefinitionError`` when the folder
    is not empty or the name cannot be a pipeline's. The project appears as a whole or not at all.
    """
    name = name or re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    place = Place("datalab-pipelines init", 1)
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise DefinitionError(
            f"{name!r} is not a name for a pipeline",
            hint="Give one with --name: lowercase letters, digits and single dashes.",
            place=place,
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DefinitionError(
            f"{folder} is there already, and not empty",
            hint="Choose another folder; nothing is overwritten.",
            place=place,
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    near = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-pipeline-"))
    try:
        _fill(near, name)
        near.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        near.rename(folder)
    except BaseException:
        shutil.rmtree(near, ignore_errors=True)
        raise
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _fill(folder: Path, name: str) -> None:
    from . import __version__

    with as_file(files("datalab_pipelines.project") / "files") as source:
        shutil.copytree(
            source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for old, new in RENAMED.items():
        (folder / old).rename(folder / new)
    values = {"{{name}}": name, "{{version}}": __version__}
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for key, value in values.items():
                text = text.replace(key, value)
            path.write_text(text, encoding="utf-8")
    script = [sys.executable, "pipeline.py"]
    subprocess.run([*script, "generate"], cwd=folder, check=True, capture_output=True)
    graph = subprocess.check_output([*script, "graph"], cwd=folder, text=True)
    readme = folder / "README.md"
    readme.write_text(
        readme.read_text(encoding="utf-8").replace("{{graph}}", graph.rstrip() + "\n")
    )
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
