"""``shared.py``: what means the same in every stage whose variables are its arguments."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..facts.changing import Function
from ..facts.folders import makes_folder
from ..model import CodeCell, Statement
from ..text import indent
from ..trees import nodes_in
from .modules import Module
from .pieces import is_literal, line_of, loaded, names_outside
from .sources import short, source

if TYPE_CHECKING:
    from .rendering_functions import FunctionsForm


def shared_module(form: FunctionsForm) -> str:
    """Return ``shared.py``: settings, functions and classes."""
    module = form.module(f"What the stages of {short(form.plan.title, 60)} share")
    body: list[str] = []
    late: list[str] = []  # settings that read constants of the notebook, and those after them
    for one in form.preamble.statements:
        text = source(form.cells[one.cell], one.statement)
        if form.folder and makes_folder(one.statement.node):
            module.imports.add("from contextlib import chdir")
            text = f'with chdir("{form.folder}"):\n{indent(text)}'
        reads = late or loaded(text) & form.shared_names
        (module.first if one.early else late if reads else body).append(text)
    if module.first:
        early = form.imports_for("\n".join(module.first))
        module.first = [*early, *module.first, "# isort: split"]
    body += _definitions(form) + late + _classes(form, module)
    text = "\n".join(body)
    module.body = body
    module.imports |= set(form.imports_for(text)) | form.helpers_for(names_outside(text))
    module.imports |= {f"{one}  # noqa: F401" for one in form.effects}
    return module.text(form.futures())


def _definitions(form: FunctionsForm) -> list[str]:
    """Return the shared functions, classes and constants; what is plain data comes first."""
    plain: list[str] = []
    others: list[str] = []
    seen: set[str] = set()
    for cell in form.analysis.code:
        for one in cell.statements:
            names = _defines(form, one)
            if names & form.shared_names and not names & seen:
                seen |= names
                constant = isinstance(one.node, ast.Assign) and is_literal(one.node.value)
                text = _notes_of(cell, one) + source(cell, one)
                (plain if constant else others).append(text)
    return plain + others


def _classes(form: FunctionsForm, module: Module) -> list[str]:
    if form.ports.together:
        module.imports.add("from datalab_pipelines.carrying import Together")
    found = []
    for name, port in form.ports.together.values():
        lines = [f"class {name}(Together):", '    """Variables that share objects."""', ""]
        for one in port.variables:
            lines.append(f"    {one}: {form.ports.hint_of(module.hints, port, one)}")
        found.append("\n".join(lines) + "\n")
    return found


def _defines(form: FunctionsForm, one: Statement) -> set[str]:
    node = one.node
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign) and id(node) in form.shared:
        return {
            name.id for one in node.targets for name in nodes_in(one) if isinstance(name, ast.Name)
        }
    return set()


def _notes_of(cell: CodeCell, one: Statement) -> str:
    """Return the comment lines right above a statement."""
    lines = cell.code.split("\n")
    found: list[str] = []
    at = line_of(one) - 2
    while at >= 0 and lines[at].startswith("#"):
        found.insert(0, lines[at])
        at -= 1
    return "".join(f"{line}\n" for line in found)
