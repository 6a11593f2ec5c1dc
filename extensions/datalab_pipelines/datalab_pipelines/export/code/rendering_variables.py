"""Stages whose variables are globals of their module, as they were globals of the notebook."""

from __future__ import annotations

import ast
import json
import re
import sys
import textwrap
from functools import cached_property
from pathlib import PurePosixPath

from ..cells.scopes import strings_in
from ..facts.folders import LOOKS_AROUND, folders_made
from ..facts.naming import dotted, library_names, root_of
from ..facts.sharing import said_before
from ..facts.statements import calls, short_of
from ..flow.liveness import Lives, lives
from ..model import Analysis, CodeCell, Definition, Plan, StagePlan, Statement
from ..text import Edit, apply_edits, indent, offsets, span
from .data_files import working_folder
from .own_modules import texts_of_modules
from .pieces import apart
from .preamble import last_said
from .prose import comment, sentence

HELPERS = ("show", "display", "shell", "shell_lines", "capture_output", "show_error")
SILENT = {"print", "display", "show", "shell"}
GIVES_NOTHING = re.compile(
    r"matplotlib\.(pyplot\.|use$|style\.use$)|seaborn\.\w*(plot|map)$|(numpy\.)?random\.seed$|numpy\.set_printoptions$"
    r"|pandas\.set_option$|seaborn\.(set|set_theme|set_style|set_context|set_palette)$"
    r"|warnings\.(filterwarnings|simplefilter)$|os\.makedirs$"
)
ENVIRONMENT = re.compile(r"os\.(environ|putenv)|sys\.path|warnings\.")
OF_PYTHON_2 = {  # that Python 3 does anyway
    *("nested_scopes", "generators", "division", "absolute_import", "with_statement"),
    *("print_function", "unicode_literals", "generator_stop"),
}
UNFINISHED = re.compile(r"([,;:–-]?\s(and|or|of|the|a|an|for|with|in|to|on|by|from))*[,;:]?…$")


