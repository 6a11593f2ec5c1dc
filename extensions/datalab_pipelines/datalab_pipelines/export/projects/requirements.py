"""What a pipeline needs to run elsewhere: the libraries that were imported, as they are here.

``requirements.in`` says what the notebook asked for, ``requirements.txt`` everything that these
need in turn, each in the version that is installed where the export ran.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ..code.data_files import data_files, roots_of
from ..code.own_modules import texts_of_modules
from .optional import asked_for

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from ..model import Plan

OURS = "datalab-pipelines"
EXTRAS = ("aws", "data")
TOOLS = ("pytest", "ruff", "cfn-lint")
# Not what a project pins: they belong to the environment itself.
_ENVIRONMENT = {"pip", "setuptools", "wheel"}


@dataclass
class Requirements:
    """Lines of the requirement files, and sentences about what cannot be installed elsewhere."""

    direct: list[str]
    locked: list[str]
    tools: list[str]
    notes: list[str] = field(default_factory=list)


def find(plan: Plan) -> Requirements:
    """Return what the notebook of ``plan`` needs."""
    from ... import __version__

    own = f"{OURS}[{','.join(EXTRAS)}]=={__version__}"
    notes: list[str] = []
    direct: dict[str, str] = {OURS: own}
    asked = {canonical(re.split(r"[^A-Za-z0-9._-]", one)[0]): one for one in plan.analysis.installs}
    for name, known in _distributions(plan).items():
        for one in known:
            direct[canonical(one)] = _pinned(one, notes)
            asked.pop(canonical(one), None)
        if not known:
            direct[canonical(name)] = asked.pop(canonical(name), name)
    for name, line in asked.items():
        direct[name] = _pinned(name, notes) if _here(name) else line
    locked = {OURS: f"{OURS}=={__version__}"}
    waiting = [own, *(line for name, line in direct.items() if name != OURS)]
    for name in _closure(waiting):
        locked.setdefault(name, _pinned(name, notes))
    for name, line in direct.items():
        locked.setdefault(name, line)
    return Requirements(
        [own, *sorted(line for name, line in direct.items() if name != OURS)],
        [own, *sorted(line for name, line in locked.items() if name != OURS)],
        [f"{name}=={_here(name)}" if _here(name) else name for name in TOOLS],
        list(dict.fromkeys(notes)),
    )


def header(what: str) -> str:
    """Return the comment at the top of a requirement file."""
    where = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return f"# {what} ({where})\n"


def canonical(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distributions(plan: Plan) -> dict[str, list[str]]:
    """Return module → the distributions that it comes from, [] for one that is not installed."""
    known = metadata.packages_distributions()
    modules = {name.split(".")[0] for name in plan.analysis.imports}
    modules |= {"IPython"} if plan.whole else set()
    folder = plan.analysis.notebook.path.resolve().parent
    for name in data_files(plan):  # modules beside the notebook
        modules |= roots_of(folder / name) if name.endswith(".py") else set()
    texts = [cell.code for cell in plan.analysis.code]
    texts += [cell.source for cell in plan.analysis.notebook.cells if plan.whole]
    texts += texts_of_modules(plan)
    modules |= {one for one in asked_for(modules, texts) if one in known}
    found: dict[str, list[str]] = {}
    for module in sorted(modules - set(sys.stdlib_module_names)):
        given = sorted(set(known.get(module, [])) - {OURS})
        if len(given) > 1:  # a namespace that several share
            names = [one for one in plan.analysis.imports if one.split(".")[0] == module]
            given = [one for one in given if _provides(one, names)] or given
        local = (folder / f"{module}.py").exists() or (folder / module).is_dir()
        if given or not local:
            found[module] = given
    return found


def _provides(distribution: str, modules: Iterable[str]) -> bool:
    files = {str(one) for one in metadata.files(distribution) or []}
    return any(
        f"{path}/__init__.py" in files or f"{path}.py" in files
        for path in (name.replace(".", "/") for name in modules)
    )


def _here(name: str) -> str:
    """Return the version that is installed here, "" for none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _pinned(name: str, notes: list[str]) -> str:
    """Return the line that installs elsewhere what is installed here."""
    distribution = metadata.distribution(name)
    name = distribution.metadata["Name"]
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if canonical(name) != OURS and origin:
        version_control = origin.get("vcs_info")
        if version_control and "@" not in origin["url"].split("://")[-1].split("/")[0]:
            where = f"{version_control['vcs']}+{origin['url']}@{version_control['commit_id']}"
            return f"{name} @ {where}"
        notes.append(
            f"{name} was installed here from {_shown(origin.get('url', 'a file'))}, not from an "
            "index: give its wheel with --wheel"
        )
    # A local part (2.3.0+cpu) names a build that the public index does not have.
    return f"{name}=={distribution.version.split('+')[0]}"


def _shown(url: str) -> str:
    return Path(url).name if url.startswith("file:") else re.sub(r"//[^/@]*@", "//", url)


def _closure(lines: Iterable[str]) -> list[str]:
    """Return everything that requirement lines need, of what is installed here."""
    from packaging.requirements import InvalidRequirement, Requirement

    done: set[tuple[str, str]] = set()
    found: dict[str, None] = {}

    def parse(line: str) -> Requirement | None:
        try:
            return Requirement(line)
        except InvalidRequirement:
            return None  # an option of pip's, or a path

    waiting = [one for one in map(parse, lines) if one]
    while waiting:
        one = waiting.pop()
        name = canonical(one.name)
        if not _here(name) or name in _ENVIRONMENT:
            continue
        found[name] = None
        for extra in sorted({"", *one.extras}):
            if (name, extra) in done:
                continue
            done.add((name, extra))
            needs = [parse(line) for line in metadata.requires(name) or []]
            waiting += [
                need
                for need in needs
                if need and (need.marker is None or need.marker.evaluate({"extra": extra}))
            ]
    return list(found)
