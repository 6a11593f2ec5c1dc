"""What both forms of a plan's stages have in common."""

from __future__ import annotations

import ast
import json
import re
import sys
from functools import cached_property

from ..cells.scopes import strings_in
from ..facts.folders import LOOKS_AROUND, folders_made
from ..facts.naming import dotted, library_names, root_of
from ..facts.sharing import said_before
from ..facts.statements import calls, short_of
from ..flow.liveness import Lives, lives
from ..model import Analysis, Definition, Plan, StagePlan
from ..trees import nodes_in
from .data_files import working_folder
from .own_modules import texts_of_modules
from .preamble import last_said
from .prose import sentence
from .sources import import_of, in_order, is_future_or_star, short, source

HELPERS = ("show", "display", "shell", "shell_lines", "capture_output", "show_error")
OF_PYTHON_2 = {  # that Python 3 does anyway
    *("nested_scopes", "generators", "division", "absolute_import", "with_statement"),
    *("print_function", "unicode_literals", "generator_stop"),
}
SILENT = {"print", "display", "show", "shell"}
GIVES_NOTHING = re.compile(
    r"matplotlib\.(pyplot\.|use$|style\.use$)|seaborn\.\w*(plot|map)$|(numpy\.)?random\.seed$|numpy\.set_printoptions$"
    r"|pandas\.set_option$|seaborn\.(set|set_theme|set_style|set_context|set_palette)$"
    r"|warnings\.(filterwarnings|simplefilter)$|os\.makedirs$|IPython\.(core\.)?display\.display$"
)