class VariablesForm:
    """Makes the texts of a plan whose stages keep their variables as globals of a module."""

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
            for node in ast.walk(one.node)
            if isinstance(node, ast.Name)
        }
        self.bound = {name for facts in self.analysis.facts.values() for name in facts.bound}
        # Helper modules beside the notebook plot too.
        quiet = {*sys.stdlib_module_names, "numpy", "scipy", "sklearn"}
        self.plots = any(name.split(".")[0] not in quiet for name in self.analysis.imports)

    def own(self, name: str) -> str:
        """Return a name for something of ours that is none of the notebook's."""
        return f"datalab_{name}" if name in self.used | self.bound else name

    def module_shared(self) -> str:
        """Return ``shared.py``: what means the same in every stage."""
        lines = [f'"""What every stage of {_plain(self.plan.title)} uses."""', ""]
        lines += ["# isort: skip_file - what is imported may have to be in this order", ""]
        lines += self._futures()
        if self.plots:
            lines.append("import os as _os\n")
            lines.append(
                '_os.environ.setdefault("MPLBACKEND", "module://datalab_pipelines.figures")'
            )
        written: set[str] = set()
        for cell in self.analysis.code:
            settings = {id(one.node) for one in self.analysis.settings.get(cell.index, [])}
            for one in cell.statements:
                star = isinstance(one.node, ast.ImportFrom) and one.node.names[0].name == "*"
                early = id(one.node) in settings and ENVIRONMENT.match(
                    next((dotted(part, self.resolve) for part in _targets(one.node)), "")
                )
                text = _source(cell, one)
                if (id(one.node) in self.shared or star or early) and text not in written:
                    whole = not isinstance(one.node, ast.Import | ast.ImportFrom)
                    for name in _names_of(one.node) if not whole else ():
                        whole = whole or self._is_shared(name)
                    if isinstance(one.node, ast.Import | ast.ImportFrom) and not star:
                        text = self._import(one.node)
                    if text:
                        written.add(text)
                        lines.append(text)
        return "\n".join(lines) + "\n"

    def _import(self, node: ast.Import | ast.ImportFrom) -> str:
        names = [a for a in node.names if self._is_shared(a.asname or a.name.split(".")[0])]
        if not names:
            return ""
        if isinstance(node, ast.Import):
            return ast.unparse(ast.Import(names))
        return ast.unparse(ast.ImportFrom(node.module, names, node.level))

    def _is_shared(self, name: str) -> bool:
        return name in self.plan.shared

    def _futures(self) -> list[str]:
        found = []
        for cell in self.analysis.code:
            for one in cell.statements:
                if isinstance(one.node, ast.ImportFrom) and one.node.module == "__future__":
                    names = [alias for alias in one.node.names if alias.name not in OF_PYTHON_2]
                    found += [ast.unparse(ast.ImportFrom("__future__", names, 0))] if names else []
        return sorted(set(found))

    def module_stage(self, stage: StagePlan, number: int) -> str:
        """Return the module of one stage."""
        if self.plan.whole:
            return self._whole(stage)
        body, bound = self._body(stage, number)
        inputs = stage.inputs[0].variables if stage.inputs else []
        replayed, functions = self._replayed(stage, number)
        declared = sorted({*bound, *inputs, *functions})
        variables, kept, decorate = self.own("variables"), self.own("kept"), self.own("stage")
        Variables = self.own("Variables")
        arguments = [f"{variables}: {Variables}"] if number else []
        kinds = {one.name: one.type for one in self.plan.parameters}
        arguments += [f"{one}_value: {kinds[one]}" for one in stage.parameters]
        lines: list[str] = []
        if declared:
            lines.append(f"global {', '.join(declared)}")
        sure = self._sure(number)
        for name in inputs:
            load = f'{name} = {variables}["{name}"]'
            lines.append(load if name in sure else f'if "{name}" in {variables}:\n    {load}')
        lines += replayed
        if stage.random_in:
            lines.append(f'{self.own("restore_random_state")}({variables}["random state"])')
        text = "\n".join([*lines, body])
        last = stage.outputs[0].variables if stage.outputs else []
        names = "".join(f', "{one}"' for one in last)
        call = f'{kept}("{stage.name}", globals(){names})'
        if stage.random_out:
            call = f'{{**{call}, "random state": {self.own("random_state")}()}}'
        compute = self._asked(stage)
        function = self.own(stage.name)
        doc = textwrap.fill(stage.doc or stage.title, 90)
        head = f"@{decorate}{compute}\ndef {function}({', '.join(arguments)}) -> {Variables}:\n"
        inner = indent(text + f"\nreturn {call}\n")
        code = f'{head}    """{sentence(_plain(doc))}"""\n{inner}\n'
        return self._header(stage, code) + code

    def _header(self, stage: StagePlan, code: str) -> str:
        names = {n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)}
        lines = [f'"""{sentence(_short(stage.title))}"""', "", *self._futures()]
        ours = {
            "datalab_pipelines": ["stage"],
            "datalab_pipelines.carrying": ["Variables", "kept"],
            "datalab_pipelines.notebook": [
                *("random_state", "restore_random_state", "end_of_cell", *HELPERS),
            ],
        }
        if stage.compute:
            lines.append("from datalab_pipelines import *  # noqa: F403")
        for module, them in ours.items():
            for one in them:
                own = self.own(one)
                if one in HELPERS and one != "show":
                    own = one
                    if one in self.bound:
                        continue
                if own in names:
                    lines.append(f"from {module} import {one}{'' if own == one else ' as ' + own}")
        text = ast.parse(code)
        named = {n.id for n in ast.walk(text) if isinstance(n, ast.Name)}
        words = set(re.findall(r"[A-Za-z_]\w*", " ".join(_texts(text))))
        shared = sorted(one for one in self.plan.shared if one in named | words)
        if self._stars():
            lines.append("from shared import *  # noqa: F403")
        if shared:
            lines.append(f"from shared import {', '.join(shared)}")
        else:
            lines.append("import shared as _shared  # noqa: F401 - its settings count")
        return "\n".join(lines) + "\n\n\n"

    def _stars(self) -> bool:
        return any(
            isinstance(one.node, ast.ImportFrom) and one.node.names[0].name == "*"
            for cell in self.analysis.code
            for one in cell.statements
        )

    def _sure(self, number: int) -> set[str]:
        sure: set[str] = set()
        for stage in self.plan.stages[:number]:
            for index in stage.cells:
                facts = self.analysis.facts[index]
                sure = (sure | facts.definite) - facts.deleted
        return sure

    def _replayed(self, stage: StagePlan, number: int) -> tuple[list[str], list[str]]:
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
        lines = [_source(self.cells[where[id(one)]], one) for one in last]
        said: dict[str, Definition] = {}
        for name, them in self.analysis.definitions.items():
            holds = said_before(min(stage.cells), them)
            if holds is None or not holds.carried:
                continue
            if name in self.alive.said[number]:  # else not read, or defined anew before it is
                said[name] = holds
        for name in _in_order(said):
            holds = said[name]
            node = holds.statement.node
            if isinstance(node, ast.Import | ast.ImportFrom):
                lines.append(_import_of(name, node))
            else:
                lines.append(_source(self.cells[holds.cell], holds.statement))
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

    def _body(self, stage: StagePlan, number: int) -> tuple[str, set[str]]:
        parts, bound = [], set()
        for index in stage.cells:
            cell = self.cells[index]
            text = self._cell(cell, stage)
            notes = comment(self._markdown(index), stage.title)
            if text.strip():
                ends = f"\n{self.own('end_of_cell')}()" if self.plots else ""
                parts.append(notes + text.strip("\n") + ends)
            bound |= self.analysis.facts[index].bound
        return "\n".join(apart(parts)), bound - set(self.plan.shared)

    def _markdown(self, index: int) -> list[str]:
        """Return the Markdown cells above a code cell, up to the code cell before it."""
        found: list[str] = []
        for cell in reversed(self.analysis.notebook.cells[:index]):
            if cell.kind == "code" and cell.source.strip():
                break
            if cell.kind == "markdown":
                found.insert(0, cell.source)
        return found

    def _cell(self, cell: CodeCell, stage: StagePlan) -> str:
        """Return a cell without what is shared, its last expression shown."""
        where = offsets(cell.code)
        edits = []
        for one in cell.statements:
            node = one.node
            future = isinstance(node, ast.ImportFrom) and (
                node.module == "__future__" or node.names[0].name == "*"
            )
            if id(node) in self.shared or future:
                start = _start(node, where)
                left = "pass"
                if isinstance(node, ast.Import | ast.ImportFrom) and not future:
                    others = [
                        a
                        for a in node.names
                        if not self._is_shared(a.asname or a.name.split(".")[0])
                    ]
                    if others and isinstance(node, ast.Import):
                        left = ast.unparse(ast.Import(others))
                    elif others and isinstance(node, ast.ImportFrom):
                        left = ast.unparse(ast.ImportFrom(node.module, others, node.level))
                edits.append(Edit(start, span(node, where)[1], left))
            elif (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id in stage.parameters
            ):
                edits.append(Edit(*span(node.value, where), f"{node.targets[0].id}_value"))
        if cell.shown and cell.index not in self.analysis.quiet and cell.statements:
            node = cell.statements[-1].node
            if isinstance(node, ast.Expr) and not self._silent(node.value):
                start, end = span(node.value, where)
                opened = _opened(cell.code, node, where)
                text = shown_value(node.value, cell.code[start:end])
                edits.append(Edit(*opened, f"{self.own('show')}({text})"))
        return _without_passes(apply_edits(cell.code, edits))

    def _silent(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str) or node.value is None
        if not isinstance(node, ast.Call):
            return False
        name = dotted(node.func, self.resolve) or root_of(node.func)
        if name in self.bound:  # a function or class of the notebook's, whatever it is called
            return False
        return name in SILENT or bool(GIVES_NOTHING.match(name))

    def _whole(self, stage: StagePlan) -> str:
        up = "../" * len(PurePosixPath(self.folder).parts)
        path = up + self.analysis.notebook.path.name
        return (
            f'"""{_short(stage.title)}, as one stage."""\n\n'
            "from datalab_pipelines import stage\n"
            "from datalab_pipelines.carrying import Variables, kept\n"
            "from datalab_pipelines.notebook import run_notebook\n\n\n"
            f"@stage{self._asked(stage)}\ndef {stage.name}() -> Variables:\n"
            f'    """{_plain(stage.doc)}"""\n'
            f'    return kept("{stage.name}", run_notebook("{path}"))\n'
        )

    @cached_property
    def folder(self) -> str:
        """Return where in the project the stages work; "" for the project's own folder."""
        return working_folder(self.plan)

    def _asked(self, stage: StagePlan) -> str:
        """Return what ``@stage`` is given."""
        asked = [f"compute={stage.compute}"] if stage.compute else []
        asked += [f"folder={json.dumps(self.folder, ensure_ascii=False)}"] if self.folder else []
        return f"({', '.join(asked)})" if asked else ""

    def module_pipeline(self) -> str:
        """Return ``pipeline.py``."""
        lines = [f'"""{_short(self.plan.title)}: generated from its notebook."""', ""]
        lines.append("from datalab_pipelines import pipeline\n")
        calls, given = [], ""
        for stage in self.plan.stages:
            function = self.own(stage.name)
            renamed = "" if function == stage.name else f" as {stage.name}"
            lines.append(f"from stages.{stage.name} import {function}{renamed}")
            arguments = ([given] if given else []) + stage.parameters
            calls.append(f"{stage.name}_variables = {stage.name}({', '.join(arguments)})")
            given = f"{stage.name}_variables"
        calls[-1] = calls[-1].split(" = ", 1)[1]
        return "\n".join([*lines, *self._main(calls)])

    def _main(self, calls: list[str]) -> list[str]:
        """Return the pipeline function that makes these calls, and what runs it."""
        taken = ", ".join(f"{p.name}: {p.type} = {p.default!r}" for p in self.plan.parameters)
        return [
            *("", "", f'@pipeline("{self.plan.name}")', f"def main({taken}) -> None:"),
            f'    """{sentence(_short(self.plan.title))}"""',
            *(f"    {call}" for call in calls),
            *("", "", 'if __name__ == "__main__":', "    main.main()", ""),
        ]


