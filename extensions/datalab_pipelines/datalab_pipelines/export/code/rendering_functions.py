"""Stages as plain functions: what they need are arguments, what they give they return."""

from __future__ import annotations

import ast
import builtins
import re

from ..cells.names import Flow
from ..cells.scopes import names_in_text
from ..model import CodeCell, Plan, Port, StagePlan
from ..text import Edit, apply_edits, indent, offsets, span
from .forms import HELPERS, Form
from .hinting import Hints
from .modules import Module
from .own_modules import setting_modules
from .pieces import apart, names_in, names_outside, tidied, with_nonlocal
from .plots import Plots
from .ports import FILES_PORT, RANDOM_PORT, Ports
from .preamble import Preamble, imports_of, preamble_of, side_effects
from .prose import at_heading, comment, commented, docstring, paragraphs, sentence
from .shared_module import shared_module
from .sources import is_future_or_star, short, shown_value, start_of
from .submodules import submodules


class FunctionsForm(Form):
    """Makes the texts of a plan whose stages are functions with typed arguments."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.preamble: Preamble = preamble_of(self.analysis, self.resolve)
        self.repeated = self.preamble.nodes
        self.imported = imports_of(self.analysis, set(plan.shared))
        self.drawing = Plots(self.analysis, self.resolve)
        self.effects = side_effects(self.analysis, self.imported) + self._setting_modules()
        self.parameters = {one.name for one in plan.parameters}
        self.ports = Ports(self)
        self.shared_names = {
            name
            for name in plan.shared
            if self.analysis.definitions[name][0].kind != "import" and name not in self.parameters
        }
        self.needs_shared = bool(
            self.preamble.statements or self.effects or self.ports.together or self.shared_names
        )

    def _setting_modules(self) -> list[str]:
        """Return the imports of modules that set something, while nothing is drawn or shown yet."""
        sets = setting_modules(self.plan)
        found: list[str] = []
        for cell in self.analysis.code if sets else ():
            for one in cell.statements:
                if isinstance(one.node, ast.Import):
                    found += [alias.name for alias in one.node.names]
                elif isinstance(one.node, ast.ImportFrom):
                    found.append(one.node.module or "")
            if cell.shown or self.drawing.drawn_by(cell):
                break
        wanted = dict.fromkeys(one for one in found if one.split(".")[0] in sets)
        return [f"import {one}" for one in wanted]

    def module_shared(self) -> str:
        """Return ``shared.py``; nothing when it is not needed."""
        return shared_module(self) if self.needs_shared else ""

    def module_stage(self, stage: StagePlan, number: int) -> str:
        """Return the module of one stage."""
        module = self.module(stage.title)
        module.imports.add("from datalab_pipelines import stage")
        body = self._function_body(stage, number, module)
        taken = ", ".join(self.ports.arguments(stage, module))
        returns, definition = self.ports.returns(stage, module)
        decorator = f"@stage{self.asked(stage)}"
        if stage.compute:
            module.imports |= {
                f"from datalab_pipelines import {name}"
                for name in re.findall(r"\b[A-Z]\w+", stage.compute)
            }
        doc = docstring(self._prose(stage), stage)
        head = f"{decorator}\ndef {stage.name}({taken}) -> {returns}:\n"
        function = head + indent(f"{doc}\n{body}") + "\n"
        module.body = [*([definition, "", ""] if definition else []), function]
        text = "\n".join(module.body)
        module.imports |= set(self.imports_for(text))
        names = names_outside(text) | names_in_text(ast.parse(text))
        module.imports |= self.helpers_for(names)
        used = sorted(names & self.shared_names)
        used += sorted(name for name, _ in self.ports.together.values() if name in names)
        used += sorted(module.hints.names - set(used))
        if used:
            module.imports.add(f"from shared import {', '.join(used)}")
        elif self.preamble.statements or self.effects:
            module.imports.add("import shared  # noqa: F401 - its settings count")
        if any(one.early for one in self.preamble.statements):
            early = sorted(one for one in module.imports if "shared" in one)
            module.imports -= set(early)
            module.first = [*early, "# isort: split"]
        return module.text(self.futures())

    def helpers_for(self, names: set[str]) -> set[str]:
        """Return the imports of what takes the place of IPython's."""
        found = set()
        for one in HELPERS:
            own = self.own(one) if one == "show" else one  # the others the notebook itself calls
            if own in names and own not in self.bound:
                renamed = "" if own == one else f" as {own}"
                found.add(f"from datalab_pipelines.notebook import {one}{renamed}")
        return found

    def module(self, title: str) -> Module:
        aliases = {name: full for name, full in self.resolve.items() if name in self.imported}
        classes = {name for name in self.plan.shared if name in self.shared_names}
        return Module(title, Hints(aliases, self.imported, classes))

    def _function_body(self, stage: StagePlan, number: int, module: Module) -> str:
        lines: list[str] = []
        given = {name for port in stage.inputs for name in port.variables}
        if stage.files_in or stage.files_out:
            module.imports.add(self.ours("handing_on", "take_files"))
            files = self.ports.name(FILES_PORT) if stage.files_in else ""
            kept = f"{self.own('taken')} = " if stage.files_out else ""
            lines.append(f"{kept}{self.own('take_files')}({files})")
        for port in stage.inputs:
            if port.bundle:
                lines += self._unpack(stage, port)
        replayed, _ = self.replayed(stage, number)
        lines += self._builtins(stage, given, module)
        local = self._local(stage)
        lines += [with_nonlocal(one, local) for one in replayed]
        if stage.random_in:  # what is said again may have drawn
            restore = self.of_notebook("restore_random_state", module)
            lines.append(f"{restore}({self.ports.name(RANDOM_PORT)})")
        cells = self._cells_of(stage, module)
        if words := self._last_words(number):
            cells += ["", words]
        lines += ["", *cells] if lines and "\n" in "\n".join(cells) else cells
        result = self.ports.result(stage, module)
        lines += ["", *result] if cells and "\n" in cells[-1] else result
        return "\n".join(lines)

    def of_notebook(self, name: str, module: Module) -> str:
        module.imports.add(self.ours("notebook", name))
        return self.own(name)

    def _unpack(self, stage: StagePlan, port: Port) -> list[str]:
        read = self._wanted(stage) - self._newer(stage, port)
        lines = []
        for one in port.variables:
            if one in read:
                load = f"{one} = {self.ports.name(port)}.{one}"
                guard = f'if hasattr({self.ports.name(port)}, "{one}"):\n    {load}'
                lines.append(guard if one in port.optional else load)
        return lines

    def _newer(self, stage: StagePlan, port: Port) -> set[str]:
        """Return the variables that come, as a later stage has made them, by another port."""
        order = [one.name for one in self.plan.stages]
        made = {one.name: order.index(stage.sources[one.name][0]) for one in stage.inputs}
        return {
            name
            for other in stage.inputs
            if made[other.name] > made[port.name]
            for name in other.variables
        }

    def _wanted(self, stage: StagePlan) -> set[str]:
        """Return the variables that a stage's code, or what it gives, mentions."""
        found = {name for port in stage.outputs for name in port.variables}
        seen: set[str] = set()
        waiting: list[ast.AST] = [
            one.node for index in stage.cells for one in self.cells[index].statements
        ]
        while waiting:
            node = waiting.pop()
            names = names_in(node) | names_in_text(node)
            for name in names - seen:
                waiting += [
                    one.statement.node
                    for one in self.analysis.definitions.get(name, [])
                    if one.carried
                ]
            seen |= names
        return found | seen

    def _builtins(self, stage: StagePlan, given: set[str], module: Module) -> list[str]:
        """Return lines for builtins that the stage reads, and then gives another value."""
        bound: set[str] = set()
        lines = []
        for index in stage.cells:
            facts = self.analysis.facts[index]
            bound |= facts.bound
        for name in sorted(bound - given):
            if hasattr(builtins, name) and name in self._exposed(stage):
                module.imports.add("import builtins")
                lines.append(f"{name} = builtins.{name}")
        return lines

    def _exposed(self, stage: StagePlan) -> set[str]:
        flow = Flow()
        for index in stage.cells:
            flow.run(one.node for one in self.cells[index].statements)
        return flow.exposed

    def _cells_of(self, stage: StagePlan, module: Module) -> list[str]:
        local = self._local(stage)
        parts = []
        for at, index in enumerate(stage.cells):
            cell = self.cells[index]
            text = self._cell(cell, stage).strip("\n")
            notes = comment(self.markdown(index), stage.title) if at else ""
            if not text.strip():
                continue
            text = commented(notes, with_nonlocal(text, local))
            if self.plots and self.drawing.drawn_by(cell):
                text += f"\n{self.of_notebook('end_of_cell', module)}()"
            parts.append(text)
        return apart(parts)

    def _local(self, stage: StagePlan) -> set[str]:
        found = {name for index in stage.cells for name in self.analysis.facts[index].bound}
        return found | {name for port in stage.inputs for name in port.variables}

    def _cell(self, cell: CodeCell, stage: StagePlan) -> str:
        """Return a cell without what is elsewhere, its last expression shown."""
        where = offsets(cell.code)
        edits = []
        left_out = self.preamble.nodes
        for one in cell.statements:
            node = one.node
            assigned = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            parameter = assigned and node.targets[0].id in self.parameters  # type: ignore[attr-defined]
            if (
                id(node) in self.shared
                or id(node) in left_out
                or is_future_or_star(node)
                or parameter
            ):
                left = self.kept_imports(node) or "pass"
                edits.append(Edit(start_of(node, where), span(node, where)[1], left))
        if cell.shown and cell.index not in self.analysis.quiet and cell.statements:
            node = cell.statements[-1].node
            said = id(node) not in left_out
            if said and isinstance(node, ast.Expr) and not self.silent(node.value):
                start, end = span(node.value, where)
                text = shown_value(node.value, cell.code[start:end])
                edits.append(Edit(*span(node, where), f"{self.own('show')}({text})"))
        return tidied(apply_edits(cell.code, edits))

    def imports_for(self, text: str) -> list[str]:
        """Return the import lines of the notebook that ``text`` needs."""
        names = names_outside(text) | names_in_text(ast.parse(text))
        lines = [line for name, line in self.imported.items() if name in names]
        return lines + submodules(text, self.imported)

    def _prose(self, stage: StagePlan) -> list[str]:
        """Return the paragraphs above the stage's first cell, without headings and pictures."""
        sources = self.markdown(stage.cells[0])
        first = stage is self.plan.stages[0]
        found = paragraphs(sources if first else at_heading(sources, stage.title)[1])
        return [one for one in found if one != self.plan.title]  # a title in bold type

    def _last_words(self, number: int) -> str:
        """Return as comment what the notebook says between a stage's last cell and a heading."""
        if number + 1 == len(self.plan.stages):
            return ""
        after = self.plan.stages[number + 1]
        return comment(at_heading(self.markdown(after.cells[0]), after.title)[0], "")

    def module_pipeline(self) -> str:
        """Return ``pipeline.py``."""
        lines = [
            f'"""{sentence(short(self.plan.title))}"""',
            "",
            "from datalab_pipelines import pipeline",
            "",
        ]
        lines += [f"from stages.{one.name} import {one.name}" for one in self.plan.stages]
        done: dict[str, str] = {}
        waited = {name for stage in self.plan.stages for name in stage.after}
        taken = {self.ports.name(port) for stage in self.plan.stages for port in stage.inputs}
        calls = []
        for stage in self.plan.stages:
            arguments = [self.ports.name(port) for port in stage.inputs]
            arguments += [f"{one}={one}" for one in stage.parameters]
            called = stage.name
            if stage.after:
                called += f".after({', '.join(done[one] for one in stage.after)})"
            call = f"{called}({', '.join(arguments)})"
            given = [self.ports.name(port) for port in stage.outputs]
            if stage.name in waited and not given:
                given = [f"{stage.name}_done"]
            elif stage.name not in waited and not taken & set(given):
                given = []  # what the pipeline gives: the stage's name says it
            done[stage.name] = given[0] if given else ""
            calls.append(f"{', '.join(given)} = {call}" if given else call)
        return "\n".join([*lines, *self.main(calls)])
