"""A notebook that reads files beside, below and above its folder becomes a pipeline that does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from datalab_pipelines.export.command import main

PREPARE = (
    "import os\nimport sys\nsys.path.append('../src')\nimport helping\n"
    "DATA = os.path.join('..', 'data')\nos.makedirs('out', exist_ok=True)"
)
READ = "rows = open(os.path.join(DATA, 'a.csv')).read().split()\nprint(rows)"
USE = (
    "more = [helping.doubled(row) for row in rows]\nopen('out/more.txt', 'w').write(str(more))\n"
    "print(open('b.csv').read(), more)"
)


@pytest.mark.parametrize("awaits", [False, True])
def test_the_pipeline_reads_what_the_notebook_reads(tmp_path, capsys, awaits):
    for name, text in {
        "data/a.csv": "1\n2\n",
        "notebooks/b.csv": "3",
        "src/helping.py": "def doubled(x):\n    return 2 * x\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    wait = "import asyncio\nawait asyncio.sleep(0)"
    cells = ["## Read it", PREPARE, READ, "## Use it", USE, *([wait] if awaits else [])]
    notebook = _written(tmp_path / "notebooks" / "sales.ipynb", cells)
    folder = tmp_path / "elsewhere" / "sales"
    status = main([str(notebook), "--verify", "--json", "--to", str(folder)])
    said = json.loads(capsys.readouterr().out)
    assert (status, said["verification"]["status"]) == (0, "equal")
    assert len(said["plan"]["stages"]) == (1 if awaits else 2)
    assert (folder / "files/data/a.csv").read_text() == "1\n2\n"
    assert "`files/notebooks` stands for that" in (folder / "README.md").read_text()
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(tests, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_pipeline_writes_into_the_folders_into_which_the_notebook_writes(tmp_path, capsys):
    for name in ("notebooks/tables", "reports/figures"):
        (tmp_path / name).mkdir(parents=True)
    cells = [
        *("## Write it", "rows = [1, 2]\nopen('tables/rows.txt', 'w').write(str(rows))"),
        *("## Draw it", "print(open('tables/rows.txt').read(), rows)"),
        "open('../reports/figures/rows.svg', 'w').write(f'<svg>{rows}</svg>')",
    ]
    notebook = _written(tmp_path / "notebooks" / "rows.ipynb", cells)
    folder = tmp_path / "project"
    status = main([str(notebook), "--verify", "--json", "--to", str(folder)])
    said = json.loads(capsys.readouterr().out)
    assert (status, said["verification"]["status"]) == (0, "equal"), said
    assert len(said["plan"]["stages"]) == 2
    for kept in ("files/notebooks/tables", "files/reports/figures"):
        assert [one.name for one in (folder / kept).iterdir()] == [".gitkeep"]
    subprocess.run([sys.executable, "pipeline.py", "run"], cwd=folder, check=True)
    assert (folder / "files/reports/figures/rows.svg").read_text() == "<svg>[1, 2]</svg>"
    assert [one.name for one in (tmp_path / "reports" / "figures").iterdir()] == []


def _written(path: Path, cells: list[str]) -> Path:
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "markdown" if one.startswith("#") else "code",
                "source": one,
                "metadata": {},
                "outputs": [],
            }
            for one in cells
        ],
    }
    path.write_text(json.dumps(document))
    return path
