"""Whether the defaults of a function are worth the same wherever it is said."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable

from .changing import Function
from .constants import computed, constant, of_constants
from .looking import only_looked_at
from .naming import root_of

IMPORTS = (ast.Import, ast.ImportFrom)
MATH = {"pi", "e", "tau", "inf", "nan"}


def plain_name(bound: dict[str, list[ast.stmt]]) -> Callable[[ast.expr], bool]:
    """Return what says whether a name is a constant, a number of ``math``, or a builtin."""

    def named(node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):
            makers = bound.get(root_of(node), [])
            return (
                node.attr in MATH and bool(makers) and all(isinstance(b, IMPORTS) for b in makers)
            )
        assigned = bound.get(root_of(node), [])
        own = not assigned or not hasattr(builtins, root_of(node))  # else ``len`` may be another
        return own and all(isinstance(one, ast.Assign) for one in assigned)

    return named


def sound_defaults(function: ast.AST, bound: dict[str, list[ast.stmt]]) -> bool:
    """Say whether the defaults of a function are the same objects' worth wherever it is said.

    A name or attribute is, and what is computed of constants: they are among what the definition
    reads early, which has to be shared. So is a list or dictionary of constants that the function
    only looks at; and a function without a name, as long as its own defaults are.
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
        or computed(default, plain_name(bound))
        or (isinstance(default, ast.Lambda) and sound_defaults(default, bound))
        or (flat(default) and only_looked_at(function, argument.arg, bound))
        for argument, default in pairs
    )


def flat(node: ast.AST | None) -> bool:
    """Say whether it is a list or dictionary, written out, that nothing in it can be changed."""
    inner = [*getattr(node, "elts", []), *getattr(node, "values", [])]
    return of_constants(node) and all(constant(one) for one in inner)
