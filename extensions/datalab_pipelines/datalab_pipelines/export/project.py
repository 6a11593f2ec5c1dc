"""The project's files, built beside the target and moved there when they are whole."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from .errors import ExportError
from .model import Plan, Warn
from .names import strings_in

LARGEST_COPY = 20 * 2**20

PIPELINE = '''"""{title}.

Exported from {notebook}.
"""

from datalab_pipelines import pipeline

from stages.{stage} import {stage}


@pipeline("{name}")
def {function}() -> None:
    {stage}()


if __name__ == "__main__":
    {function}.main()
'''
STAGE = '''"""Every cell of {notebook}, from top to bottom."""

from pathlib import Path

from datalab_pipelines import stage
from datalab_pipelines.notebook import run_notebook

NOTEBOOK = Path(__file__).resolve().parent.parent / {quoted}


@stage(cache=False)  # the notebook is no module: its changes are not seen otherwise
def {stage}() -> None:
    """{title}."""
    run_notebook(NOTEBOOK)
'''
README = """# {title}

Exported from `{notebook}`. All its cells are one stage: {reason}.

```console
pip install -r requirements.txt
python pipeline.py run        # here
python pipeline.py generate   # template.yaml, for AWS
```
"""


def write(plan: Plan, folder: str | Path) -> list[Path]:
    """Write the project of ``plan`` into ``folder``; return its files.

    Raises ``ExportError`` when the folder holds anything: nothing is ever overwritten. What could
    not be copied is added to ``plan.warnings``.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{folder} is not empty", hint="Choose a new folder with --to.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as temporary:
        draft = Path(temporary) / "project"
        (draft / "stages").mkdir(parents=True)
        _write_files(plan, draft)
        _generate(draft)
        files = sorted(path.relative_to(draft) for path in draft.rglob("*") if path.is_file())
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    return [folder / path for path in files]


def _write_files(plan: Plan, draft: Path) -> None:
    notebook = plan.analysis.notebook.path
    title = _in_docstring(plan.title)
    stage = plan.stages[0].name
    function = plan.name.replace("-", "_")
    words = {
        **{
            "title": title,
            "notebook": _in_docstring(notebook.name),
            "name": plan.name,
            "stage": stage,
        },
        **{"function": f"{function}_pipeline", "reason": plan.whole},
        "quoted": _quoted(notebook.name),
    }
    (draft / "pipeline.py").write_text(PIPELINE.format(**words), encoding="utf-8")
    (draft / "stages" / "__init__.py").write_text("")
    (draft / "stages" / f"{stage}.py").write_text(STAGE.format(**words), encoding="utf-8")
    (draft / "README.md").write_text(README.format(**words), encoding="utf-8")
    (draft / ".gitignore").write_text(".datalab/\n__pycache__/\n")
    (draft / "requirements.txt").write_text("".join(f"{one}\n" for one in requirements(plan)))
    shutil.copyfile(notebook, draft / notebook.name)
    _copy_data(plan, draft)


def _in_docstring(text: str) -> str:
    """Return a line that ends no docstring, and fits on a line of code."""
    return textwrap.shorten(text.replace("\\", "/").replace('"', "'"), 50, placeholder="…")


def _quoted(text: str) -> str:
    """Return ``text`` as a string in the formatter's style."""
    return repr(text) if '"' in text else json.dumps(text, ensure_ascii=False)


def requirements(plan: Plan) -> list[str]:
    """Return what the notebook imports as pinned distributions.

    What is not installed here goes to ``plan.warnings``: nobody can tell its version.
    """
    known = importlib.metadata.packages_distributions()
    found = {"datalab-pipelines", "ipython"}
    beside = plan.analysis.notebook.path.resolve().parent
    for module in plan.analysis.imports:
        found.update(known.get(module, [])[:1])
        own = (beside / module).is_dir() or (beside / f"{module}.py").exists()
        if module not in known and module not in sys.stdlib_module_names and not own:
            plan.warnings.append(
                Warn(
                    "import",
                    f"{module} is imported and not installed here: add what provides it to "
                    "requirements.txt",
                )
            )
    pinned = [f"{name}=={importlib.metadata.version(name)}" for name in sorted(found)]
    names = {name.lower() for name in found}
    asked = [one for one in plan.analysis.installs if one.split("=")[0].lower() not in names]
    return pinned + sorted(set(asked))


def _copy_data(plan: Plan, draft: Path) -> None:
    """Copy files and modules beside the notebook that its code names."""
    beside = plan.analysis.notebook.path.resolve().parent
    named = {
        text
        for cell in plan.analysis.code
        for text in strings_in([one.node for one in cell.statements])
        if 0 < len(text) < 300 and "\n" not in text and "\0" not in text
    }
    named |= {f"{module}.py" for module in plan.analysis.imports} | set(plan.analysis.imports)
    for text in sorted(named):
        path = Path(text)
        source = beside / path
        if path.is_absolute() or text.strip("./") == "" or not source.exists():
            continue
        target = draft / path
        if ".." in path.parts:
            _warn(plan, f"{text} lies outside of the notebook's folder, and is not copied")
        elif sum(one.stat().st_size for one in [source, *source.rglob("*")]) > LARGEST_COPY:
            _warn(plan, f"{text} is larger than {LARGEST_COPY >> 20} MB, and is not copied")
        elif source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif target.exists():
            if target.read_bytes() != source.read_bytes():
                raise ExportError(f"the notebook's own file {text} has the name of a project file")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _warn(plan: Plan, message: str) -> None:
    plan.warnings.append(Warn("data", message))


def _generate(draft: Path) -> None:
    done = subprocess.run(
        [sys.executable, "pipeline.py", "generate"],
        cwd=draft,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ExportError(f"the project does not generate its template: {done.stderr.strip()}")
