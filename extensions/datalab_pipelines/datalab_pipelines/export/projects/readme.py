"""The project's README: for somebody who has seen neither the notebook nor Datalab."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..code import withholding
from ..code.data_files import working_folder
from ..model import Plan
from .requirements import Requirements

_RUN = """\
```console
python{python} -m venv .venv && . .venv/bin/activate
pip install -r requirements-dev.txt
ruff check .
pytest
python pipeline.py run
python pipeline.py generate --check
```
"""

_AFTER = """\
`python pipeline.py run --help` says how to pass parameters, to go on after a failure, and to start
afresh; `python pipeline.py runs` and `show` say what has run, and where its figures and tables lie.
"""

_CHANGE = """\
## Change it

Stages are functions in `stages/`, and `pipeline.py` says what flows between them. Where there is a
`shared.py`, it has what several stages use. `template.yaml` is generated: after a change run
`python pipeline.py generate`, and commit it. Nobody edits it by hand; CI refuses one that is not
what the pipeline generates.

When the notebook changes, export it again: what you edited here is kept, and where you and the
notebook changed the same lines you are asked. `.datalab-export.json` is what makes that possible.

## Deploy it

`.github/workflows/` checks every pull request, and deploys the main branch once somebody approves
it (environment `production`). It needs the variables `DEPLOY_ROLE`, `AWS_REGION`,
`IMAGE_REPOSITORY`, `IMAGE_REPOSITORY_NAME` and `ARTIFACT_BUCKET`. Without `DEPLOY_ROLE` nothing is
deployed.
"""


def readme(
    plan: Plan,
    graph: str,
    needs: Requirements,
    *,
    wheels: Sequence[str] = (),
    owners: Sequence[str] = (),
) -> str:
    """Return the README; ``graph`` is Mermaid."""
    notebook = plan.analysis.notebook.path.name
    parts = [
        f"# {plan.title}\n",
        f"A pipeline, exported from the notebook [`{notebook}`]({_linked(notebook)}): plain Python "
        "that runs on any\nmachine, and on AWS as a Step Functions state machine that "
        "`template.yaml` describes.\n",
        f"```mermaid\n{graph.rstrip()}\n```\n",
        "## Run it\n",
        _RUN.format(python=f"{sys.version_info.major}.{sys.version_info.minor}"),
        _source(wheels),
        _AFTER,
        "## What it does\n",
        _stages(plan),
    ]
    if plan.parameters:
        rows = [f"| `{one.name}` | `{one.type}` | `{one.default!r}` |" for one in plan.parameters]
        parts += ["\n".join(["| Parameter | Type | Default |", "|---|---|---|", *rows]) + "\n"]
    told = [one.message for one in plan.warnings] + needs.notes
    told += withholding.notes(plan)
    if folder := working_folder(plan):
        told.append(
            f"The notebook reads files around its folder: `{folder}` stands for that, and the "
            "stages work there."
        )
    if told:
        parts += ["## What to know\n", "\n".join(f"- {one}" for one in told) + "\n"]
    parts.append(_CHANGE)
    if not owners:
        parts.append(
            "Two people should see every change: write who approves them into `CODEOWNERS` (in "
            "`.github/`),\nand require a review from code owners on the main branch.\n"
        )
    return "\n".join(parts)


def _stages(plan: Plan) -> str:
    rows = []
    for stage in plan.stages:
        first, last = stage.cells[0] + 1, stage.cells[-1] + 1
        cells = f"{first} to {last}" if first != last else f"{first}"
        gives = ", ".join(f"`{name}`" for port in stage.outputs for name in port.variables)
        title = stage.title.replace("|", "\\|")
        rows.append(f"| [`{stage.name}`](stages/{stage.name}.py) | {title} | {cells} | {gives} |")
    return "\n".join(["| Stage | What | Cells | Gives |", "|---|---|---|---|", *rows]) + "\n"


def _source(wheels: Sequence[str]) -> str:
    if any(one.startswith("wheels/datalab_pipelines-") for one in wheels):
        return "`datalab-pipelines`, which the stages use, is among the wheels in `wheels/`.\n"
    return (
        "`datalab-pipelines`, which the stages use, comes from your organization's package index: "
        "where pip\ndoes not know it yet, set `PIP_EXTRA_INDEX_URL` to its address, or install its "
        "wheel first.\n"
    )


def _linked(name: str) -> str:
    from urllib.parse import quote

    return quote(name)
