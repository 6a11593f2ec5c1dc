"""Stages whose variables are globals of their module, as they were globals of the notebook."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import PurePosixPath

from ..facts.naming import dotted
from ..flow.connecting import FILES
from ..model import CodeCell, StagePlan
from ..text import Edit, apply_edits, indent, offsets, span
from .forms import HELPERS, Form
from .pieces import apart
from .prose import comment, commented, sentence
from .sources import (
    import_of,
    is_future_or_star,
    plain,
    short,
    shown_value,
    source,
    start_of,
)

ENVIRONMENT = re.compile(r"os\.(environ|putenv)|sys\.path|warnings\.")


class VariablesForm(Form):
    """Makes the texts of a plan whose stages keep their variables as globals of a module."""

    def module_shared(self) -> str:
        """Return ``shared.py``: what means the same in every stage."""
        lines = [f'"""What every stage of {plain(self.plan.title)} uses."""', ""]
        lines += ["# isort: skip_file - what is imported may have to be in this order", ""]
        lines += self.futures()
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
                text = source(cell, one)
                if (id(one.node) in self.shared or star or early) and text not in written:
                    if isinstance(one.node, ast.Import | ast.ImportFrom) and not star:
                        text = import_of(one.node, self.is_shared)
                    if text:
                        written.add(text)
                        lines.append(text)
        return "\n".join(lines) + "\n"

    def module_stage(self, stage: StagePlan, number: int) -> str:
        """Return the module of one stage."""
        if self.plan.whole:
            return self._whole(stage)
        body, bound = self._body(stage, number)
        inputs = stage.inputs[0].variables if stage.inputs else []
        replayed, functions = self.replayed(stage, number)
        declared = sorted({*bound, *inputs, *functions})
        variables, kept, decorate = self.own("variables"), self.own("kept"), self.own("stage")
        Variables = self.own("Variables")
        arguments = [f"{variables}: {Variables}"] if number else []
        kinds = {one.name: one.type for one in self.plan.parameters}
        arguments += [f"{one}_value: {kinds[one]}" for one in stage.parameters]
        lines: list[str] = []
        if declared:
            lines.append(f"global {', '.join(declared)}")
        if stage.files_in or stage.files_out:
            files = f'{variables}["{FILES}"]' if stage.files_in else ""
            lines.append(f"{self.own('taken')} = {self.own('take_files')}({files})")
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
        if stage.files_out:
            files = f"{self.own('give_files')}({self.own('taken')}).read_bytes()"
            call = f'{{**{call}, "{FILES}": {files}}}'
        compute = self.asked(stage)
        function = self.own(stage.name)
        doc = textwrap.fill(stage.doc or stage.title, 90)
        head = f"@{decorate}{compute}\ndef {function}({', '.join(arguments)}) -> {Variables}:\n"
        inner = indent(text + f"\nreturn {call}\n")
        code = f'{head}    """{sentence(plain(doc))}"""\n{inner}\n'
        return self._header(stage, code) + code

    def _header(self, stage: StagePlan, code: str) -> str:
        names = {n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)}
        lines = [f'"""{sentence(short(stage.title))}"""', "", *self.futures()]
        ours = {
            "datalab_pipelines": ["stage"],
            "datalab_pipelines.carrying": ["Variables", "kept"],
            "datalab_pipelines.handing_on": ["give_files", "take_files"],
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

    def _body(self, stage: StagePlan, number: int) -> tuple[str, set[str]]:
        parts, bound = [], set()
        for index in stage.cells:
            cell = self.cells[index]
            text = self._cell(cell, stage)
            notes = comment(self.markdown(index), stage.title)
            if text.strip():
                ends = f"\n{self.own('end_of_cell')}()" if self.plots else ""
                parts.append(commented(notes, text.strip("\n")) + ends)
            bound |= self.analysis.facts[index].bound
        return "\n".join(apart(parts)), bound - set(self.plan.shared)

    def _cell(self, cell: CodeCell, stage: StagePlan) -> str:
        """Return a cell without what is shared, its last expression shown."""
        where = offsets(cell.code)
        edits = []
        for one in cell.statements:
            node = one.node
            if id(node) in self.shared or is_future_or_star(node):
                left = self.kept_imports(node) or "pass"
                edits.append(Edit(start_of(node, where), span(node, where)[1], left))
            elif (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id in stage.parameters
            ):
                edits.append(Edit(*span(node.value, where), f"{node.targets[0].id}_value"))
        if cell.shown and cell.index not in self.analysis.quiet and cell.statements:
            node = cell.statements[-1].node
            if isinstance(node, ast.Expr) and not self.silent(node.value):
                start, end = span(node.value, where)
                text = shown_value(node.value, cell.code[start:end])
                edits.append(Edit(*span(node, where), f"{self.own('show')}({text})"))
        return _without_passes(apply_edits(cell.code, edits))

    def _whole(self, stage: StagePlan) -> str:
        up = "../" * len(PurePosixPath(self.folder).parts)
        path = up + self.analysis.notebook.path.name
        return (
            f'"""{short(stage.title)}, as one stage."""\n\n'
            "from datalab_pipelines import stage\n"
            "from datalab_pipelines.carrying import Variables, kept\n"
            "from datalab_pipelines.notebook import run_notebook\n\n\n"
            f"@stage{self.asked(stage)}\ndef {stage.name}() -> Variables:\n"
            f'    """{plain(stage.doc)}"""\n'
            f'    return kept("{stage.name}", run_notebook("{path}"))\n'
        )

    def module_pipeline(self) -> str:
        """Return ``pipeline.py``."""
        lines = [f'"""{short(self.plan.title)}: generated from its notebook."""', ""]
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
        return "\n".join([*lines, *self.main(calls)])


def _targets(node: ast.stmt) -> list[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [node.value.func]
    return list(node.targets) if isinstance(node, ast.Assign) else []


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
