"""Dependencies between the exporter's steps point one way."""

from __future__ import annotations

import ast
from pathlib import Path

from datalab_pipelines import export

ROOT = Path(export.__file__).parent
ORDER = ["cells", "facts", "flow", "plans", "code", "proof", "git", "github", "projects"]


def steps_that(path: Path) -> set[str]:
    """Return the steps that a module imports."""
    here = ["export", *path.relative_to(ROOT).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            where = [*here[: len(here) - node.level + 1], *(node.module or "").split(".")]
            names = [alias.name for alias in node.names]
            found |= {one for one in ORDER if where[:2] == ["export", one]}
            found |= set(names) & set(ORDER) if where == ["export", ""] else set()
    return found


def test_no_step_imports_a_later_one():
    seen = 0
    for path in ROOT.glob("*/*.py"):
        step = path.parent.name
        later = ORDER[ORDER.index(step) + 1 :]
        imported = steps_that(path)
        assert not imported & set(later), f"{path.relative_to(ROOT)} imports a later step"
        seen += len(imported - {step})
    assert seen > 25, "it looks at the imports"


def test_the_data_between_the_steps_knows_none_of_them():
    for name in ("model", "errors", "text"):
        assert not steps_that(ROOT / f"{name}.py")
