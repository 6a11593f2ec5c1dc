"""The project that a plan becomes: written whole, or not at all."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from .errors import ExportError
from .model import Plan
from .names import strings_in
from .rendering import code_files

LARGEST_DATA = 50 * 2**20


def write(plan: Plan, folder: Path) -> list[Path]:
    """Write the project of ``plan`` into ``folder``; return its files.

    Raises ``ExportError`` when the folder is not empty, or when what was written cannot be
    imported. The project appears as a whole or not at all.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(
            f"{folder} is there already, and not empty",
            hint="Choose another folder with --to; nothing is overwritten.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    near = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-pipeline-"))
    try:
        write_code(plan, near)
        _write_project(plan, near)
        _generate(plan, near)
        near.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        near.rename(folder)
    except BaseException:
        shutil.rmtree(near, ignore_errors=True)
        raise
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_code(plan: Plan, folder: Path) -> None:
    """Write what runs: the modules, the notebook, and the files it reads."""
    for name, text in code_files(plan).items():
        module = folder / name
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(text, encoding="utf-8")
    notebook = plan.analysis.notebook.path
    shutil.copy2(notebook, folder / notebook.name)
    for path in data_files(plan):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(notebook.parent / path, target)
    for module in folder.rglob("*.py"):
        ast.parse(module.read_text(encoding="utf-8"))


def data_files(plan: Plan) -> list[str]:
    """Return the files beside the notebook that it names, relative to it, and its modules."""
    folder = plan.analysis.notebook.path.resolve().parent
    texts = set(strings_in(s.node for cell in plan.analysis.code for s in cell.statements))
    texts |= {f"{name.split('.')[0]}.py" for name in plan.analysis.imports}
    found, total = [], 0
    for text in sorted(texts):
        if not text or len(text) > 200 or "\n" in text or "\0" in text:
            continue
        path = folder / text
        inside = not Path(text).is_absolute() and ".." not in Path(text).parts
        if inside and path.is_file() and path.suffix != ".ipynb":
            total += path.stat().st_size
            if total <= LARGEST_DATA:
                found.append(text)
    return found


def _write_project(plan: Plan, folder: Path) -> None:
    from .. import __version__

    values = {"{{name}}": plan.name, "{{version}}": __version__}
    with as_file(files("datalab_pipelines.project") / "files") as source:
        for name in ("Dockerfile", "CODEOWNERS", "requirements-dev.in", "gitignore"):
            shutil.copy2(source / name, folder / ("." * (name == "gitignore") + name))
        shutil.copytree(source / ".github", folder / ".github")
        (folder / "tests").mkdir()
        shutil.copy2(source / "tests" / "conftest.py", folder / "tests" / "conftest.py")
    dockerfile = folder / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8").replace("COPY *.py ./", "COPY . ./")
    dockerfile.write_text(text, encoding="utf-8")
    workflow = folder / ".github" / "workflows" / "pipeline.yml"
    text = workflow.read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(key, value)
    workflow.write_text(text, encoding="utf-8")
    (folder / "requirements.in").write_text(
        f"datalab-pipelines[aws,data]=={__version__}\n" + "".join(requirements(plan)),
        encoding="utf-8",
    )
    (folder / "tests" / "test_pipeline.py").write_text(_TESTS, encoding="utf-8")
    (folder / "ruff.toml").write_text(
        'line-length = 100\n[lint.per-file-ignores]\n"stages/*" = ["E", "F"]\n'
        '"shared.py" = ["E", "F"]\n',
        encoding="utf-8",
    )
    here = str(Path(sys.executable).parent)
    ruff = shutil.which("ruff", path=os.pathsep.join([here, os.defpath]))
    if ruff:
        sort = ["check", "-q", "--no-cache", "--select", "I", "--fix", "pipeline.py", "stages"]
        for verb in (sort, ["format", "-q", "--no-cache", "."]):
            subprocess.run([ruff, *verb], cwd=folder, check=False)


def requirements(plan: Plan) -> list[str]:
    """Return a line for every library that the notebook imports, with the version that is here."""
    known = importlib.metadata.packages_distributions()
    asked = {re.split(r"[<>=!~\[]", one)[0].lower(): one for one in plan.analysis.installs}
    found = set()
    modules = {name.split(".")[0] for name in plan.analysis.imports}
    if plan.whole:
        modules.add("IPython")
    for module in sorted(modules - set(sys.stdlib_module_names)):
        for distribution in sorted(set(known.get(module, []))):
            asked.pop(distribution.lower(), None)
            found.add(f"{distribution}=={importlib.metadata.version(distribution)}\n")
        local = plan.analysis.notebook.path.parent / f"{module}.py"
        if module not in known and not local.exists():
            found.add(f"{asked.pop(module.lower(), module)}\n")
    return sorted(found | {f"{one}\n" for one in asked.values()})


def _generate(plan: Plan, folder: Path) -> None:
    script = [sys.executable, "-B", "pipeline.py"]
    done = subprocess.run(
        [*script, "generate"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise ExportError(
            "the pipeline cannot be generated:\n" + "\n".join(last),
            hint="Are the notebook's libraries installed here?",
        )
    graph = subprocess.check_output([*script, "graph"], cwd=folder, text=True)
    (folder / "README.md").write_text(_readme(plan, graph), encoding="utf-8")


def _readme(plan: Plan, graph: str) -> str:
    lines = [f"# {plan.title}", "", f"Exported from `{plan.analysis.notebook.path.name}`.", ""]
    lines += ["```mermaid", graph.rstrip(), "```", ""]
    for stage in plan.stages:
        cells = f"cells {stage.cells[0] + 1} to {stage.cells[-1] + 1}"
        given = ", ".join(f"`{name}`" for port in stage.outputs for name in port.variables)
        lines.append(f"- `{stage.name}`: {cells}" + (f"; gives {given}" if given else ""))
    if plan.warnings:
        lines += ["", "## What to know", ""]
        lines += [f"- {one.message}" for one in plan.warnings]
    lines += ["", "```console", "pip install -r requirements-dev.in", "pytest"]
    lines += ["python pipeline.py run", "python pipeline.py generate", "```", ""]
    lines += ["`shared.py` holds imports, functions and classes; `stages/` the notebook's cells."]
    lines += ["`template.yaml` is generated: nobody edits it.", ""]
    return "\n".join(lines)


_TESTS = '''"""The pipeline runs on this machine; the template is what the script generates."""

from pathlib import Path

from datalab_pipelines.compile import generate, to_yaml
from datalab_pipelines.run import run_pipeline

from pipeline import main


def test_the_pipeline_runs(tmp_path):
    done = run_pipeline(main, folder=tmp_path)
    assert done.status == "succeeded", done.error


def test_the_template_is_up_to_date():
    template = Path(__file__).parents[1] / "template.yaml"
    assert template.read_text(encoding="utf-8") == to_yaml(generate(main)), (
        "run `python pipeline.py generate` and commit template.yaml"
    )
'''
