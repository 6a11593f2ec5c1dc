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

LOOKING = {
    *("len", "sum", "min", "max", "sorted", "list", "tuple", "set", "range", "any", "all", "str"),
}
NUMBERS = {"sum", "max", "min", "len", "int", "float", "abs", "round", "str", "bool", "tuple"}
GENERICS = {
    *("List", "Dict", "Set", "Tuple", "Optional", "Union", "Callable", "Iterable", "Iterator"),
    *("Sequence", "Mapping", "FrozenSet", "Literal", "Any", "Type", "Deque", "DefaultDict"),
    *("list", "dict", "set", "tuple", "frozenset", "type", "Counter", "Collection", "Container"),
}
TYPING = {one for one in GENERICS if one[0].isupper()}
# What these make of constants cannot be changed.
MAKERS = {
    *("namedtuple", "Path", "PurePath", "timedelta", "Decimal", "Fraction", "TypeVar", "NewType"),
}
IMPORTS = (ast.Import, ast.ImportFrom)
FIELDS = {"field", "auto", "property", "staticmethod", "classmethod", "Field"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def root_of(node: ast.AST) -> str:
    """Return the name that ``a.b[c].d`` begins with, or nothing."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def changed_roots(tree: ast.AST) -> set[str]:
    """Return names of which an attribute or element is set or deleted somewhere in ``tree``."""
    found = set()
    for node in nodes_in(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found.add(root_of(node))
        if isinstance(node, ast.Call) and root_of(node.func) in ("setattr", "delattr"):
            found |= {root_of(one) for one in node.args[:1]}
    return found


def constant(node: ast.AST | None) -> bool:
    """Say whether ``node`` is written out and cannot be changed."""
    if isinstance(node, ast.UnaryOp):
        return constant(node.operand)
    if isinstance(node, ast.Tuple):
        return all(constant(one) for one in node.elts)
    return node is None or isinstance(node, ast.Constant)


def is_type(node: ast.expr) -> bool:
    """Say whether it is a type by its form: ``list[int]``, ``Tuple[Card, ...]``, ``int | None``."""
    if isinstance(node, ast.Subscript):
        generic = short_name(node.value) in GENERICS
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return generic and all(isinstance(one, ast.Name) or is_type(one) for one in inner)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return all(is_type(one) or _is_none(one) for one in (node.left, node.right))
    if isinstance(node, ast.Constant):
        return node.value is ...
    if not isinstance(node, ast.Name):
        return False
    return isinstance(getattr(builtins, node.id, None), type) or node.id in TYPING


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def made_of_constants(node: ast.expr) -> bool:
    """Say whether it is something unchangeable that a library makes of constants: a path."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):  # Path("a") / "b"
        text = isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)
        return text and (isinstance(node.left, ast.Name) or made_of_constants(node.left))
    if not isinstance(node, ast.Call) or not root_of(node.func):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else root_of(node.func)
    if name == "range" or ast.unparse(node.func) == "os.path.join":  # of other constants too
        return all(constant(one) or isinstance(one, ast.Name) for one in node.args)
    given = [*node.args, *(word.value for word in node.keywords)]
    return name in MAKERS and all(constant(one) or _of_constants(one) for one in given)


def sound(one: Definition, bound: dict[str, list[ast.stmt]]) -> bool:
    """Say whether nothing changes when the statement runs once more."""
    node = one.statement.node
    if isinstance(node, ast.Assign):
        made = node.value
        while isinstance(made, ast.BinOp):
            made = made.left
        if isinstance(made, ast.Call):
            makers = bound.get(root_of(made.func), [])
            builtin = root_of(made.func) == "range" and not makers
            return builtin or (bool(makers) and all(isinstance(b, IMPORTS) for b in makers))
        if not isinstance(node.value, ast.Lambda):
            return True
        return _sound_defaults(node.value)
    assert isinstance(node, Function | ast.ClassDef)
    if _remembers(node):
        return False
    for decorator in node.decorator_list:
        binds = bound.get(root_of(_named(decorator)), [])
        if not all(isinstance(b, IMPORTS) for b in binds):
            return False
    if isinstance(node, Function):
        return _sound_defaults(node)
    return _sound_class(node)


def short_name(node: ast.AST) -> str:
    """Return the last name of ``a.b.c``."""
    return node.attr if isinstance(node, ast.Attribute) else root_of(node)


def _named(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _remembers(node: ast.AST) -> bool:
    """Say whether a function keeps its results, so that calling it anew would be noticed."""
    keeps = [
        one
        for one in getattr(node, "decorator_list", [])
        if any(part in short_name(_named(one)) for part in ("cache", "memo"))
        and short_name(_named(one)) != "cached_property"  # in the object, with which it travels
    ]
    return bool(keeps) and not (_gives_unchangeable(node) and not _speaks(node))


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


def _sound_defaults(function: ast.AST) -> bool:
    """Say whether the defaults of a function are the same objects' worth wherever it is said.

    A name or attribute is: it is among what the definition reads early, which has to be shared. So
    is a list or dictionary of constants that the function only looks at.
    """
    assert isinstance(function, Function | ast.Lambda)
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(named), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return all(
        constant(default)
        or (isinstance(default, ast.Name | ast.Attribute) and root_of(default) != "")
        or (_of_constants(default) and _only_looked_at(function, argument.arg))
        for argument, default in pairs
    )


def _of_constants(node: ast.AST | None) -> bool:
    if isinstance(node, ast.List | ast.Set | ast.Tuple):
        return all(constant(one) or _of_constants(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        return all(constant(one) and one is not None for one in [*node.keys, *node.values])
    return False


def _only_looked_at(function: ast.AST, name: str) -> bool:
    """Say whether the function neither changes the object of an argument nor hands it on."""
    for node in nodes_in(function):
        for field, child in ast.iter_fields(node):
            children = child if isinstance(child, list) else [child]
            for one in children:
                if not (isinstance(one, ast.Name) and one.id == name):
                    continue
                if isinstance(one.ctx, ast.Load) and not _looks(node, field):
                    return False
    return True


def _looks(node: ast.AST, field: str) -> bool:
    if isinstance(node, ast.Subscript):
        return field == "value" and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Call):
        return field == "args" and root_of(node.func) in LOOKING
    return isinstance(node, ast.For | ast.comprehension | ast.Compare | ast.BinOp | ast.If)


def _sound_class(node: ast.ClassDef) -> bool:
    for one in node.body:
        if isinstance(one, Function):
            if not _sound_defaults(one) or _changes_class(one, node.name) or _remembers(one):
                return False
        elif isinstance(one, ast.Assign | ast.AnnAssign):
            value = one.value
            if isinstance(value, ast.Call) and root_of(value.func) not in FIELDS:
                return False
            if not (constant(value) or isinstance(value, ast.Name | ast.Lambda | ast.Call)):
                return False
        elif not isinstance(one, ast.Pass) and not (
            isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
        ):
            return False
    return True


def _changes_class(function: ast.AST, name: str) -> bool:
    if changed_roots(function) & {"cls", name}:
        return True
    for one in nodes_in(function):
        if isinstance(one, ast.Attribute) and one.attr == "__class__":
            return True
        if isinstance(one, ast.Call) and root_of(one.func) in ("type", "setattr"):
            return True
    return False
