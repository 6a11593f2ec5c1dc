"""Stages as plain functions: what they need are arguments, what they give they return."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass, field

from ..cells.scopes import names_in_text
from ..facts import knowledge
from ..facts.folders import makes_folder
from ..facts.naming import dotted
from ..facts.soundness import Function
from ..flow.connecting import RANDOM
from ..model import CodeCell, Plan, Port, StagePlan, Statement
from ..text import Edit, apply_edits, indent, offsets, span
from .hinting import Hints
from .own_modules import setting_modules
from .pieces import (
    apart,
    called_in,
    is_literal,
    line_of,
    loaded,
    names_in,
    names_outside,
    tidied,
    with_nonlocal,
)
from .preamble import Preamble, imports_of, preamble_of, side_effects
from .prose import at_heading, comment, docstring, paragraphs, sentence
from .rendering_variables import VariablesForm, _short, _source, _start, shown_value

NOTEBOOK = ("show", "display", "shell", "shell_lines", "capture_output", "show_error")
RANDOM_PORT = Port("random_state", [RANDOM])
PLOTS = re.compile(
    r"plot|hist|show|draw|fig|axes|heatmap|scatter|bar$|barh|pie$|imshow|contour|boxplot"
    r"|(?<![a-z_])lines?$|[vhx]lines?$|add_lines?$"
    r"|grid$|^map(_|$)|matplotlib|seaborn"
)


@dataclass
class _Module:
    """A module as it grows: what it imports, and its body."""

    title: str
    hints: Hints
    imports: set[str] = field(default_factory=set)
    body: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)

    def text(self, futures: list[str]) -> str:
        lines = [f'"""{sentence(_short(self.title))}"""', "", *futures, *self.first]
        lines += sorted(self.imports | self.hints.imports)
        return "\n".join([*lines, "", "", *self.body]) + "\n"


class FunctionsForm(VariablesForm):
    """Makes the texts of a plan whose stages are functions with typed arguments."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.preamble: Preamble = preamble_of(self.analysis, self.resolve)
        self.repeated = self.preamble.nodes
        self.imported = imports_of(self.analysis, set(plan.shared))
        self.effects = side_effects(self.analysis, self.imported) + self._setting_modules()
        self.parameters = {one.name for one in plan.parameters}
        self.together = self._together()
        self.kinds = {one.name: one.type for one in plan.parameters}
        self.shared_names = {
            name
            for name in plan.shared
            if self.analysis.definitions[name][0].kind != "import" and name not in self.parameters
        }
        self.needs_shared = bool(
            self.preamble.statements or self.effects or self.together or self.shared_names
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
            if cell.shown or self._draws(cell.index):
                break
        wanted = dict.fromkeys(one for one in found if one.split(".")[0] in sets)
        return [f"import {one}" for one in wanted]

    def _together(self) -> dict[tuple[str, ...], tuple[str, Port]]:
        """Return a class for every set of variables that travel as one."""
        found: dict[tuple[str, ...], tuple[str, Port]] = {}
        taken = self.used | self.bound
        for stage in self.plan.stages:
            for port in stage.outputs:
                key = (*port.variables, "?", *port.optional)
                if port.bundle and key not in found:
                    name = "".join(part.title() for part in port.name.split("_"))
                    while name in taken:
                        name += "Together"
                    taken = taken | {name}
                    found[key] = (name, port)
        return found

    def _class_of(self, port: Port) -> str:
        return self.together[(*port.variables, "?", *port.optional)][0]

    # -- shared.py ----------------------------------------------------------------------------

    def module_shared(self) -> str:
        """Return ``shared.py``: settings, functions and classes; nothing when it is not needed."""
        if not self.needs_shared:
            return ""
        module = self._module(f"What the stages of {_short(self.plan.title, 60)} share")
        body: list[str] = []
        late: list[str] = []  # settings that read constants of the notebook, and those after them
        for one in self.preamble.statements:
            text = _source(self.cells[one.cell], one.statement)
            if self.folder and makes_folder(one.statement.node):
                module.imports.add("from contextlib import chdir")
                text = f'with chdir("{self.folder}"):\n{indent(text)}'
            reads = late or loaded(text) & self.shared_names
            (module.first if one.early else late if reads else body).append(text)
        if module.first:
            early = self._imports_for("\n".join(module.first))
            module.first = [*early, *module.first, "# isort: split"]
        body += self._definitions() + late + self._classes(module)
        text = "\n".join(body)
        module.body = body
        module.imports |= set(self._imports_for(text)) | self._helpers_for(names_outside(text))
        module.imports |= {f"{one}  # noqa: F401" for one in self.effects}
        return module.text(self._futures())

    def _definitions(self) -> list[str]:
        """Return the shared functions, classes and constants; what is plain data comes first."""
        plain: list[str] = []
        others: list[str] = []
        seen: set[str] = set()
        for cell in self.analysis.code:
            for one in cell.statements:
                names = self._defines(one)
                if names & self.shared_names and not names & seen:
                    seen |= names
                    constant = isinstance(one.node, ast.Assign) and is_literal(one.node.value)
                    text = self._notes_of(cell, one) + _source(cell, one)
                    (plain if constant else others).append(text)
        return plain + others

    def _classes(self, module: _Module) -> list[str]:
        if self.together:
            module.imports.add("from datalab_pipelines.carrying import Together")
        found = []
        for name, port in self.together.values():
            lines = [f"class {name}(Together):", '    """Variables that share objects."""', ""]
            for one in port.variables:
                lines.append(f"    {one}: {self._hint(module.hints, port, one)}")
            found.append("\n".join(lines) + "\n")
        return found

    def _defines(self, one: Statement) -> set[str]:
        node = one.node
        if isinstance(node, Function | ast.ClassDef):
            return {node.name}
        if isinstance(node, ast.Assign) and id(node) in self.shared:
            return {
                name.id
                for one in node.targets
                for name in ast.walk(one)
                if isinstance(name, ast.Name)
            }
        return set()

    def _notes_of(self, cell: CodeCell, one: Statement) -> str:
        """Return the comment lines right above a statement."""
        lines = cell.code.split("\n")
        found: list[str] = []
        at = line_of(one) - 2
        while at >= 0 and lines[at].startswith("#"):
            found.insert(0, lines[at])
            at -= 1
        return "".join(f"{line}\n" for line in found)

    # -- a stage ------------------------------------------------------------------------------

    def module_stage(self, stage: StagePlan, number: int) -> str:
        """Return the module of one stage."""
        module = self._module(stage.title)
        module.imports.add("from datalab_pipelines import stage")
        body = self._function_body(stage, number, module)
        taken = ", ".join(self._arguments(stage, module))
        returns, definition = self._returns(stage, module)
        decorator = f"@stage{self._asked(stage)}"
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
        module.imports |= set(self._imports_for(text))
        names = names_outside(text) | names_in_text(ast.parse(text))
        module.imports |= self._helpers_for(names)
        used = sorted(names & self.shared_names)
        used += sorted(name for name, _ in self.together.values() if name in names)
        used += sorted(module.hints.names - set(used))
        if used:
            module.imports.add(f"from shared import {', '.join(used)}")
        elif self.preamble.statements or self.effects:
            module.imports.add("import shared  # noqa: F401 - its settings count")
        if any(one.early for one in self.preamble.statements):
            early = sorted(one for one in module.imports if "shared" in one)
            module.imports -= set(early)
            module.first = [*early, "# isort: split"]
        return module.text(self._futures())

    def _helpers_for(self, names: set[str]) -> set[str]:
        """Return the imports of what takes the place of IPython's."""
        found = set()
        for one in NOTEBOOK:
            own = self.own(one) if one == "show" else one  # the others the notebook itself calls
            if own in names and own not in self.bound:
                renamed = "" if own == one else f" as {own}"
                found.add(f"from datalab_pipelines.notebook import {one}{renamed}")
        return found

    def _module(self, title: str) -> _Module:
        aliases = {name: full for name, full in self.resolve.items() if name in self.imported}
        classes = {name for name in self.plan.shared if name in self.shared_names}
        return _Module(title, Hints(aliases, self.imported, classes))

    def _hint(self, hints: Hints, port: Port, name: str) -> str:
        if name == RANDOM:
            return "bytes"
        return hints.text(port.types.get(name, ""))

    def _port_hint(self, hints: Hints, port: Port) -> str:
        if port.bundle:
            hints.names.add(self._class_of(port))
            return self._class_of(port)
        return self._hint(hints, port, port.variables[0])

    def _name(self, port: Port) -> str:
        """Return the argument that a port is: its variable's name, where it is one variable."""
        if port.variables == [RANDOM]:
            return self.own("generators")
        return self.own(port.name) if port.bundle else port.name

    def _arguments(self, stage: StagePlan, module: _Module) -> list[str]:
        found = [
            f"{self._name(port)}: {self._port_hint(module.hints, port)}" for port in stage.inputs
        ]
        return found + [f"{one}: {self.kinds[one]}" for one in stage.parameters]

    def _returns(self, stage: StagePlan, module: _Module) -> tuple[str, str]:
        """Return the hint of what the stage returns, and the class for it if there is one."""
        if not stage.outputs:
            return "None", ""
        if len(stage.outputs) == 1:
            return self._port_hint(module.hints, stage.outputs[0]), ""
        module.imports.add("from typing import NamedTuple")
        name = self._result_name(stage)
        lines = [f"class {name}(NamedTuple):", f'    """What `{stage.name}` gives."""', ""]
        lines += [
            f"    {self._name(port)}: {self._port_hint(module.hints, port)}"
            for port in stage.outputs
        ]
        return name, "\n".join(lines)

    def _result_name(self, stage: StagePlan) -> str:
        name = "".join(part.title() for part in stage.name.split("_"))
        taken = self.used | self.bound | {one for one, _ in self.together.values()}
        while name in taken:
            name += "Result"
        return name

    def _function_body(self, stage: StagePlan, number: int, module: _Module) -> str:
        lines: list[str] = []
        given = {name for port in stage.inputs for name in port.variables}
        for port in stage.inputs:
            if port.bundle:
                lines += self._unpack(stage, port)
        replayed, _ = self._replayed(stage, number)
        lines += self._builtins(stage, given, module)
        local = self._local(stage)
        lines += [with_nonlocal(one, local) for one in replayed]
        if stage.random_in:  # what is said again may have drawn
            restore = self._of_notebook("restore_random_state", module)
            lines.append(f"{restore}({self._name(RANDOM_PORT)})")
        cells = self._cells_of(stage, module)
        if words := self._last_words(number):
            cells += ["", words]
        lines += ["", *cells] if lines and "\n" in "\n".join(cells) else cells
        result = self._result(stage, module)
        lines += ["", *result] if cells and "\n" in cells[-1] else result
        return "\n".join(lines)

    def _of_notebook(self, name: str, module: _Module) -> str:
        own = self.own(name)
        renamed = "" if own == name else f" as {own}"
        module.imports.add(f"from datalab_pipelines.notebook import {name}{renamed}")
        return own

    def _unpack(self, stage: StagePlan, port: Port) -> list[str]:
        read = self._wanted(stage) - self._newer(stage, port)
        lines = []
        for one in port.variables:
            if one in read:
                load = f"{one} = {self._name(port)}.{one}"
                guard = f'if hasattr({self._name(port)}, "{one}"):\n    {load}'
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

    def _builtins(self, stage: StagePlan, given: set[str], module: _Module) -> list[str]:
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
        from ..cells.names import Flow

        flow = Flow()
        for index in stage.cells:
            flow.run(one.node for one in self.cells[index].statements)
        return flow.exposed

    def _cells_of(self, stage: StagePlan, module: _Module) -> list[str]:
        local = self._local(stage)
        parts = []
        for at, index in enumerate(stage.cells):
            cell = self.cells[index]
            text = self._cell(cell, stage).strip("\n")
            notes = comment(self._markdown(index), stage.title) if at else ""
            if not text.strip():
                continue
            text = notes + with_nonlocal(text, local)
            if self.plots and self._draws(index):
                text += f"\n{self._of_notebook('end_of_cell', module)}()"
            parts.append(text)
        return apart(parts)

    def _local(self, stage: StagePlan) -> set[str]:
        found = {name for index in stage.cells for name in self.analysis.facts[index].bound}
        return found | {name for port in stage.inputs for name in port.variables}

    def _draws(self, index: int) -> bool:
        """Say whether a cell may leave a figure open."""
        run = [one.node for one in self.cells[index].statements]
        called = {n for one in run if not isinstance(one, Function) for n in self._called(one)}
        saved = "save" in called and any(name.startswith("sympy") for name in self.analysis.imports)
        return saved or self._any_plots(called, set())  # SymPy draws a plot again to save it

    def _called(self, node: ast.AST) -> set[str]:
        """Return the names of what is called: the last ones, and from where it was imported."""
        calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
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

    def _result(self, stage: StagePlan, module: _Module) -> list[str]:
        if not stage.outputs:
            return []
        parts = [(self._name(port), self._given(port, module)) for port in stage.outputs]
        if len(parts) == 1:
            return [f"return {parts[0][1]}"]
        inner = ", ".join(f"{name}={value}" for name, value in parts)
        return [f"return {self._result_name(stage)}({inner})"]

    def _given(self, port: Port, module: _Module) -> str:
        if port.variables == [RANDOM]:
            return f"{self._of_notebook('random_state', module)}()"
        if not port.bundle:
            return port.variables[0]
        sure = ", ".join(f"{one}={one}" for one in port.variables if one not in port.optional)
        if port.optional:
            own = self.own("bound")
            renamed = "" if own == "bound" else f" as {own}"
            module.imports.add(f"from datalab_pipelines.carrying import bound{renamed}")
            names = ", ".join(f'"{one}"' for one in port.optional)
            sure += f"{', ' if sure else ''}**{own}(locals(), {names})"
        return f"{self._class_of(port)}({sure})"

    def _cell(self, cell: CodeCell, stage: StagePlan) -> str:
        """Return a cell without what is elsewhere, its last expression shown."""
        where = offsets(cell.code)
        edits = []
        left_out = self.preamble.nodes
        for one in cell.statements:
            node = one.node
            future = isinstance(node, ast.ImportFrom) and (
                node.module == "__future__" or node.names[0].name == "*"
            )
            assigned = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            parameter = assigned and node.targets[0].id in self.parameters  # type: ignore[attr-defined]
            if id(node) in self.shared or id(node) in left_out or future or parameter:
                left = self._kept_imports(node) if not future else ""
                edits.append(Edit(_start(node, where), span(node, where)[1], left or "pass"))
        if cell.shown and cell.index not in self.analysis.quiet and cell.statements:
            node = cell.statements[-1].node
            said = id(node) not in left_out
            if said and isinstance(node, ast.Expr) and not self._silent(node.value):
                start, end = span(node.value, where)
                text = shown_value(node.value, cell.code[start:end])
                edits.append(Edit(*span(node, where), f"{self.own('show')}({text})"))
        return tidied(apply_edits(cell.code, edits))

    def _kept_imports(self, node: ast.stmt) -> str:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return ""
        others = [a for a in node.names if not self._is_shared(a.asname or a.name.split(".")[0])]
        if not others:
            return ""
        if isinstance(node, ast.Import):
            return ast.unparse(ast.Import(others))
        return ast.unparse(ast.ImportFrom(node.module, others, node.level))

    def _imports_for(self, text: str) -> list[str]:
        """Return the import lines of the notebook that ``text`` needs."""
        names = names_outside(text) | names_in_text(ast.parse(text))
        return [line for name, line in self.imported.items() if name in names]

    # -- text ---------------------------------------------------------------------------------

    def _prose(self, stage: StagePlan) -> list[str]:
        """Return the paragraphs above the stage's first cell, without headings and pictures."""
        sources = self._markdown(stage.cells[0])
        first = stage is self.plan.stages[0]
        return paragraphs(sources if first else at_heading(sources, stage.title)[1])

    def _last_words(self, number: int) -> str:
        """Return as comment what the notebook says between a stage's last cell and a heading."""
        if number + 1 == len(self.plan.stages):
            return ""
        after = self.plan.stages[number + 1]
        return comment(at_heading(self._markdown(after.cells[0]), after.title)[0], "")

    def module_pipeline(self) -> str:
        """Return ``pipeline.py``."""
        lines = [
            f'"""{sentence(_short(self.plan.title))}"""',
            "",
            "from datalab_pipelines import pipeline",
            "",
        ]
        lines += [f"from stages.{one.name} import {one.name}" for one in self.plan.stages]
        done: dict[str, str] = {}
        waited = {name for stage in self.plan.stages for name in stage.after}
        taken = {self._name(port) for stage in self.plan.stages for port in stage.inputs}
        calls = []
        for stage in self.plan.stages:
            arguments = [self._name(port) for port in stage.inputs]
            arguments += [f"{one}={one}" for one in stage.parameters]
            called = stage.name
            if stage.after:
                called += f".after({', '.join(done[one] for one in stage.after)})"
            call = f"{called}({', '.join(arguments)})"
            given = [self._name(port) for port in stage.outputs]
            if stage.name in waited and not given:
                given = [f"{stage.name}_done"]
            elif stage.name not in waited and not taken & set(given):
                given = []  # what the pipeline gives: the stage's name says it
            done[stage.name] = given[0] if given else ""
            calls.append(f"{', '.join(given)} = {call}" if given else call)
        return "\n".join([*lines, *self._main(calls)])
