"""Keep out what a Jupyter server imports or repeats without needing it. Import this module first.

Each measure here is for one cost that was measured, says which, and changes no result.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

# Builds three grammars at import, half of a server's start. jsonschema uses it only to check the
# formats "iri" and "iri-reference", and does without when it is missing (jsonschema#1428).
UNNEEDED = ("rfc3987_syntax",)

for _name in UNNEEDED:
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # makes `import` raise ImportError


_scan = importlib.metadata.entry_points
_scanned: dict[tuple[tuple[str, int], ...], dict[tuple[Any, ...], Any]] = {}


@functools.wraps(_scan)
def _entry_points(**selection: Any) -> Any:
    """Return entry points, reading the metadata anew only when something was installed.

    The standard library reads every distribution's metadata at each call: 12 ms with 190
    distributions, and Lab's request for the list of nbconvert's exporters calls it 29 times.
    Installing or removing a distribution changes the modification time of its directory.
    """
    version = tuple((path, _modified(path)) for path in sys.path)
    if version not in _scanned:
        _scanned.clear()
        _scanned[version] = {(): _scan()}
    known, wanted = _scanned[version], tuple(sorted(selection.items()))
    if wanted not in known:
        known[wanted] = known[()].select(**selection)
    return known[wanted]


def _modified(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


importlib.metadata.entry_points = _entry_points


def import_lab() -> None:
    """Import JupyterLab's application without starting Node, and teach it to remember.

    ``jupyterlab.labapp`` asks for Lab's version while it is imported; the object that knows it
    also asks yarn for its registry (``jupyterlab.commands._yarn_config``), which starts Node if
    there is one: a quarter of a second for an answer that only building an extension would use.
    """
    if "jupyterlab.labapp" in sys.modules:
        return
    commands: Any = importlib.import_module("jupyterlab.commands")
    ask_yarn = commands._yarn_config
    commands._yarn_config = lambda logger: {"yarn config": {}, "npm config": {}}
    try:
        importlib.import_module("jupyterlab.labapp")
    finally:
        commands._yarn_config = ask_yarn
    _remember_valid_schemas(importlib.import_module("jupyterlab_server.settings_utils"))


def _remember_valid_schemas(settings_utils: Any) -> None:
    """Check each settings schema of Lab's once instead of at every page load.

    ``GET lab/api/settings`` checks 91 schemas that were installed with their extensions: three
    quarters of its time, 40 ms. What matters stays: the person's settings against the schema.
    """
    valid: set[str] = set()

    class Validator(settings_utils.Validator):
        @classmethod
        def check_schema(cls, schema: Any, **options: Any) -> None:
            text = json.dumps(schema, sort_keys=True)
            if text not in valid:
                super().check_schema(schema, **options)
                valid.add(text)

    settings_utils.Validator = Validator


def remember_exporters() -> None:
    """List nbconvert's exporters once: listing creates one of each, 6 ms apiece.

    Lab asks at every page load, for its export menu.
    """
    base: Any = importlib.import_module("nbconvert.exporters.base")
    list_them = base.get_export_names
    known: dict[int, list[str]] = {}

    @functools.wraps(list_them)
    def get_export_names(config: Any = None) -> list[str]:
        if config is not None:
            return list_them(config=config)
        # The same object until something is installed, see _entry_points.
        group = id(importlib.metadata.entry_points())
        if group not in known:
            known.clear()
            known[group] = list_them()
        return list(known[group])

    base.get_export_names = get_export_names
    get_export_names()


def leave_working_directory() -> None:
    """Take the working directory off the module path, where ``python -m`` put it.

    It is the hub's, or a home: a file there named like a library must not become the library.
    """
    if sys.path and not sys.flags.safe_path and sys.path[0] in ("", str(Path.cwd())):
        del sys.path[0]