def shown_value(node: ast.expr, text: str) -> str:
    """Return an expression as an argument: ``a, b`` is one value."""
    alone = isinstance(node, ast.Tuple | ast.NamedExpr | ast.GeneratorExp)
    return f"({text})" if alone else text


def _plain(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'").strip().rstrip(".")


def _source(cell: CodeCell, one: Statement) -> str:
    if one.again:
        return one.again
    where = offsets(cell.code)
    return cell.code[_start(one.node, where) : span(one.node, where)[1]]


def _start(node: ast.stmt, where: tuple[str, list[int]]) -> int:
    decorators = getattr(node, "decorator_list", [])
    start = span(node, where)[0]
    for one in decorators:
        start = min(start, where[0].rindex("@", 0, span(one, where)[0]))
    return start


def _opened(code: str, node: ast.Expr, where: tuple[str, list[int]]) -> tuple[int, int]:
    """Return the place of an expression, parentheses around it included."""
    return span(node, where)


def _targets(node: ast.stmt) -> list[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [node.value.func]
    return list(node.targets) if isinstance(node, ast.Assign) else []


def _short(title: str, width: int = 84) -> str:
    """Return a title that fits into a line."""
    short = textwrap.shorten(title, width, placeholder="…")
    return _plain(short if short == title else UNFINISHED.sub("…", short))


def _in_order(said: dict[str, Definition]) -> list[str]:
    """Return names of definitions as they stand, but each after those that it reads at once."""
    found: list[str] = []
    waiting = sorted(said, key=lambda name: _place(said[name]))
    begun: set[str] = set()

    def add(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for one in waiting:
                if one in said[name].early:
                    add(one)
            found.append(name)

    for name in waiting:
        add(name)
    return found


def _place(one: Definition) -> tuple[int, int]:
    return one.cell, one.statement.node.lineno


def _import_of(name: str, node: ast.Import | ast.ImportFrom) -> str:
    """Return the import of one name."""
    alias = [one for one in node.names if (one.asname or one.name.split(".")[0]) == name]
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(alias))
    return ast.unparse(ast.ImportFrom(node.module, alias, node.level))


def _names_of(node: ast.stmt) -> list[str]:
    return [a.asname or a.name.split(".")[0] for a in getattr(node, "names", [])]


def _texts(tree: ast.AST) -> list[str]:
    return [
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]


def _without_passes(text: str) -> str:
    lines = text.split("\n")
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.Pass) and lines[node.lineno - 1].strip() == "pass":
            del lines[node.lineno - 1]
    return "\n".join(lines)
