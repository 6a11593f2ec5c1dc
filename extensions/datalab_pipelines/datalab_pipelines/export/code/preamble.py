"""What comes before a notebook's work: imports, and settings that hold for all of it."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass, field

from ..cells.scopes import names_in_text
from ..facts.filling import quiet
from ..facts.knowledge import TELLING
from ..facts.naming import dotted
from ..facts.seeding import only_seeds
from ..flow import purity
from ..model import Analysis, Statement

QUIET = purity.names("quiet_roots")
EARLY = re.compile(r"os\.(environ|putenv)|sys\.path|matplotlib\.use")
LAST_COUNTS = re.compile(
    r"matplotlib\.(rcParams|rc$|rcdefaults$|style\.use$|pyplot\.(rc$|rcParams|rcdefaults$|style\.use$))"
    r"|seaborn\.(set$|set_\w+$|reset_\w+$)|warnings\.(filterwarnings|simplefilter)$"
    r"|pandas\.((set|reset)_option$|options\.)|numpy\.(set_printoptions|seterr)$"
)
LOOKS = re.compile(
    r"(os\.)?(walk|listdir|getcwd)|os\.path\.(join|basename|exists)|glob\.glob|sorted|len"
)
LOUD = re.compile(r"sklearn\.experimental|mpl_toolkits|\.pandas$|pandas\.plotting")


@dataclass
class Setting:
    """A statement that sets something for all stages."""

    cell: int
    statement: Statement
    early: bool = False  # it counts for the imports below it


@dataclass
class Preamble:
    """The settings at the notebook's beginning, which a stage's import of ``shared`` repeats."""

    statements: list[Setting] = field(default_factory=list)

    unread: set[int] = field(default_factory=set)  # assignments that only these settings read

    @property
    def nodes(self) -> set[int]:
        """Return the identities of the statements, and of what they alone read."""
        return {id(one.statement.node) for one in self.statements} | self.unread


def preamble_of(analysis: Analysis, resolve: dict[str, str]) -> Preamble:
    """Return the settings before anything else is done."""
    shared = {
        id(one.statement.node)
        for them in analysis.definitions.values()
        for one in them
        if one.shared
    }
    parameters = {one.name for one in analysis.parameters}
    own = {
        name for name, them in analysis.definitions.items() if any(d.kind != "import" for d in them)
    }
    plain = {
        name
        for name, them in analysis.definitions.items()
        if them[0].shared and all(d.kind == "constant" for d in them)
    }
    ends = {id(cell.statements[-1].node) for cell in analysis.code if cell.shown}
    found = Preamble()
    imports_below = _last_import(analysis)
    for position, (index, one) in enumerate(
        (cell.index, one) for cell in analysis.code for one in cell.statements
    ):
        node = one.node
        if any(node is setting.node for setting in analysis.settings.get(index, [])):
            name = next((dotted(part, resolve) for part in _set_by(node)), "")
            if name == "os.chdir":  # an import that goes elsewhere would lose the modules after it
                break
            shown = id(node) in ends and bool(TELLING.match(name))
            early = bool(EARLY.match(name)) and position < imports_below
            named = _names(ast.parse(one.again) if one.again else node)
            if named & (own if early else own - plain) or shown:
                break
            found.statements.append(Setting(index, one, early))
        elif (
            id(node) in shared
            or isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)
            or _assigns(node, parameters)
            or (_assigns(node, analysis.set_from) and quiet(node, resolve))
        ):
            continue
        elif not _only_says(node) and not only_seeds(node, analysis.definitions, resolve):
            break
    found.unread = _unread(analysis, found.nodes)
    return found


def _unread(analysis: Analysis, settings: set[int]) -> set[int]:
    """Return the assignments of variables that nothing names but ``settings``, filled in there."""
    found: dict[str, list[int]] = {name: [] for name in analysis.set_from}
    for cell in analysis.code if found else ():
        for one in cell.statements:
            if id(one.node) not in settings:
                for name in (_names(one.node) | names_in_text(one.node)) & set(found):
                    found[name].append(id(one.node))
    return {them[0] for them in found.values() if len(them) == 1}


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _assigns(node: ast.stmt, names: set[str]) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id in names for target in node.targets
    )


def _last_import(analysis: Analysis) -> int:
    last = -1
    statements = [one for cell in analysis.code for one in cell.statements]
    for position, one in enumerate(statements):
        if isinstance(one.node, ast.Import | ast.ImportFrom):
            roots = {alias.name.split(".")[0] for alias in one.node.names}
            if isinstance(one.node, ast.ImportFrom):
                roots = {(one.node.module or "").split(".")[0]}
            if roots - set(sys.stdlib_module_names):
                last = position
    return last


def _set_by(node: ast.stmt) -> list[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [node.value.func]
    return list(node.targets) if isinstance(node, ast.Assign) else []


def _only_says(node: ast.stmt) -> bool:
    """Say whether a statement prints texts and versions, which no setting makes look different."""
    if isinstance(node, ast.For):  # over the files that are there, as Kaggle begins a notebook
        return not _calls_more(node.iter) and all(_only_says(one) for one in node.body)
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, ast.Constant):
        return True
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and (value.func.id in ("print", "display"))
        and not any(_calls_more(given) for given in value.args)
    )


def _calls_more(node: ast.expr) -> bool:
    """Say whether an expression calls more than what looks at files and puts texts together."""
    return any(
        not LOOKS.fullmatch(ast.unparse(one.func)) and getattr(one.func, "attr", "") != "format"
        for one in ast.walk(node)
        if isinstance(one, ast.Call)
    )


def last_said(settings: list[Statement], resolve: dict[str, str]) -> list[Statement]:
    """Return settings without those that a later one says again: ``sns.set_style("white")`` twice.

    Only what always writes the same, and where the last one counts: a call with values that are
    written out, an assignment of one; of libraries of which that is known.
    """
    found: dict[str, Statement] = {}
    for number, one in enumerate(settings):
        key = _what_it_sets(one.node, resolve) or f"{number}"
        found.pop(key, None)
        found[key] = one
    return list(found.values())


def _what_it_sets(node: ast.stmt, resolve: dict[str, str]) -> str:
    part = next(iter(_set_by(node)), None)
    if part is None or not LAST_COUNTS.match(dotted(part, resolve)):
        return ""
    if isinstance(node, ast.Assign):
        plain = len(node.targets) == 1 and _is_written(node.value)
        return ast.unparse(node.targets[0]) if plain else ""
    assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    given = [*node.value.args, *(word.value for word in node.value.keywords)]
    adds = any(word.arg in ("append", None) for word in node.value.keywords)
    return ast.unparse(node) if all(map(_is_written, given)) and not adds else ""


def _is_written(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def imports_of(analysis: Analysis, shared: set[str]) -> dict[str, str]:
    """Return the import line of every shared name that is imported."""
    found: dict[str, str] = {}
    for name, them in analysis.definitions.items():
        if name not in shared or them[0].kind != "import":
            continue
        node = them[0].statement.node
        assert isinstance(node, ast.Import | ast.ImportFrom)
        aliases = [a for a in node.names if (a.asname or a.name.split(".")[0]) == name]
        if isinstance(node, ast.ImportFrom):
            found[name] = ast.unparse(ast.ImportFrom(node.module, aliases[:1], node.level))
        else:
            every = [
                alias
                for one in them
                for alias in one.statement.node.names  # type: ignore[attr-defined]
                if (alias.asname or alias.name.split(".")[0]) == name
            ]
            lines = dict.fromkeys(ast.unparse(ast.Import([alias])) for alias in every)
            found[name] = "\n".join(lines)
    return found


def side_effects(analysis: Analysis, imported: dict[str, str]) -> list[str]:
    """Return the imports that nothing names, and that may do something all the same."""
    used: set[str] = set()
    for cell in analysis.code:
        for one in cell.statements:
            used |= {n.id for n in ast.walk(one.node) if isinstance(n, ast.Name)}
            used |= names_in_text(one.node)
    modules = {name: _module_of(line) for name, line in imported.items()}
    read = {module.split(".")[0] for name, module in modules.items() if name in used}
    found = []
    for name, line in imported.items():
        module = modules[name]
        root = module.split(".")[0]
        if name in used or not module or module in read:
            continue
        if LOUD.search(module) or root not in QUIET | set(sys.stdlib_module_names):
            found.append(line)
    return found


def _module_of(line: str) -> str:
    match = re.match(r"(?:from|import) ([\w.]+)", line)
    return match[1] if match else ""
