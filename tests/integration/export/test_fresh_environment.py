"""Somebody who has never seen Datalab follows the README of an exported project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cfnlint.api import lint
from datalab_pipelines.export import analyse, plan, read, write
from datalab_pipelines.export.projects.project import ProjectOptions
from exporting import notebook

EXTENSION = Path(__file__).parents[3] / "extensions" / "datalab_pipelines"
CELLS = [
    "# Flowers\n\nWhich kind is it?",
    "import pandas as pd\nfrom sklearn.datasets import load_iris\n"
    "from sklearn.tree import DecisionTreeClassifier\nimport helpers\nseed = 7",
    "## Load",
    "data = load_iris(as_frame=True).frame\nnames = pd.read_csv('data/names.csv')\ndata.head()",
    "## Train",
    "X = data.drop(columns='target')\n"
    "model = DecisionTreeClassifier(random_state=seed).fit(X, data.target)",
    "## Evaluate",
    "score = helpers.rounded(model.score(X, data.target))\nprint('score', score, len(names))",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an exported project with our wheel in it."""
    tmp_path = tmp_path_factory.mktemp("exported")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "names.csv").write_text("name\nsetosa\nversicolor\nvirginica\n")
    (tmp_path / "helpers.py").write_text("def rounded( x ):\n    return round(x, 3)\n")
    source = notebook(tmp_path / "flowers.ipynb", CELLS)
    wheel = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", *wheel, "--wheel-dir", tmp_path / "wheels", EXTENSION], check=True
    )
    options = ProjectOptions(owners=("@acme/ml",), wheels=(tmp_path / "wheels",))
    write(plan(analyse(read(source))), tmp_path / "project", options)
    return tmp_path / "project"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_command_of_the_readme_works_in_a_fresh_environment(
    project: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(project, tmp_path / "project")
    text = (project / "README.md").read_text()
    (commands,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    assert commands.count("\n") == 6
    kept = ("HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")
    environment = {key: os.environ[key] for key in os.environ if key in kept or "PIP_" in key}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    done = subprocess.run(
        ["sh", "-e", "-x", "-c", commands],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "All checks passed!" in done.stdout and re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout
    logs = "".join(one.read_text() for one in project.glob(".datalab/runs/*/evaluate/log.txt"))
    assert "score 1.0 3" in logs
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    clean = subprocess.run(
        ["git", "status", "--porcelain", "--ignored"], cwd=project, capture_output=True, text=True
    )
    ignored = [line[3:] for line in clean.stdout.splitlines() if line.startswith("!!")]
    assert {one for one in ignored if "cache" not in one} == {".datalab/", ".venv/"}
    pinned = (project / "requirements.txt").read_text()
    listed = subprocess.check_output(
        [project / ".venv/bin/pip", "freeze", "--all"], text=True
    ).lower()
    for line in pinned.splitlines():
        if "==" in line and not line.startswith("datalab"):
            assert line.lower().replace("_", "-") in listed.replace("_", "-"), line


def test_the_lock_names_everything_with_its_version(project: Path) -> None:
    lines = (project / "requirements.txt").read_text().splitlines()
    assert lines[0].startswith("# All of it") and lines[1] == "--find-links wheels"
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,]+\])?==[\w.]+", one) for one in lines[2:]), lines
    names = {one.split("==")[0].lower() for one in lines[2:]}
    assert {"pandas", "scikit-learn", "scipy", "numpy", "threadpoolctl"} <= names
    assert not names & {"helpers", "pip", "setuptools", "pytest", "jupyter-server"}
    direct = (project / "requirements.in").read_text()
    assert "scikit-learn==" in direct and "scipy" not in direct


def test_template_workflow_and_image_fit_the_project(project: Path) -> None:
    assert lint((project / "template.yaml").read_text()) == []
    workflow = yaml.safe_load((project / ".github/workflows/pipeline.yml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["check"]["steps"]]
    for command in ("ruff check .", "pytest", "python pipeline.py generate --check"):
        assert command in steps
    deploy = workflow["jobs"]["deploy"]
    assert (deploy["needs"], deploy["environment"]) == ("check", "production")
    assert (project / ".github/CODEOWNERS").read_text().endswith("\n* @acme/ml\n")
    image = (project / "Dockerfile").read_text()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"python:{python}-slim" in image and "COPY wheels/ wheels/" in image
    assert (project / "wheels").is_dir()
    for path in project.rglob("*"):
        if path.is_file() and path.suffix != ".whl":
            assert "{{name}}" not in path.read_text()
            assert "{{folder}}" not in path.read_text()


def test_modules_beside_the_notebook_are_left_as_they_are(project: Path) -> None:
    assert (project / "helpers.py").read_text() == "def rounded( x ):\n    return round(x, 3)\n"
    for verb in (["check"], ["format", "--check"]):
        ruff = Path(sys.executable).parent / "ruff"
        done = subprocess.run([ruff, *verb, "."], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
