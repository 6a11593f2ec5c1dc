"""What each cell does, and which cells have to stay together."""

from __future__ import annotations

import ast

from ..cells.installing import leave_out_installs
from ..cells.magics import statements_of
from ..cells.names import Flow
from ..cells.namespaces import name_globals
from ..cells.remembered import name_remembered
from ..cells.stars import name_stars
from ..cells.translating import translate_all
from ..errors import ExportError
from ..model import Analysis, CodeCell, Facts, Interval, Notebook, Warn
from ..text import Edit, apply_edits, offsets, span
from ..trees import nodes_in
from .changing import Function, changed_roots
from .checking import check
from .handing_on import keep_files_together
from .identity import keep_identical_together
from .naming import dotted, library_names
from .only_ipython import only_ipython
from .promoting import parameters_of
from .replacing import leave_out_replaced
from .settings import note_patches, note_settings
from .sharing import bindings, divide
from .storing import (
    evaluated_by_text,
    generators_of,
    keep_unstorable_together,
    last_use,
)
from .telling import Telling
from .tensors import keep_tensors_together

EVERYTHING = {"globals", "__import__", "compile", "execfile"}
# How many objects Python has freed says something of the process, and nothing of the notebook.
OF_THE_PROCESS = {"gc.collect", "gc.get_count", "gc.get_stats"}
DRAWERS = {
    *("random", "numpy", "pandas", "sklearn", "scipy", "torch", "xgboost", "lightgbm", "pylab"),
    "seaborn",
}


def analyse(notebook: Notebook) -> Analysis:
    """Return what the cells of ``notebook`` do. Raises ``ExportError`` for a syntax error."""
    warnings: list[Warn] = []
    cells = [one for one in notebook.cells if one.kind == "code" and one.source.strip()]
    code = translate_all(notebook, warnings)
    whole = next((f"cell {one.index + 1}: {one.opaque}" for one in code if one.opaque), "")
    name_stars(code, notebook.path.resolve().parent)
    name_globals(code)
    sources = {one.index: one.source for one in cells}
    name_remembered(code, sources)
    leave_out_installs(code, sources)
    for cell in code:
        _rewrite(cell)
    warnings += leave_out_replaced(code)
    found = Analysis(notebook, code, {}, warnings, whole=whole)
    found.installs = [name for cell in code for name in cell.installs]
    found.parameters = parameters_of(notebook, code)
    _look(found)
    check(found)
    return found


