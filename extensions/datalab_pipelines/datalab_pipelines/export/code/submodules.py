"""Submodules that code asks a package for, as ``mpl.style``, though it imports only the package.

In the notebook another import has loaded them: ``matplotlib.pyplot`` loads ``matplotlib.style``. A
module of the project may not have that import.
"""

from __future__ import annotations

import ast

from .hinting import is_module

# Packages that do not load all of their own modules; ``numpy.random`` comes with ``numpy``.
NOT_WHOLE = {
    *("matplotlib", "mpl_toolkits", "sklearn", "statsmodels", "skimage", "PIL", "plotly", "bokeh"),
    *("concurrent", "dateutil", "email", "importlib", "multiprocessing", "urllib", "xml"),
}


def submodules(text: str, imported: dict[str, str]) -> list[str]:
    """Return the imports that ``text`` needs besides those of its names.

    ``imported``: the line, or lines, that import each name of the notebook.
    """
    packages = {name: _package(name, line) for name, line in imported.items()}
    said = {line for lines in imported.values() for line in lines.split("\n")}
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        alias = node.value.id
        package = packages.get(alias, "")
        line = f"import {package}.{node.attr}"
        if package.split(".")[0] in NOT_WHOLE and line not in said and is_module(line[7:]):
            used = "" if alias == package else f"  # noqa: F401 - {alias}.{node.attr}"
            found[line + used] = None
    return list(found)


def _package(name: str, lines: str) -> str:
    """Return the package that ``import package`` or ``import package as name`` gives the name."""
    for line in lines.split("\n"):
        node = ast.parse(line).body[0]
        for alias in node.names if isinstance(node, ast.Import) else ():
            if alias.asname == name or alias.name == name:
                return alias.name
    return ""
