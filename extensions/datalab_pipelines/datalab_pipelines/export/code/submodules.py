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
    asked = {
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    found = []
    for alias, attribute in sorted(asked):
        package = _package(alias, imported[alias]) if alias in imported else ""
        line = f"import {package}.{attribute}"
        said = line in imported.get(alias, "").split("\n")
        if package.split(".")[0] in NOT_WHOLE and not said and is_module(f"{package}.{attribute}"):
            found.append(
                line if alias == package else f"{line}  # noqa: F401 - {alias}.{attribute}"
            )
    return found


def _package(name: str, lines: str) -> str:
    """Return the package that ``import package`` or ``import package as name`` gives the name."""
    for line in lines.split("\n"):
        node = ast.parse(line).body[0]
        for alias in node.names if isinstance(node, ast.Import) else ():
            if alias.asname == name or alias.name == name:
                return alias.name
    return ""
