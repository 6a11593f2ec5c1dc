"""A notebook becomes a project whose run gives what the notebook gives, or nothing is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datalab_pipelines.export import ExportError, analyse, plan, read, write
from datalab_pipelines.export.command import main


def save(path: Path, *cells: str, **document: Any) -> Path:
    """Write a notebook of code cells."""
    code = [{"cell_type": "code", "source": one, "metadata": {}, "outputs": []} for one in cells]
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": code, **document}
    path.write_text(json.dumps(whole))
    return path


def run(folder: Path) -> tuple[int, str]:
    """Run the project; return the exit status and the stages' logs."""
    done = subprocess.run([sys.executable, "pipeline.py", "run"], cwd=folder, capture_output=True)
    logs = sorted(folder.glob(".datalab/runs/*/*/log.txt"), key=lambda log: log.stat().st_mtime)
    return done.returncode, "".join(log.read_text() for log in logs)


# One trap of the language or of IPython each, and what the last line prints.
TRAPS = {
    "shell output": ("x = !echo hi", "print(list(x))", "['hi']"),
    "top-level await": ("import asyncio", "print(await asyncio.sleep(0, 7))", "7"),
    "star import": ("from math import *", "print(floor(pi))", "3"),
    "globals()": ("globals()['x'] = 3", "print(x)", "3"),
    "the module's name": ("if __name__ == '__main__':\n    x = 1", "print(x)", "1"),
    "function changing a global": (
        "n = 0\ndef f():\n    global n\n    n += 1",
        "f(); print(n)",
        "1",
    ),
    "alias": ("a = []\nb = a", "a.append(1); print(b)", "[1]"),
    "generator": ("g = (i for i in range(3))\nnext(g)", "print(list(g))", "[1, 2]"),
    "builtin reused": ("x = sum([1, 2])\nsum = 5", "print(x + sum)", "8"),
    "last output": ("6 * 7", "print(_ + 1)", "43"),
    "own run": ("%%writefile own.py\nvalue = 9", "%run own.py\nprint(value)", "9"),
    "seed": ("import random\nrandom.seed(1)", "print(random.randint(1, 10))", "3"),
    "timed": ("%%time\nx = 4", "%time y = x + 1\nprint(y)", "5"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_the_run_gives_what_the_notebook_gives(trap: str, tmp_path: Path) -> None:
    first, second, expected = TRAPS[trap]
    notebook = save(tmp_path / "a.ipynb", first, second)
    write(plan(analyse(read(notebook))), tmp_path / "out")
    status, log = run(tmp_path / "out")
    assert (status, expected in log.splitlines()) == (0, True), log


def test_a_cell_that_fails_fails_the_run(tmp_path: Path) -> None:
    notebook = save(tmp_path / "a.ipynb", "x = 1", "1 / 0", "print('after')")
    write(plan(analyse(read(notebook))), tmp_path / "out")
    status, log = run(tmp_path / "out")
    assert status == 1
    assert "ZeroDivisionError" in log and "after" not in log


def test_figures_and_data_belong_to_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    notebook = save(
        tmp_path / "a.ipynb",
        "%matplotlib inline\nimport pandas as pd, matplotlib.pyplot as plt",
        "df = pd.read_csv('a.csv')\nplt.plot(df.x)",
    )
    write(plan(analyse(read(notebook))), tmp_path / "out")
    assert run(tmp_path / "out")[0] == 0
    assert list((tmp_path / "out").glob(".datalab/runs/*/*/report/*.png"))
    assert "pandas==" in (tmp_path / "out" / "requirements.in").read_text()


def test_an_error_that_the_notebook_expects_does_not_end_the_run(tmp_path: Path) -> None:
    expected = {
        "cell_type": "code",
        "source": "1 / 0",
        "metadata": {"tags": ["raises-exception"]},
        "outputs": [],
    }
    after = {**expected, "source": "print('after')", "metadata": {}}
    notebook = save(tmp_path / "a.ipynb", cells=[expected, after])
    write(plan(analyse(read(notebook))), tmp_path / "out")
    status, log = run(tmp_path / "out")
    assert status == 0 and "after" in log.splitlines()


def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = save(tmp_path / "a.ipynb", "import no_such_library")
    assert main([str(notebook), "--to", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "No module named 'no_such_library'" in said
    assert "installed here" in said
    assert not (tmp_path / "out").exists()


def test_the_project_is_formatted_and_lint_clean_whatever_the_title(tmp_path: Path) -> None:
    title = {"cell_type": "markdown", "source": '# A "quoted" ' + "long " * 40, "metadata": {}}
    code = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}
    notebook = save(tmp_path / 'it\'s a "b".ipynb', cells=[title, code])
    write(plan(analyse(read(notebook))), tmp_path / "out")
    for verb in (["format", "--check"], ["check", "--select", "E,F,I,UP,B"]):
        done = subprocess.run(
            ["ruff", *verb, "--isolated", "--line-length", "100", "pipeline.py", "stages"],
            cwd=tmp_path / "out",
            capture_output=True,
            text=True,
            env={"PATH": str(Path(sys.executable).parent)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert run(tmp_path / "out")[0] == 0


REFUSED = {
    "R": ({"metadata": {"kernelspec": {"language": "R", "display_name": "R 4"}}}, "R 4"),
    "Python 2": (
        {"metadata": {"language_info": {"name": "python", "version": "2.7"}}},
        "Python 2.7",
    ),
    "format 3": ({"nbformat": 3}, "format 3"),
    "no code": ({"cells": []}, "no code"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_understood_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    document, said = REFUSED[case]
    with pytest.raises(ExportError, match=said):
        read(save(tmp_path / "a.ipynb", "x = 1", **document))


@pytest.mark.parametrize(("text", "said"), [("", "empty"), ("{", "JSON"), ("[]", "not a notebook")])
def test_a_broken_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(text)
    with pytest.raises(ExportError, match=said):
        read(tmp_path / "a.ipynb")


def test_a_syntax_error_names_cell_and_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = save(tmp_path / "a.ipynb", "x = 1", "y = 2\nprint 'hello'")
    assert main([str(notebook), "--to", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "cell 2, line 2" in said and "Python 2" in said
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    notebook = save(tmp_path / "a.ipynb", "x = 1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert main([str(notebook), "--to", str(tmp_path / "out")]) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
