"""The documentation builds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import botocore
from datalab_hub.catalog import parse_catalog

ROOT = Path(__file__).parents[2]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Broken links and pages that nothing leads to are warnings, and the build is strict."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", tmp_path]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "picks a workspace card" in (tmp_path / "index.html").read_text()


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text())
    assert len(links) > 5
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_the_service_model_that_is_named_is_the_one_that_the_tests_use() -> None:
    text = (ROOT / "docs" / "how-to" / "sagemaker.md").read_text()
    assert re.findall(r"botocore\s+(\d[\d.]*\d)", text) == [botocore.__version__]


def test_catalogs_in_the_documentation_are_valid() -> None:
    found = 0
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for block in re.findall(r"```yaml\n(version: 1\n.*?)```", page.read_text(), re.DOTALL):
            parse_catalog(block, page)
            found += 1
    assert found
