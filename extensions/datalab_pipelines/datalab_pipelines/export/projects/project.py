"""The project that a plan becomes: everything that a stranger needs to run, test and deploy it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from ..code.withholding import ignore_lines
from ..code.writing import Files, data, put, render_code
from ..errors import ExportError
from ..model import Plan
from . import requirements
from .readme import readme
from .wrapping import wrapped

WHEELS = "DATALAB_WHEELS"
DERIVED = ("template.yaml",)
_OWNER = re.compile(r"@[\w.-]+(/[\w.-]+)?|[^@\s]+@[^@\s]+")
_WIDTH = 100
_RULES = ("E", "F", "I")
_NO_OWNER = "# * @your-organization/data-science"


@dataclass(frozen=True)
class ProjectOptions:
    """What a person may choose about the project.

    ``owners`` approve changes (``@ada``, ``@acme/ml``, an address). ``wheels`` are put into the
    project, for what no index has: files, or folders of them (``DATALAB_WHEELS`` when empty).
    """

    owners: tuple[str, ...] = ()
    wheels: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Site:
    """Where in a repository the project will be: what GitHub reads lies at the repository's top.

    ``folder`` is relative to it, "" when the project is the whole. ``owners`` is the CODEOWNERS
    file that is there already, "" for none.
    """

    folder: str = ""
    owners: str = ""


def render_project(
    plan: Plan, options: ProjectOptions | None = None, site: Site | None = None
) -> Files:
    """Return every file by its path in the project, or from the repository's top (``/…``).

    Raises ``ExportError`` when what was generated cannot be imported here.
    """
    options, site = options or ProjectOptions(), site or Site()
    needs = requirements.find(plan)
    wheels = _wheels(options.wheels)
    given = data(plan)
    texts = {
        **_texts(plan, options, site, bool(wheels)),
        **_requirement_files(needs, bool(wheels)),
    }
    files = {**render_code(plan), **wheels}
    files |= {path: text.encode() for path, text in texts.items()}
    here = {path: content for path, content in files.items() if path[:1] != "/"}
    tidied, unclean = _tidied(here, set(given))
    tidied, graph = _generated(tidied, "graph")
    text = readme(plan, graph, needs, wheels=sorted(wheels), owners=options.owners)
    style = _style(unclean, given)
    return {**files, **tidied, "README.md": text.encode(), "ruff.toml": style.encode()}


def generate(files: Mapping[str, bytes]) -> Files:
    """Return a project's files with what is generated of the others made anew."""
    return _generated(dict(files))[0]


def write(plan: Plan, folder: Path, options: ProjectOptions | None = None) -> list[Path]:
    """Write the project of ``plan`` into ``folder``; return its files.

    Raises ``ExportError`` when the folder is not empty, or when what was written cannot be
    imported. The project appears as a whole or not at all.
    """
    folder = Path(folder)
    check_free(folder)
    return place(render_project(plan, options), folder)


