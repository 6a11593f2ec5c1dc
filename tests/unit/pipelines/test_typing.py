"""Editors see wrong wiring: mypy and pyright, both strict, on the same script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
from typing import NamedTuple

from datalab_pipelines import (
    Lambda, Metric, Pipeline, choose, for_each, otherwise, pipeline, stage, when,
)

class Split(NamedTuple):
    train: list[float]
    test: list[float]

@stage
def load(rows: int) -> list[float]:
    return [0.0] * rows

@stage(compute=Lambda(memory=512))
def split(data: list[float], share: float = 0.5) -> Split:
    return Split(data, data)

@stage
def fit(data: list[float], depth: int) -> dict[str, float]:
    return {}

@stage
def score(model: dict[str, float], data: list[float]) -> Metric:
    return Metric(1)

@stage
def best(scores: list[Metric]) -> Metric:
    return max(scores)

@pipeline("typed")
def typed(rows: int = 10) -> None:
    parts = split(load(rows))
    models = for_each([1, 2], lambda depth: fit(parts.train, depth))
    found = score(fit(parts.train, 3), parts.test)
    with when(found > 0.5):
        load(1)
    with otherwise():
        load(2)
    choose(found > 0.5, lambda: load(1), lambda: load(2))
    reveal_type(models)
    {wrong}

typed_is_a_pipeline: Pipeline[[int], None] = typed
"""
WRONG = {
    "a wrong type": "fit('text', 1)",
    "a missing argument": "fit(parts.train)",
    "an unknown argument": "load(rows, seed=1)",
    "an unknown output": "fit(parts.validation, 1)",
    "the whole of several": "fit(parts, 1)",
    "a list that holds something else": "best([parts.train])",
    "an item of another type": "for_each(['a'], lambda one: load(one))",
    "a number as a condition": "when('yes')",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    (folder / "right.py").write_text(SCRIPT.replace("{wrong}", "pass"))
    for number, code in enumerate(WRONG.values()):
        (folder / f"wrong_{number}.py").write_text(SCRIPT.replace("{wrong}", code))
    return folder


def line_of(code: str) -> int:
    lines = SCRIPT.replace("{wrong}", code).splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == code)


def test_mypy_finds_each_and_nothing_else(project: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "."]
    out = subprocess.run(command, cwd=project, capture_output=True, text=True).stdout
    errors = [line for line in out.splitlines() if ": error: " in line]
    assert not [line for line in errors if line.startswith("right.py")], out
    assert 'Revealed type is "list[dict[str, float]]"' in out.replace("builtins.", "")
    found = {tuple(line.split(":")[:2]) for line in errors}
    assert found == {
        (f"wrong_{number}.py", str(line_of(code))) for number, code in enumerate(WRONG.values())
    }, out


def test_pyright_finds_each_and_nothing_else(project: Path) -> None:
    (project / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "strict", "pythonVersion": "3.11"})
    )
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    if not done.stdout.startswith("{"):
        pytest.skip(f"pyright does not start here: {done.stderr[-200:]}")
    report = json.loads(done.stdout)
    found = {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in report["generalDiagnostics"]
        if one["severity"] == "error"
    }
    assert found == {
        (f"wrong_{number}.py", line_of(code)) for number, code in enumerate(WRONG.values())
    }, done.stdout
