"""What is written out and cannot be changed: numbers, text, types, paths, and what is made of them.

Such a value is the same wherever its statement runs.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable

from .naming import root_of, short_name

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
NUMBERS = {"sum", "max", "min", "len", "int", "float", "abs", "round", "str", "bool", "tuple"}
PLAIN_CALLS = {*NUMBERS, "range", "slice", "frozenset"}
# Attributes of these are functions, classes and numbers, and nobody changes one in place.
LIBRARIES = frozenset(
    ("numpy", "scipy", "math", "torch", "tensorflow", "tensorflow_probability", "keras", "jax")
)


def constant(node: ast.AST | None) -> bool:
    """Say whether ``node`` is written out and cannot be changed."""
    if isinstance(node, ast.UnaryOp):
        return constant(node.operand)
    if isinstance(node, ast.Tuple):
        return all(constant(one) for one in node.elts)
    return node is None or isinstance(node, ast.Constant)


def of_constants(node: ast.AST | None) -> bool:
    """Say whether it is a list, set, tuple or dictionary of constants, written out."""
    if isinstance(node, ast.List | ast.Set | ast.Tuple):
        return all(constant(one) or of_constants(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        values = [one for one in node.values if not constant(one)]
        return all(constant(one) and one is not None for one in node.keys) and all(
            of_constants(one) for one in values
        )
    return False


def computed(node: ast.AST | None, named: Callable[[ast.expr], bool]) -> bool:
    """Say whether it is computed of constants, by operators and functions of numbers and text.

    ``named`` says of a name, or of an attribute of one, whether it is such a constant.
    """
    if node is None or isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return named(node)
    if isinstance(node, ast.Attribute):  # ``"-".join``, ``re.compile("a").sub``, ``math.pi``
        text = isinstance(node.value, ast.Constant) or _pattern(node.value)
        return text or (isinstance(node.value, ast.Name) and named(node))
    if isinstance(node, ast.JoinedStr):
        inner = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
        return all(computed(one, named) for one in inner)
    if isinstance(node, ast.Call):
        plain = isinstance(node.func, ast.Name) and node.func.id in PLAIN_CALLS and named(node.func)
        return _pattern(node) or (
            plain and not node.keywords and all(computed(one, named) for one in node.args)
        )
    if isinstance(node, ast.BinOp):
        return computed(node.left, named) and computed(node.right, named)
    if isinstance(node, ast.UnaryOp):
        return computed(node.operand, named)
    return isinstance(node, ast.Tuple) and all(computed(one, named) for one in node.elts)


def _pattern(node: ast.AST) -> bool:
    """Say whether it is a regular expression that is written out."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "re.compile"
        and all(isinstance(one, ast.Constant) for one in node.args)
        and not node.keywords
    )


def is_type(node: ast.expr) -> bool:
    """Say whether it is a type by its form: ``list[int]``, ``Tuple[Card, ...]``, ``int | None``."""
    if isinstance(node, ast.Subscript):
        generic = short_name(node.value) in GENERICS
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return generic and all(_within_type(one) for one in inner)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return all(
            is_type(one) or _is_none(one) or (isinstance(one, ast.Name) and one.id[0].isupper())
            for one in (node.left, node.right)
        )
    if isinstance(node, ast.Constant):
        return node.value is ...
    if isinstance(node, ast.Tuple):  # as ``isinstance`` takes it: ``(list, tuple)``
        return bool(node.elts) and all(is_type(one) for one in node.elts)
    if not isinstance(node, ast.Name):
        return False
    return isinstance(getattr(builtins, node.id, None), type) or node.id in TYPING


def _within_type(node: ast.expr) -> bool:
    if isinstance(node, ast.List):  # ``Callable[[int, int], Action]``
        return all(_within_type(one) for one in node.elts)
    text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return isinstance(node, ast.Name) or _is_none(node) or text or is_type(node)


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
    if ast.unparse(node.func) == "torch.device":
        return all(constant(one) or _by_what_is_there(one) for one in given)
    return name in MAKERS and all(constant(one) or of_constants(one) for one in given)


def _by_what_is_there(node: ast.expr) -> bool:
    """Say whether it is ``"cuda" if torch.cuda.is_available() else "cpu"``."""
    if not isinstance(node, ast.IfExp) or not isinstance(node.test, ast.Call):
        return False
    asked = ast.unparse(node.test.func)
    known = asked.startswith("torch.") and asked.endswith(".is_available") and not node.test.args
    return known and all(
        constant(one) or _by_what_is_there(one) for one in (node.body, node.orelse)
    )


def of_a_library(name: str) -> bool:
    """Say whether a dotted name is a class, a module, or a function of a library's.

    What else a module may hold, a table say, somebody may change in place.
    """
    root, _, rest = name.partition(".")
    last = name.rsplit(".", 1)[-1]
    known = root in LIBRARIES or (root in sys.stdlib_module_names and root not in ("sys", "os"))
    return bool(rest) and (known or (last[:1].isupper() and not last.isupper()))
