"""``datalab-export NOTEBOOK``: a notebook becomes a pipeline project."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import analyse, plan, read, write
from .errors import ExportError
from .model import Choices


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 2 when the notebook is refused (nothing is written then)."""
    parser = argparse.ArgumentParser(prog="datalab-export", description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--to", type=Path, help="the project's folder (default: beside it)")
    parser.add_argument("--name", default="", help="the pipeline's name (default: the file's)")
    parser.add_argument("--json", action="store_true", help="print the plan and files as JSON")
    found = parser.parse_args(arguments)
    try:
        planned = plan(analyse(read(found.notebook)), Choices(name=found.name))
        folder = found.to or found.notebook.resolve().parent / f"{planned.name}-pipeline"
        files = write(planned, folder)
    except ExportError as error:
        print(json.dumps({"error": error.to_json()}) if found.json else error, file=sys.stderr)
        return 2
    if found.json:
        print(json.dumps({"plan": planned.to_json(), "files": [str(path) for path in files]}))
        return 0
    for warning in planned.warnings:
        where = "" if warning.cell is None else f"cell {warning.cell + 1}: "
        print(f"{where}{warning.message}", file=sys.stderr)
    print(f"{folder}: {len(files)} files. Now: cd {folder} && python pipeline.py run")
    return 0
