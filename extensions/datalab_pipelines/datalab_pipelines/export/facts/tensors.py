"""TensorFlow and Keras: what of a notebook has to stay together because of what they remember.

Where a seed is set, draws follow it through counters in TensorFlow's kernels that nobody can read:
cells stay with the seed that they follow, up to the next one. Functions that ``tf.function`` has
traced are traced anew elsewhere, with what they print. Models and the like stay where they were
made, see ``flow.connecting``. What is left, Keras' names for layers and its own generator, travels
with the random state.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from ..model import Analysis, CodeCell, Interval
from ..trees import nodes_in
from .naming import dotted, root_of

ROOTS = frozenset(
    {
        *("tensorflow", "keras", "tf_keras", "tensorflow_probability", "tensorflow_hub", "tfp"),
        *("tensorflow_datasets", "tensorflow_addons", "tf_agents", "keras_nlp", "keras_hub"),
        "keras_tuner",
    }
)
SEEDS = re.compile(r"(?:.*\.)?(set_seed|set_random_seed|manual_seed)")
GRAPHS = re.compile(
    r"(?:.*\.)?(Session|InteractiveSession|placeholder|global_variables_initializer"
    r"|get_default_graph|disable_eager_execution|disable_v2_behavior|reset_default_graph)"
)
TRACED = re.compile(r"tensorflow\.(function|py_function|autograph\..*)")
FIRST_KERAS = 3  # the first that keeps its state where it can be read


def made_by_tensors(name: str) -> bool:
    """Say whether a dotted name is something of TensorFlow or Keras."""
    return name.split(".")[0] in ROOTS


def keep_tensors_together(found: Analysis, code: list[CodeCell], resolve: dict[str, str]) -> None:
    """Keep cells together that TensorFlow's or Keras' memory ties to one another."""
    if not any(made_by_tensors(name) for name in found.imports):
        return
    if why := _hands_on_a_seed(code, resolve):
        found.intervals.append(Interval(code[0].index, code[-1].index, "random", why))
        return
    if why := _reason_for_all(code, resolve):
        names = _touched(found, code, resolve, held=True)
        cells = [
            cell.index for cell in code if any(_uses(one.node, names) for one in cell.statements)
        ]
        if cells:
            found.intervals.append(Interval(cells[0], cells[-1], "random", why))
        return
    for start, end in _regions(found, code, resolve):
        why = "TensorFlow's random numbers follow the seed that was set before, and its counters"
        found.intervals.append(Interval(start, end, "random", why))
    for name, start in _traced(code, resolve):
        readers = [c.index for c in code if name in found.facts[c.index].exposed]
        why = f"{name} is a function that TensorFlow traces where it is called first"
        if readers and max(readers) > start:
            found.intervals.append(Interval(start, max(readers), "tensors", why))


def _hands_on_a_seed(code: list[CodeCell], resolve: dict[str, str]) -> str:
    for cell in code:
        for one in cell.statements:
            functions = {id(n.func) for n in nodes_in(one.node) if isinstance(n, ast.Call)}
            for node in nodes_in(one.node):
                name = dotted(node, resolve)
                called = isinstance(node, ast.Call) or id(node) in functions
                if made_by_tensors(name) and SEEDS.fullmatch(name) and not called:
                    return f"cell {cell.index + 1} hands on a function that sets TensorFlow's seed"
    return ""


def _reason_for_all(code: list[CodeCell], resolve: dict[str, str]) -> str:
    """Say why all cells that may lead to TensorFlow or Keras have to stay together."""
    if _keras_is_old():
        return "Keras 2 keeps random state and names that cannot be handed on"
    names = (
        dotted(part, resolve) for c in code for one in c.statements for part in nodes_in(one.node)
    )
    if any(made_by_tensors(name) and GRAPHS.fullmatch(name) for name in names):
        return "TensorFlow's graph and sessions cannot be handed on"
    return ""


def _uses(node: ast.stmt, names: set[str]) -> bool:
    """Say whether a statement does something with ``names``: more than to import or define them."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return False
    plain = isinstance(node, ast.FunctionDef) and not node.decorator_list and not node.args.defaults
    return not plain and _mentions(node, names)


def _keras_is_old() -> bool:
    """Say whether the Keras that is installed here, if any is, is older than the one we know."""
    try:
        return int(version("keras").split(".")[0]) < FIRST_KERAS
    except (PackageNotFoundError, ValueError):
        return False