class Form:
    """Knows a plan and its notebook, for those who write its stages."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.analysis: Analysis = plan.analysis
        self.repeated: set[int] = set()  # settings that are in ``shared.py``
        self.cells = {cell.index: cell for cell in self.analysis.code}
        self.resolve = library_names([cell for cell in self.analysis.code if not cell.opaque])
        self.shared = {
            id(one.statement.node)
            for them in self.analysis.definitions.values()
            for one in them
            if one.shared
        }
        self.used = {
            node.id
            for cell in self.analysis.code
            for one in cell.statements
            for node in nodes_in(one.node)
            if isinstance(node, ast.Name)
        }
        self.bound = {name for facts in self.analysis.facts.values() for name in facts.bound}
        # Helper modules beside the notebook plot too.
        quiet = {*sys.stdlib_module_names, "numpy", "scipy", "sklearn"}
        self.plots = any(name.split(".")[0] not in quiet for name in self.analysis.imports)

    def own(self, name: str) -> str:
        """Return a name for something of ours that is none of the notebook's."""
        return f"datalab_{name}" if name in self.used | self.bound else name

    def ours(self, module: str, name: str) -> str:
        """Return the line that imports something of ours, by the name that ``own`` gives."""
        own = self.own(name)
        renamed = "" if own == name else f" as {own}"
        return f"from datalab_pipelines.{module} import {name}{renamed}"

    def is_shared(self, name: str) -> bool:
        """Say whether a name is one of ``shared.py``."""
        return name in self.plan.shared

    def kept_imports(self, node: ast.stmt) -> str:
        """Return what of an import is not in ``shared.py``."""
        if not isinstance(node, ast.Import | ast.ImportFrom) or is_future_or_star(node):
            return ""
        return import_of(node, lambda name: not self.is_shared(name))

    def futures(self) -> list[str]:
        """Return the imports from ``__future__``."""
        found = []
        for cell in self.analysis.code:
            for one in cell.statements:
                if isinstance(one.node, ast.ImportFrom) and one.node.module == "__future__":
                    names = [alias for alias in one.node.names if alias.name not in OF_PYTHON_2]
                    found += [ast.unparse(ast.ImportFrom("__future__", names, 0))] if names else []
        return sorted(set(found))

    def replayed(self, stage: StagePlan, number: int) -> tuple[list[str], list[str]]:
        """Return settings of earlier stages, and functions that this one needs."""
        names: list[str] = []
        cells = [index for earlier in self.plan.stages[:number] for index in earlier.cells]
        settings = [
            (one, index)
            for index in cells
            for one in self.analysis.settings.get(index, [])
            if id(one.node) not in self.repeated and self._counts(one.node, stage)
        ]
        where = {id(one): index for one, index in settings}
        last = last_said([one for one, _ in settings], self.resolve)
        lines = [source(self.cells[where[id(one)]], one) for one in last]
        said: dict[str, Definition] = {}
        for name, them in self.analysis.definitions.items():
            holds = said_before(min(stage.cells), them)
            if holds is None or not holds.carried:
                continue
            if name in self.alive.said[number]:  # else not read, or defined anew before it is
                said[name] = holds
        for name in in_order(said):
            holds = said[name]
            node = holds.statement.node
            if isinstance(node, ast.Import | ast.ImportFrom):
                lines.append(import_of(node, {name}.__contains__))
            else:
                lines.append(source(self.cells[holds.cell], holds.statement))
            names.append(name)
        return lines, names

    def _counts(self, setting: ast.stmt, stage: StagePlan) -> bool:
        """Say whether a setting may count in a stage: a folder, where it is named or looked for."""
        made = folders_made(setting)
        if not made:
            return True
        nodes = [one.node for index in stage.cells for one in self.cells[index].statements]
        looks = any(
            LOOKS_AROUND.fullmatch(short_of(call)) or short_of(call).startswith("shell")
            for node in nodes
            for call in calls(node)
        )
        if looks:
            return True
        texts = strings_in(nodes) + self._said_elsewhere
        return any(name in text for name in made for text in texts)

    @cached_property
    def _said_elsewhere(self) -> list[str]:
        """Return the texts that any stage may come to use: of definitions, and of modules."""
        nodes = [one.statement.node for them in self.analysis.definitions.values() for one in them]
        return strings_in(nodes) + texts_of_modules(self.plan)

    @cached_property
    def alive(self) -> Lives:
        """Return what is alive at the beginning of every stage."""
        return lives(self.plan)

    def markdown(self, index: int) -> list[str]:
        """Return the Markdown cells above a code cell, up to the code cell before it."""
        found: list[str] = []
        for cell in reversed(self.analysis.notebook.cells[:index]):
            if cell.kind == "code" and cell.source.strip():
                break
            if cell.kind == "markdown":
                found.insert(0, cell.source)
        return found

    def silent(self, node: ast.expr) -> bool:
        """Say whether there is nothing to see in a value that a cell shows."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str) or node.value is None
        if not isinstance(node, ast.Call):
            return False
        name = dotted(node.func, self.resolve) or root_of(node.func)
        if name in self.bound:  # a function or class of the notebook's, whatever it is called
            return False
        return name in SILENT or bool(GIVES_NOTHING.match(name))

    @cached_property
    def folder(self) -> str:
        """Return where in the project the stages work; "" for the project's own folder."""
        return working_folder(self.plan)

    def asked(self, stage: StagePlan) -> str:
        """Return what ``@stage`` is given."""
        asked = [f"compute={stage.compute}"] if stage.compute else []
        asked += [f"folder={json.dumps(self.folder, ensure_ascii=False)}"] if self.folder else []
        return f"({', '.join(asked)})" if asked else ""

    def main(self, calls: list[str]) -> list[str]:
        """Return the pipeline function that makes these calls, and what runs it."""
        taken = ", ".join(f"{p.name}: {p.type} = {p.default!r}" for p in self.plan.parameters)
        return [
            *("", "", f'@pipeline("{self.plan.name}")', f"def main({taken}) -> None:"),
            f'    """{sentence(short(self.plan.title))}"""',
            *(f"    {call}" for call in calls),
            *("", "", 'if __name__ == "__main__":', "    main.main()", ""),
        ]