def check_free(folder: Path) -> None:
    """Raise ``ExportError`` unless ``folder`` is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(
            f"{folder} is there already, and not empty",
            hint="Choose another folder with --to; nothing is overwritten. In a git repository, "
            "--commit merges an export with the last one.",
        )


def place(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Let ``folder`` appear with ``files`` in it, as a whole; return their paths."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    near = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-pipeline-"))
    try:
        put(files, near)
        near.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        near.rename(folder)
    except BaseException:
        shutil.rmtree(near, ignore_errors=True)
        raise
    return sorted(folder / path for path in files)


def remove(folder: Path, *, keep: bool) -> None:
    """Take away what ``place`` wrote; with ``keep`` the folder itself was there before."""
    shutil.rmtree(folder, ignore_errors=True)
    if keep:
        folder.mkdir(exist_ok=True)


def _wheels(given: tuple[Path, ...]) -> Files:
    """Return the wheels, by their path in the project."""
    named = [Path(one) for one in os.environ.get(WHEELS, "").split(os.pathsep) if one]
    found: Files = {}
    for path in given or tuple(named):
        several = sorted(path.glob("*.whl")) if path.is_dir() else [path]
        if not several or not all(one.suffix == ".whl" and one.is_file() for one in several):
            raise ExportError(
                f"{path} is no wheel, nor a folder of wheels",
                hint="Build one with: pip wheel --no-deps --wheel-dir wheels FOLDER",
            )
        found |= {f"wheels/{one.name}": one.read_bytes() for one in several}
    return found


def _texts(plan: Plan, options: ProjectOptions, site: Site, wheels: bool) -> dict[str, str]:
    folder = f"{site.folder}/" if site.folder else ""
    here = json.dumps(site.folder, ensure_ascii=False)
    seen = [f"{folder}**", f".github/workflows/{plan.name}.yml"]
    paths = f"\n    paths: {json.dumps(seen, ensure_ascii=False)}" if folder else ""
    values = {
        "name": plan.name,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "wheels": "COPY wheels/ wheels/\n" if wheels else "",
        "requirements": json.dumps(f"{folder}requirements*.txt", ensure_ascii=False),
        "paths": paths,
        "paths_of_push": paths,
        "defaults": f"\ndefaults:\n  run:\n    working-directory: {here}\n" if folder else "",
        "owners": _owners(options.owners, f"/{folder}" if folder else "*"),
    }
    source = package_files("datalab_pipelines.project") / "exported"

    def filled(name: str) -> str:
        text = (source / name).read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(f"{{{{{key}}}}}", value)
        return text

    names = {
        "Dockerfile": "Dockerfile",
        ".dockerignore": "dockerignore",
        ".gitignore": "gitignore",
        "tests/conftest.py": "tests/conftest.py",
        "tests/test_pipeline.py": "tests/test_pipeline.py",
    }
    if not plan.whole:  # IPython in the middle of pytest would be no test of the stage
        names["tests/test_stages.py"] = "tests/test_stages.py"
    if folder:
        names[f"/.github/workflows/{plan.name}.yml"] = "workflow.yml"
    else:
        names[".github/workflows/pipeline.yml"] = "workflow.yml"
    if not site.owners:
        names["/.github/CODEOWNERS" if folder else ".github/CODEOWNERS"] = "CODEOWNERS"
    texts = {path: filled(name) for path, name in names.items()}
    ignored = ignore_lines(plan)
    texts[".gitignore"] += ignored.git
    texts[".dockerignore"] += ignored.docker
    return texts


def _owners(owners: tuple[str, ...], what: str) -> str:
    wrong = [one for one in owners if not _OWNER.fullmatch(one)]
    if wrong:
        raise ExportError(
            f"{wrong[0]!r} is no owner for CODEOWNERS",
            hint="Write @name, @organization/team, or an address.",
        )
    return f"{what.replace(' ', chr(92) + ' ')} {' '.join(owners)}" if owners else _NO_OWNER


def _requirement_files(needs: requirements.Requirements, wheels: bool) -> dict[str, str]:
    find = "--find-links wheels\n" if wheels else ""
    direct, locked = (
        requirements.header(what)
        for what in ("What the notebook imports", "All of it, in the versions that were here")
    )
    return {
        "requirements.in": direct + find + "\n".join(needs.direct) + "\n",
        "requirements.txt": locked + find + "\n".join(needs.locked) + "\n",
        "requirements-dev.txt": "-r requirements.txt\n" + "\n".join(needs.tools) + "\n",
    }


def formatter() -> list[str]:
    """Return the command that formats: ruff as a module of this Python, else from PATH, else []."""
    if importlib.util.find_spec("ruff"):
        return [sys.executable, "-m", "ruff"]
    here = str(Path(sys.executable).parent)
    found = shutil.which("ruff", path=os.pathsep.join([here, os.environ.get("PATH", os.defpath)]))
    return [found] if found else []


def _tidied(files: Files, as_they_are: set[str]) -> tuple[Files, dict[str, list[str]]]:
    """Return the modules sorted and formatted, and what they still are not clean of, by rule.

    The rest is the notebook's own style (a variable called ``l``), which an export does not change.
    Without ruff here nothing is known, and nothing is asked of the modules.
    """
    ours = [path for path in files if path.endswith(".py") and path not in as_they_are]
    ruff = formatter()
    if not ruff:
        return files, {path: list(_RULES) for path in ours}
    with tempfile.TemporaryDirectory(prefix="datalab-export-") as scratch:
        folder = Path(scratch)
        # All modules: which import is the project's own depends on what is there.
        put({path: text for path, text in files.items() if path.endswith(".py")}, folder)
        common = ["--no-cache", "--isolated", f"--line-length={_WIDTH}"]

        def format_them() -> None:
            for words in (["check", "-q", "--select=I", "--fix", *ours], ["format", "-q", *ours]):
                subprocess.run([*ruff, words[0], *common, *words[1:]], cwd=folder, check=False)

        format_them()
        if _shortened([folder / path for path in ours]):
            format_them()
        rules = [f"--select={','.join(_RULES)}", "--output-format=json", "--exit-zero"]
        said = subprocess.run(
            [*ruff, "check", *common, *rules, *ours], cwd=folder, stdout=subprocess.PIPE, check=True
        )
        unclean: dict[str, list[str]] = {}
        for one in json.loads(said.stdout):
            path = Path(one["filename"]).relative_to(folder.resolve()).as_posix()
            unclean[path] = sorted({*unclean.get(path, []), one["code"]})
        return {**files, **{path: (folder / path).read_bytes() for path in ours}}, unclean


def _shortened(paths: list[Path]) -> bool:
    """Make comments and texts shorter that a formatter leaves too long; say whether any was."""
    before = [path.read_text(encoding="utf-8") for path in paths]
    after = [wrapped(text, _WIDTH) for text in before]
    for path, text in zip(paths, after, strict=True):
        path.write_text(text, encoding="utf-8")
    return before != after


def _style(unclean: Mapping[str, list[str]], as_they_are: Files) -> str:
    """Return ruff.toml."""
    excluded = sorted(path for path in as_they_are if path.endswith((".py", ".ipynb")))
    lines = [
        f"line-length = {_WIDTH}",
        "# The notebook, and modules that lay beside it, are as they were.",
        f"extend-exclude = {json.dumps(excluded, ensure_ascii=False)}",
        "",
        "[lint]",
        f"select = {json.dumps(_RULES)}",
    ]
    if unclean:
        lines += ["", "[lint.per-file-ignores]", "# As the notebook has it."]
        lines += [
            f"{json.dumps(path, ensure_ascii=False)} = {json.dumps(rules)}"
            for path, rules in sorted(unclean.items())
        ]
    return "\n".join(lines) + "\n"


def _generated(files: Files, *more: str) -> tuple[Files, str]:
    """Return the files with ``template.yaml``, and what the verb ``more`` prints."""
    with tempfile.TemporaryDirectory(prefix="datalab-export-") as scratch:
        folder = Path(scratch)
        put(files, folder)
        printed = [_pipeline(folder, verb) for verb in ("generate", *more)]
        made = {path: (folder / path).read_bytes() for path in DERIVED}
    return {**files, **made}, printed[-1]


def _pipeline(folder: Path, verb: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "pipeline.py", verb],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().replace(f"{folder}/", "").splitlines()[-8:]
        raise ExportError(
            "the pipeline cannot be generated:\n" + "\n".join(last),
            hint="Are the notebook's libraries installed here?",
        )
    return done.stdout
