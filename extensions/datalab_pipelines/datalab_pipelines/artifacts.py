"""What a stage's code may use while it runs: a checkpoint folder, and the report."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

CHECKPOINTS = "DATALAB_CHECKPOINTS"
REPORT = "DATALAB_REPORT"
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
ML = Path(os.environ.get("DATALAB_ML_PREFIX", "/opt/ml"))
ON_SAGEMAKER = ML / "checkpoints"


def checkpoints() -> Path:
    """Return the folder whose content survives an interruption of this stage.

    On SageMaker it is copied to the artifact bucket continuously and is there again when the job
    is restarted; here it belongs to the run, and ``run --resume`` finds it again.
    """
    folder = Path(os.environ.get(CHECKPOINTS) or ON_SAGEMAKER)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def report(value: Any, name: str = "output") -> None:
    """Keep ``value`` for people to look at: it becomes a file of the run.

    A figure becomes a PNG, a data frame HTML, text and everything else a text file. Outside of a
    run it is printed.
    """
    folder = os.environ.get(REPORT)
    if not folder:
        print(value)
        return
    figure = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if isinstance(value, type):  # its methods want an object: ``type(table)`` at the end of a cell
        keep(f"{value}\n", name, "txt")
    elif figure is not None and hasattr(figure, "savefig"):
        figure.savefig(_next_file(folder, name, "png"), bbox_inches="tight")
    elif hasattr(value, "to_html"):
        keep(value.to_html(), name, "html")
    else:
        keep(f"{value}\n", name, "txt")


def keep(content: str | bytes, name: str, suffix: str) -> None:
    """Make ``content`` the next file of the run that people look at; nothing outside of a run."""
    folder = os.environ.get(REPORT)
    if folder:
        data = content.encode() if isinstance(content, str) else content
        _next_file(folder, name, suffix).write_bytes(data)


def _next_file(folder: str, name: str, suffix: str) -> Path:
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "output"
    number = len(list(target.glob("*"))) + 1
    return target / f"{number:03d}-{base}.{suffix}"
