"""Whether a cell may leave a figure open."""

from __future__ import annotations

import ast
import re

from ..facts import knowledge
from ..facts.changing import Function
from ..facts.naming import dotted
from ..model import Analysis, CodeCell
from ..trees import nodes_in
from .pieces import called_in

PLOTS = re.compile(
    r"plot|hist|show|draw|fig|axes|heatmap|scatter|bar$|barh|pie$|imshow|contour|boxplot"
    r"|(?<![a-z_])lines?$|[vhx]lines?$|add_lines?$"
    r"|grid$|^map(_|$)|matplotlib|seaborn"
)


class Plots:
    """Looks for what draws, also in the notebook's functions. ``resolve`` knows imported names."""

    def __init__(self, analysis: Analysis, resolve: dict[str, str]) -> None:
        self.analysis = analysis
        self.resolve = resolve

    def drawn_by(self, cell: CodeCell) -> bool:
        """Say whether a cell may leave a figure open."""
        run = [one.node for one in cell.statements]
        called = {n for one in run if not isinstance(one, Function) for n in self._called(one)}
        saved = "save" in called and any(name.startswith("sympy") for name in self.analysis.imports)
        return saved or self._any_plots(called, set())  # SymPy draws a plot again to save it

    def _called(self, node: ast.AST) -> set[str]:
        """Return the names of what is called: the last ones, and from where it was imported."""
        calls = [one.func for one in nodes_in(node) if isinstance(one, ast.Call)]
        names = {dotted(one, self.resolve) for one in calls}
        silent = {one for one in names if knowledge.SETTING_ROOT.match(one)}
        return called_in(node) | names - silent

    def _any_plots(self, called: set[str], seen: set[str]) -> bool:
        for name in called - seen:
            seen.add(name)
            if PLOTS.search(name.lower()):
                return True
            for one in self.analysis.definitions.get(name, []):
                if one.kind in ("function", "class") and self._any_plots(
                    self._called(one.statement.node), seen
                ):
                    return True
        return False