def _rewrite(cell: CodeCell) -> None:
    """Make the cell one that can stand in a function whose variables are all global."""
    if cell.opaque:
        return
    cell.code = _futures_first(cell.code)
    tree = ast.parse(cell.code)
    try:
        compile(tree, "<cell>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ExportError(
            f"not valid Python: {error.msg}", cell=cell.index, line=error.lineno
        ) from None
    where = offsets(cell.code)
    edits: list[Edit] = []
    for said in tree.body[:-1]:  # a name alone shows nothing but at the end of a cell
        if isinstance(said, ast.Expr) and isinstance(said.value, ast.Name):
            edits.append(Edit(*span(said, where), "pass"))
    for node in _outside_functions(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is None:
                edits.append(Edit(*span(node, where), "pass"))
            else:
                end = span(node.target, where)[1]
                between = cell.code[end : span(node.value, where)[0]]
                opened = between[between.rfind("=") + 1 :]
                edits.append(Edit(end, span(node.value, where)[0], f" = {opened.lstrip()}"))
    for one in nodes_in(tree):
        if isinstance(one, ast.Name) and one.id == "__name__" and isinstance(one.ctx, ast.Load):
            edits.append(Edit(*span(one, where), '"__main__"'))
    if edits:
        cell.code = apply_edits(cell.code, edits)
        tree = ast.parse(cell.code)
    cell.statements = statements_of(cell.code, tree)


def _futures_first(code: str) -> str:
    """Return a cell with its ``__future__`` imports first; IPython takes them anywhere."""
    if "__future__" not in code:
        return code
    tree = ast.parse(code)
    late = [
        node
        for node in tree.body[1:]
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    if not late:
        return code
    where = offsets(code)
    first = "; ".join(ast.unparse(node) for node in late)
    return f"{first}\n{apply_edits(code, [Edit(*span(node, where), 'pass') for node in late])}"


def _outside_functions(tree: ast.Module) -> list[ast.AST]:
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _look(found: Analysis) -> None:
    code = found.code
    plain = [cell for cell in code if not cell.opaque]
    bound = bindings(plain)
    names = {
        node.id
        for cell in plain
        for one in cell.statements
        for node in nodes_in(one.node)
        if isinstance(node, ast.Name)
    }
    last = code[-1].index
    dynamic = {name for name in (EVERYTHING & names) if name not in bound}
    if dynamic:
        why = f"{', '.join(sorted(dynamic))} may use any variable"
        found.intervals.append(Interval(code[0].index, last, "dynamic", why))
    excluded = {one.name for one in found.parameters}
    found.imports = _imports(plain)
    resolve = library_names(plain)
    for cell in plain:
        if cell.shown and _called_last(cell, resolve) in OF_THE_PROCESS:
            cell.shown = False
    if "eval" in names and "eval" not in bound:
        found.evaluated = evaluated_by_text(plain, set(bound), resolve)
    found.definitions = divide(plain, excluded, found.evaluated, all_apart=bool(dynamic))
    if not found.whole:
        found.whole = only_ipython(found, plain, bound)
    for cell in plain:
        found.facts[cell.index] = _facts(found, cell)
    _apart(found, plain)
    generators = generators_of(found)
    for cell in plain:
        note_settings(found, cell, resolve, last)
        note_patches(found, cell, resolve, last)
        keep_unstorable_together(found, cell, resolve, plain, generators)
    keep_files_together(found, plain, resolve)
    keep_tensors_together(found, plain, resolve)
    keep_identical_together(found, plain)
    for cell in code:
        found.facts.setdefault(cell.index, Facts(cell.index, "compute"))


def _called_last(cell: CodeCell, resolve: dict[str, str]) -> str:
    last = cell.statements[-1].node if cell.statements else None
    call = last.value if isinstance(last, ast.Expr) else None
    return dotted(call.func, resolve) if isinstance(call, ast.Call) else ""


def _apart(found: Analysis, code: list[CodeCell], stored: frozenset[str] = frozenset()) -> None:
    """Keep definitions that are not the same elsewhere with the cells that use them.

    Where instances of such a class go on, their stages are found to be one later.
    """
    telling: Telling | None = None
    for name, them in found.definitions.items():
        for one in them:
            if one.kind not in ("function", "class") or one.shared or one.carried:
                continue
            cell = next(cell for cell in code if cell.index == one.cell)
            end = last_use(found, name, cell, code)
            if one.kind == "class" and "eval" in one.free:  # so may its instances
                end = code[-1].index
            if end > one.cell:
                if telling is None:
                    trees = [each.node for cell in code for each in cell.statements]
                    telling = Telling(trees, bindings(code), found.definitions, set(stored))
                why = telling.why(one)
                found.intervals.append(Interval(one.cell, end, "definition", why))


def part_stored_in(found: Analysis, names: set[str]) -> None:
    """Take functions and classes in which something is stored, ``names``, as what changes.

    The same is done to what reads them; their cells stay together.
    """
    plain = [cell for cell in found.code if not cell.opaque]
    found.definitions = divide(
        plain,
        {one.name for one in found.parameters},
        found.evaluated,
        all_apart=any(one.code == "dynamic" for one in found.intervals),
        stored=frozenset(names),
    )
    found.intervals = [one for one in found.intervals if one.code != "definition"]
    _apart(found, plain, frozenset(names))


def _imports(code: list[CodeCell]) -> list[str]:
    found: list[str] = []
    for cell in code:
        for one in cell.statements:
            for node in nodes_in(one.node):
                if isinstance(node, ast.Import):
                    found += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.append(node.module)
    return list(dict.fromkeys(found))


def _facts(found: Analysis, cell: CodeCell) -> Facts:
    flow = Flow()
    flow.run(one.node for one in cell.statements)
    facts = Facts(cell.index)
    facts.definite, facts.maybe, facts.deleted = flow.definite, flow.maybe, flow.deleted
    facts.exposed, facts.certain = flow.exposed, flow.certain
    if "eval" in facts.exposed:
        facts.exposed |= found.evaluated - facts.definite
    for one in cell.statements:
        facts.changed |= changed_roots(one.node) - {""}
    nodes = [one.node for one in cell.statements]
    kinds = {
        "import": ast.Import | ast.ImportFrom,
        "definition": Function | ast.ClassDef,
    }
    for kind, types in kinds.items():
        if nodes and all(isinstance(node, types) for node in nodes):
            facts.kind = kind
    if nodes and all(isinstance(node, ast.Expr) for node in nodes) and not facts.changed:
        facts.kind = "display"
    return facts
