"""Which definitions mean the same wherever they are said: no state, nothing that changes.

A definition is *sound* when nothing changes if its statement runs once more, in another process: a
default that only a function itself looks at, a class without attributes that can be changed, a
cached function whose results cannot be.
"""

from __future__ import annotations

import ast
import builtins

from ..model import Definition
from ..trees import nodes_in
from .changing import Function, changed_roots
from .constants import (
    NUMBERS,
    computed,
    constant,
    is_type,
    made_of_constants,
    of_a_library,
    of_constants,
)
from .defaults import IMPORTS, flat, plain_name, sound_defaults
from .looking import places
from .naming import imported_as, root_of, short_name
from .wrapping import only_wraps

ACTS = {"interact", "interact_manual", "register"}  # ``ipywidgets.interact``, ``atexit.register``
FIELDS = {"field", "auto", "property", "staticmethod", "classmethod", "Field"}


def sound(
    one: Definition, bound: dict[str, list[ast.stmt]], kept: frozenset[str] = frozenset()
) -> bool:
    """Say whether nothing changes when the statement runs once more.

    ``kept`` are attributes whose objects, or what lies in them, somebody may change: see
    ``looking.kept_attributes``.
    """
    node = one.statement.node
    if isinstance(node, ast.Assign):
        return _sound_value(node.value, bound)
    if isinstance(node, IMPORTS):
        return True
    assert isinstance(node, Function | ast.ClassDef)
    if _remembers(node):
        return False
    for decorator in node.decorator_list:
        if short_name(_named(decorator)) in ACTS:  # the function runs, or is kept, at once
            return False
        binds = bound.get(root_of(_named(decorator)), [])
        own = isinstance(node, Function) and len(binds) == 1
        if not all(
            isinstance(b, IMPORTS) or (own and only_wraps(decorator, b, bound)) for b in binds
        ):
            return False
    if isinstance(node, Function):
        return sound_defaults(node, bound)
    return _sound_class(node, bound, kept)


def _sound_value(value: ast.expr, bound: dict[str, list[ast.stmt]]) -> bool:
    if isinstance(value, ast.Lambda):
        return sound_defaults(value, bound)
    if constant(value) or is_type(value) or computed(value, plain_name(bound)):
        return True
    if isinstance(value, ast.Name | ast.Attribute):
        return _another_name(value, bound)
    made = value
    while isinstance(made, ast.BinOp):
        made = made.left
    if not isinstance(made, ast.Call):
        return made_of_constants(value)
    makers = bound.get(root_of(made.func), [])
    return bool(makers) and all(isinstance(b, IMPORTS) for b in makers)


def _another_name(value: ast.Name | ast.Attribute, bound: dict[str, list[ast.stmt]]) -> bool:
    """Say whether it is a function, a class or a module by another name: ``K = keras.backend``."""
    makers = bound.get(root_of(value), [])
    if not makers:
        return isinstance(value, ast.Name) and hasattr(builtins, value.id)
    if isinstance(value, ast.Name) and not any(isinstance(b, IMPORTS) for b in makers):
        return all(isinstance(b, Function | ast.ClassDef | ast.Assign) for b in makers)
    module = isinstance(value, ast.Name) and all(isinstance(one, ast.Import) for one in makers)
    return module or all(
        isinstance(one, IMPORTS) and of_a_library(imported_as(value, one)) for one in makers
    )


def remembers(decorator: ast.expr) -> bool:
    """Say whether a decorator keeps what a function gave, and gives it again."""
    short = short_name(_named(decorator))
    if short == "cached_property":  # kept in the object, with which it travels
        return False
    return "cache" in short or "memo" in short


def _named(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _remembers(node: ast.AST) -> bool:
    """Say whether a function keeps its results, so that calling it anew would be noticed."""
    keeps = any(remembers(one) for one in getattr(node, "decorator_list", []))
    return keeps and not (_gives_unchangeable(node) and not _speaks(node))


def _speaks(node: ast.AST) -> bool:
    """Say whether a function does something besides what it returns: it prints."""
    return any(
        isinstance(one, ast.Expr) and not isinstance(one.value, ast.Constant)
        for one in nodes_in(node)
    )


def _gives_unchangeable(node: ast.AST) -> bool:
    """Say whether all that a function returns is made by operators and functions of numbers."""
    made = ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp | ast.IfExp | ast.Tuple
    passed = (ast.Constant, ast.operator, ast.boolop, ast.cmpop, ast.unaryop, ast.expr_context)
    name = getattr(node, "name", "")

    def fine(value: ast.AST | None) -> bool:
        if value is None or isinstance(value, passed):
            return True
        if isinstance(value, ast.Call):
            return root_of(value.func) in {*NUMBERS, name} and isinstance(value.func, ast.Name)
        if isinstance(value, made):
            return all(fine(one) for one in ast.iter_child_nodes(value))
        return isinstance(value, ast.Name) and value.id in arguments

    arguments = {one.arg for one in nodes_in(node) if isinstance(one, ast.arg)}
    returns = [one.value for one in nodes_in(node) if isinstance(one, ast.Return)]
    return isinstance(node, ast.FunctionDef) and all(fine(one) for one in returns)


def _sound_class(
    node: ast.ClassDef, bound: dict[str, list[ast.stmt]], kept: frozenset[str]
) -> bool:
    own: set[str] = set()
    loads = [n for n in nodes_in(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    named_in_it = {n.id for n in loads}
    for one in node.body:
        if isinstance(one, Function):
            changes = _changes_class(one, node.name) or _remembers(one)
            if changes or not sound_defaults(one, bound):
                return False
        elif isinstance(one, ast.Assign | ast.AnnAssign):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            names = {n.id for t in targets for n in nodes_in(t) if isinstance(n, ast.Name)}
            value = one.value
            if isinstance(value, ast.Call) and root_of(value.func) not in FIELDS:
                return False
            plain = constant(value) or isinstance(value, ast.Lambda | ast.Call)
            named = isinstance(value, ast.Name) and value.id not in own
            looked_at = flat(value) and not names & kept
            asked = {f".{name}" for name in names} & kept or names & named_in_it
            unread = of_constants(value) and not asked
            read = {n.id for n in nodes_in(value) if isinstance(n, ast.Name)} if value else set()
            made = computed(value, plain_name(bound)) and not read & own
            if not (plain or named or looked_at or unread or made):
                return False
            own |= names
        elif not isinstance(one, ast.Pass) and not (
            isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
        ):
            return False
    return True


def _changes_class(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args]
    decorators = {short_name(one) for one in function.decorator_list}
    of_class = "classmethod" in decorators or function.name in ("__new__", "__init_subclass__")
    owner = {arguments[0].arg} if arguments and of_class else set()
    if changed_roots(function) & {"cls", name, *owner}:
        return True
    instance = arguments[0].arg if arguments and not of_class else ""
    for node, field, one in places(function):
        asks = isinstance(one, ast.Attribute) and one.attr == "__class__"
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
            asks = one.func.id == "type"
            given = one.args[0] if one.args else None
            own = isinstance(given, ast.Name) and given.id == instance
            if one.func.id in ("setattr", "delattr") and not own:
                return True
        if asks and not _only_asks(node, field):
            return True
    return False


def _only_asks(node: ast.AST, field: str) -> bool:
    """Say whether a class is asked for its name, compared, or called."""
    if isinstance(node, ast.Attribute):
        return node.attr == "__name__" and isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Compare) or (isinstance(node, ast.Call) and field == "func")
