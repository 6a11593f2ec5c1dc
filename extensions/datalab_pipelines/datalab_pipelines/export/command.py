"""``datalab-export NOTEBOOK``: the notebook as a pipeline's project."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import Choices, ExportError, analyse, plan, read, verify, write
from .model import to_json


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, 1 when the export does not verify, 2 when it is refused."""
    parser = argparse.ArgumentParser(prog="datalab-export", description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--to", type=Path, help="the project's folder (beside the notebook)")
    parser.add_argument("--name", default="", help="the pipeline's name")
    parser.add_argument(
        "--verify", action="store_true", help="run notebook and pipeline, and compare them"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
    parser.add_argument("--json", action="store_true", help="say everything as JSON")
    given = parser.parse_args(arguments)

    def say(text: str) -> None:
        if not given.json:
            print(text, flush=True)

    try:
        found = plan(analyse(read(given.notebook)), Choices(name=given.name))
        checked = None
        if given.verify and not given.dry_run:
            checked = verify(found, progress=say)
            found = checked.plan
        files: list[Path] = []
        folder = given.to or given.notebook.parent / found.name
        if not given.dry_run:
            files = write(found, folder)
    except ExportError as error:
        print(json.dumps({"error": error.to_json()}) if given.json else error, file=sys.stderr)
        return 2
    if given.json:
        document = {"plan": found.to_json(), "files": [str(one) for one in files]}
        if checked:
            document["verification"] = {
                key: to_json(value) for key, value in vars(checked).items() if key != "plan"
            }
        print(json.dumps(document, indent=1))
    for stage in found.stages:
        given_on = ", ".join(name for port in stage.outputs for name in port.variables)
        say(f"  {stage.name}: cells {stage.cells[0] + 1}-{stage.cells[-1] + 1} → {given_on}")
    for one in found.warnings:
        say(f"warning: {one.message}")
    if files:
        say(f"{len(files)} files written to {folder}")
    if checked is None:
        return 0
    say(f"verification: {checked.status}; {len(checked.equal)} variables are equal at the end")
    for name, why in checked.not_comparable.items():
        say(f"  {name} cannot be compared: {why}")
    if checked.status not in ("equal", "not compared"):
        print(
            f"THE PIPELINE IS NOT THE NOTEBOOK: {checked.error or checked.different}",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