def _seeds(node: ast.AST | None, resolve: dict[str, str]) -> bool:
    name = dotted(node.func, resolve) if isinstance(node, ast.Call) else ""
    return made_by_tensors(name) and bool(SEEDS.fullmatch(name))


def _regions(
    found: Analysis, code: list[CodeCell], resolve: dict[str, str]
) -> Iterator[tuple[int, int]]:
    """Yield the cells from a seed to the last one that may draw before the next seed."""
    touched = _touched(found, code, resolve)
    seeding = _seeding(found, resolve)
    start: int | None = None
    end = 0
    for cell in code:
        seeds = [
            isinstance(one.node, ast.Expr) and _seeds(one.node.value, resolve)
            for one in cell.statements
        ]
        # A cell that does something else before it sets its seed still follows the one above.
        early = any(
            _mentions(one.node, touched)
            for one in cell.statements[: seeds.index(True) if any(seeds) else None]
        )
        if start is not None and early:
            end = cell.index
        if any(seeds):
            if start is not None and end > start:
                yield start, end
            start = end = cell.index
        elif any(_may_seed(one.node, seeding, resolve) for one in cell.statements):
            start = cell.index if start is None else start
            end = cell.index
    if start is not None and end > start:
        yield start, end


def _seeding(found: Analysis, resolve: dict[str, str]) -> set[str]:
    """Return the functions and classes that set a seed, themselves or through others."""
    names: set[str] = set()
    while True:
        more = {
            name
            for name, them in found.definitions.items()
            for one in them
            if one.kind in ("function", "class")
            and (
                any(_seeds(part, resolve) for part in nodes_in(one.statement.node))
                or _mentions(one.statement.node, names)
            )
        }
        if more <= names:
            return names
        names |= more


def _may_seed(node: ast.stmt, seeding: set[str], resolve: dict[str, str]) -> bool:
    """Say whether a statement that is no definition may set a seed, in a loop or a function."""
    if isinstance(node, ast.FunctionDef):
        return bool(node.decorator_list) and _mentions(node, seeding)
    return _mentions(node, seeding) or any(_seeds(part, resolve) for part in nodes_in(node))


def _mentions(node: ast.stmt, names: set[str]) -> bool:
    return any(isinstance(one, ast.Name) and one.id in names for one in nodes_in(node))


def _touched(
    found: Analysis, code: list[CodeCell], resolve: dict[str, str], *, held: bool = False
) -> set[str]:
    """Return every name that may lead to TensorFlow: imports, and what is made with such names.

    With ``held`` also what such may be put into: ``models["a"] = model``, ``models.append(model)``.
    """
    names = {name for name, full in resolve.items() if made_by_tensors(full)}
    while True:
        before = len(names)
        for cell in code:
            for one in cell.statements:
                if _mentions(one.node, names):
                    names |= {
                        node.id
                        for node in nodes_in(one.node)
                        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
                    }
                    names |= _put_into(one.node) - resolve.keys() if held else set()
                    if isinstance(one.node, ast.FunctionDef | ast.ClassDef):
                        names.add(one.node.name)
        for name, them in found.definitions.items():
            if any(_mentions(one.statement.node, names) for one in them if one.kind != "import"):
                names.add(name)
        if len(names) == before:
            return names


def _put_into(node: ast.stmt) -> set[str]:
    """Return the names of what a statement may store something in, or whose methods it calls."""
    parts = nodes_in(node)
    places = [one for one in parts if isinstance(one, ast.Attribute | ast.Subscript)]
    stored = [one for one in places if not isinstance(one.ctx, ast.Load)]
    called = [one.func for one in parts if isinstance(one, ast.Call)]
    owners = [one for one in called if isinstance(one, ast.Attribute)]
    return {root_of(one) for one in [*stored, *owners]} - {""}


def _traced(code: list[CodeCell], resolve: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Yield the functions that TensorFlow traces, with their cells."""
    for cell in code:
        for one in cell.statements:
            node = one.node
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    inner = decorator.func if isinstance(decorator, ast.Call) else decorator
                    if TRACED.fullmatch(dotted(inner, resolve)):
                        yield node.name, cell.index
            elif isinstance(node, ast.Assign) and any(
                TRACED.fullmatch(dotted(part, resolve)) for part in nodes_in(node.value)
            ):
                for target in node.targets:
                    for name in nodes_in(target):
                        if isinstance(name, ast.Name):
                            yield name.id, cell.index
