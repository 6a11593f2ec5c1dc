"""``datalab-pipelines init`` makes a project that works as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cfnlint.api import lint

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "churn model"
    done = subprocess.run(
        [BIN / "datalab-pipelines", "init", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "python pipeline.py run" in done.stdout
    return folder


def run(project: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=170)


def test_its_own_tests_pass(project: Path) -> None:
    done = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_it_deploys_the_model_only_above_the_threshold(project: Path) -> None:
    assert run(project, sys.executable, "pipeline.py", "run").returncode == 0
    shown = run(project, sys.executable, "pipeline.py", "show").stdout
    assert "succeeded" in next(line for line in shown.splitlines() if " deploy" in line)
    assert "skipped" in next(line for line in shown.splitlines() if " reject" in line)
    done = run(project, sys.executable, "pipeline.py", "run", "--param", "threshold=1.01")
    assert "= train  reused" in done.stderr
    shown = run(project, sys.executable, "pipeline.py", "show").stdout
    assert "skipped" in next(line for line in shown.splitlines() if " deploy" in line)


def test_it_is_formatted_typed_and_its_template_clean(project: Path) -> None:
    assert lint((project / "template.yaml").read_text()) == []
    for words in (["ruff", "check", "."], ["ruff", "format", "--check", "--line-length=100", "."]):
        done = run(project, BIN / words[0], *words[1:])
        assert done.returncode == 0, done.stdout
    done = run(project, BIN / "mypy", "--ignore-missing-imports", "pipeline.py")
    assert done.returncode == 0, done.stdout


def test_its_files_say_its_name_and_hold_no_place_to_fill(project: Path) -> None:
    for path in project.rglob("*"):
        hidden = any(part.endswith(("cache", "cache__", ".datalab")) for part in path.parts)
        if path.is_file() and not hidden:
            text = path.read_text()
            assert "{{name}}" not in text
            assert "{{version}}" not in text
    assert (project / "README.md").read_text().startswith("# churn-model\n")
    assert yaml.safe_load((project / ".github/workflows/pipeline.yml").read_text())["jobs"]


def test_nothing_is_overwritten(project: Path, tmp_path: Path) -> None:
    before = (project / "stages.py").read_text()
    done = run(project, BIN / "datalab-pipelines", "init", project)
    assert done.returncode == 2
    assert "nothing is overwritten" in done.stderr
    assert (project / "stages.py").read_text() == before
    done = run(tmp_path, BIN / "datalab-pipelines", "init", "---")
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
