"""What type hints say about a stage: its parameters and its outputs, and what fits what.

The checks at wiring time are a second net below mypy and pyright, for those who run neither. They
refuse only what is certainly wrong; what cannot be judged without the libraries at hand passes.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Union

from .errors import DefinitionError, Place

ANY = typing.Any
NUMBERS: dict[type, tuple[type, ...]] = {float: (int, float), complex: (int, float, complex)}


def place_of(function: Callable[..., Any]) -> Place:
    """Return where ``function`` is written."""
    code = inspect.unwrap(function).__code__
    return Place(code.co_filename, code.co_firstlineno)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the resolved hints of ``function``, ``return`` included.

    Raises ``DefinitionError`` for a hint that names something that does not exist.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError) as error:
        raise DefinitionError(
            f"a type hint of {function.__name__}() cannot be understood: {error}",
            hint="Import the type at the top of the file, not only under TYPE_CHECKING.",
            place=place_of(function),
        ) from None


def outputs_of(hint: Any) -> dict[str, Any] | None:
    """Return the named outputs that a return hint declares, or None for one unnamed output.

    A NamedTuple or a dataclass gives its fields, ``tuple[A, B]`` gives ``0`` and ``1``.
    """
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        found = typing.get_type_hints(hint, include_extras=True)
        return {name: found.get(name, ANY) for name in hint._fields}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        found = typing.get_type_hints(hint, include_extras=True)
        return {field.name: found.get(field.name, ANY) for field in dataclasses.fields(hint)}
    if typing.get_origin(hint) is tuple:
        arguments = typing.get_args(hint)
        if arguments and arguments[-1] is not Ellipsis:
            return {str(number): argument for number, argument in enumerate(arguments)}
    return None


def bare(hint: Any) -> Any:
    """Return ``hint`` without ``Annotated`` and ``NewType``."""
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        else:
            return hint


def says(hint: Any) -> str:
    """Return a hint as a person writes it."""
    hint = bare(hint)
    if hint is type(None):
        return "None"
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__qualname__
    return str(hint).replace("typing.", "")


def fits(given: Any, wanted: Any) -> bool:
    """Say whether a value hinted ``given`` can go where ``wanted`` is asked for.

    Unknown or structural types (Any, protocols, type variables) fit.
    """
    given, wanted = bare(given), bare(wanted)
    if _open(given) or _open(wanted) or given == wanted:
        return True
    if _union(given):
        return all(fits(part, wanted) for part in typing.get_args(given))
    if _union(wanted):
        return any(fits(given, part) for part in typing.get_args(wanted))
    if typing.get_origin(wanted) is typing.Literal:
        return typing.get_origin(given) is typing.Literal and set(typing.get_args(given)) <= set(
            typing.get_args(wanted)
        )
    if typing.get_origin(given) is typing.Literal:
        return all(fits(type(value), wanted) for value in typing.get_args(given))
    return _classes_fit(given, wanted) and _arguments_fit(given, wanted)


def accepts(value: object, wanted: Any) -> bool:
    """Say whether the constant ``value`` can go where ``wanted`` is asked for."""
    wanted = bare(wanted)
    if _open(wanted):
        return True
    if _union(wanted):
        return any(accepts(value, part) for part in typing.get_args(wanted))
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Literal:
        return any(value == one and type(value) is type(one) for one in arguments)
    if wanted is None or wanted is type(None):
        return value is None
    container = origin or wanted
    if not isinstance(container, type):
        return True
    if issubclass(container, float):
        container = float  # a Metric is written as a number
    if isinstance(value, bool) and container in (int, float):
        return False
    if not isinstance(value, NUMBERS.get(container, container)):
        return False
    if isinstance(value, dict) and len(arguments) == 2:
        return all(
            accepts(key, arguments[0]) and accepts(one, arguments[1]) for key, one in value.items()
        )
    if isinstance(value, list | set | frozenset) and len(arguments) == 1:
        return all(accepts(one, arguments[0]) for one in value)
    return True


def element_of(hint: Any) -> Any:
    """Return what a sequence hint holds (``list[int]`` → ``int``); ``Any`` when it does not say."""
    arguments = typing.get_args(bare(hint))
    return arguments[0] if arguments else ANY


def is_sequence(hint: Any) -> bool:
    """Say whether ``hint`` may be looped over in a pipeline."""
    hint = bare(hint)
    container = typing.get_origin(hint) or hint
    if _open(hint) or not isinstance(container, type):
        return True
    return issubclass(container, list | tuple | set) or container.__module__ == "collections.abc"


def _open(hint: Any) -> bool:
    return (
        hint is ANY
        or hint is inspect.Parameter.empty
        or hint is object
        or isinstance(hint, typing.TypeVar | str)
        or getattr(hint, "_is_protocol", False)
    )


def _union(hint: Any) -> bool:
    return typing.get_origin(hint) in (Union, types.UnionType)


def _classes_fit(given: Any, wanted: Any) -> bool:
    left, right = typing.get_origin(given) or given, typing.get_origin(wanted) or wanted
    left = type(None) if left is None else left
    right = type(None) if right is None else right
    if not isinstance(left, type) or not isinstance(right, type):
        return True
    if left is bool and right in (int, float):
        return True
    return issubclass(left, NUMBERS.get(right, (right,)))


def _arguments_fit(given: Any, wanted: Any) -> bool:
    left, right = typing.get_args(given), typing.get_args(wanted)
    if not left or not right or len(left) != len(right) or Ellipsis in (*left, *right):
        return True
    return all(fits(one, other) for one, other in zip(left, right, strict=True))
