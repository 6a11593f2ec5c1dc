"""What a stage takes and gives, as arguments, results and hints of a function."""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING

from ..flow.connecting import FILES, RANDOM
from ..model import Port, StagePlan
from .hinting import Hints
from .modules import Module

if TYPE_CHECKING:
    from .rendering_functions import FunctionsForm

RANDOM_PORT = Port("random_state", [RANDOM])
FILES_PORT = Port("files", [FILES])


class Ports:
    """Names and types what flows between the stages of a plan."""

    def __init__(self, form: FunctionsForm) -> None:
        self.form = form
        self.kinds = {one.name: one.type for one in form.plan.parameters}
        self.together = self._together()

    def _together(self) -> dict[tuple[str, ...], tuple[str, Port]]:
        """Return a class for every set of variables that travel as one."""
        found: dict[tuple[str, ...], tuple[str, Port]] = {}
        taken = self.form.used | self.form.bound
        for stage in self.form.plan.stages:
            for port in stage.outputs:
                key = (*port.variables, "?", *port.optional)
                if port.bundle and key not in found:
                    name = "".join(part.title() for part in port.name.split("_"))
                    while name in taken:
                        name += "Together"
                    taken = taken | {name}
                    found[key] = (name, port)
        return found

    def class_of(self, port: Port) -> str:
        """Return the class of variables that travel as one."""
        return self.together[(*port.variables, "?", *port.optional)][0]

    def hint_of(self, hints: Hints, port: Port, name: str) -> str:
        """Return the type of a variable that a port carries, as a hint."""
        if name == RANDOM:
            return "bytes"
        if name == FILES:
            hints.imports.add(self.form.ours("handing_on", "Files"))
            return self.form.own("Files")
        return hints.text(port.types.get(name, ""))

    def hint(self, hints: Hints, port: Port) -> str:
        """Return the type of what a port carries, as a hint."""
        if port.bundle:
            hints.names.add(self.class_of(port))
            return self.class_of(port)
        return self.hint_of(hints, port, port.variables[0])

    def name(self, port: Port) -> str:
        """Return the argument that a port is: its variable's name, where it is one variable."""
        if port.variables == [RANDOM]:
            return self.form.own("generators")
        if port.variables == [FILES]:
            return self.form.own("files")
        return self.form.own(port.name) if port.bundle else port.name

    def arguments(self, stage: StagePlan, module: Module) -> list[str]:
        """Return the arguments of a stage."""
        found = [f"{self.name(port)}: {self.hint(module.hints, port)}" for port in stage.inputs]
        return found + [f"{one}: {self.kinds[one]}" for one in stage.parameters]

    def returns(self, stage: StagePlan, module: Module) -> tuple[str, str]:
        """Return the hint of what the stage returns, and the class for it if there is one."""
        if not stage.outputs:
            return "None", ""
        if len(stage.outputs) == 1:
            return self.hint(module.hints, stage.outputs[0]), ""
        module.imports.add("from typing import NamedTuple")
        name = self.result_name(stage)
        lines = [f"class {name}(NamedTuple):", f'    """What `{stage.name}` gives."""', ""]
        lines += [
            f"    {field}: {self.hint(module.hints, port)}"
            for field, port in zip(self._fields(stage), stage.outputs, strict=True)
        ]
        return name, "\n".join(lines)

    def _fields(self, stage: StagePlan) -> list[str]:
        """Return the names of what a stage gives: a NamedTuple has none with ``_`` before it."""
        taken = {self.name(port) for port in stage.outputs}
        found: list[str] = []
        for port in stage.outputs:
            name = self.name(port)
            if name.startswith("_"):
                name = name.lstrip("_")
                if not name.isidentifier() or iskeyword(name):
                    name = f"value_{name}".rstrip("_")
                while name in taken:
                    name += "_"
                taken.add(name)
            found.append(name)
        return found

    def result_name(self, stage: StagePlan) -> str:
        """Return the name of the class of what a stage gives."""
        name = "".join(part.title() for part in stage.name.split("_"))
        taken = self.form.used | self.form.bound | {one for one, _ in self.together.values()}
        while name in taken:
            name += "Result"
        return name

    def result(self, stage: StagePlan, module: Module) -> list[str]:
        """Return the lines that return what a stage gives."""
        if not stage.outputs:
            return []
        values = [self._given(port, module) for port in stage.outputs]
        if len(values) == 1:
            return [f"return {values[0]}"]
        parts = zip(self._fields(stage), values, strict=True)
        inner = ", ".join(f"{name}={value}" for name, value in parts)
        return [f"return {self.result_name(stage)}({inner})"]

    def _given(self, port: Port, module: Module) -> str:
        if port.variables == [RANDOM]:
            return f"{self.form.of_notebook('random_state', module)}()"
        if port.variables == [FILES]:
            module.imports.add(self.form.ours("handing_on", "give_files"))
            return f"{self.form.own('give_files')}({self.form.own('taken')})"
        if not port.bundle:
            return port.variables[0]
        sure = ", ".join(f"{one}={one}" for one in port.variables if one not in port.optional)
        if port.optional:
            module.imports.add(self.form.ours("carrying", "bound"))
            names = ", ".join(f'"{one}"' for one in port.optional)
            sure += f"{', ' if sure else ''}**{self.form.own('bound')}(locals(), {names})"
        return f"{self.class_of(port)}({sure})"
