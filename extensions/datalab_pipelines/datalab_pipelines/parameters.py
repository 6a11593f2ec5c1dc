"""A pipeline's parameters: their types, their defaults, and values from a command line."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from typing import Any

from . import hints
from .errors import DefinitionError, ParameterError
from .graph import REQUIRED, Parameter
from .settings import Between

PLAIN = (int, float, str, bool)


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters that a pipeline function declares.

    Raises ``DefinitionError`` for one without a type, of a type that no run can be given, or
    whose default does not fit.
    """
    place = hints.place_of(function)
    found = hints.hints_of(function)
    parameters = []
    for name, declared in inspect.signature(function).parameters.items():
        what = f"the parameter {name} of {function.__name__}()"
        if declared.kind in (declared.VAR_POSITIONAL, declared.VAR_KEYWORD):
            raise DefinitionError(f"{what} is *{name}", hint="Name every parameter.", place=place)
        if name not in found:
            raise DefinitionError(
                f"{what} has no type", hint=f"Write {name}: int, for example.", place=place
            )
        if not _plain(found[name]):
            raise DefinitionError(
                f"{what} is {hints.says(found[name])}",
                hint="A run is given int, float, str, bool, a Literal, or a list of these; larger "
                "things are made by a stage.",
                place=place,
            )
        parameter = Parameter(
            name,
            found[name],
            REQUIRED if declared.default is inspect.Parameter.empty else declared.default,
        )
        if parameter.default is not REQUIRED:
            try:
                check(parameter, parameter.default)
            except ParameterError as error:
                raise DefinitionError(f"the default: {error.message}", place=place) from None
        parameters.append(parameter)
    return parameters


def check(parameter: Parameter, value: Any) -> Any:
    """Return ``value``; raises ``ParameterError`` when it does not fit."""
    if not hints.accepts(value, parameter.hint):
        raise _wrong(parameter, value)
    low_high = bounds(parameter)
    if low_high and not low_high.low <= value <= low_high.high:
        raise ParameterError(
            f"the parameter {parameter.name} is {value!r}; it must be from {low_high.low} to "
            f"{low_high.high}"
        )
    return value


def bounds(parameter: Parameter) -> Between | None:
    """Return the range that ``Annotated[…, Between(…)]`` gives a parameter."""
    if typing.get_origin(parameter.hint) is typing.Annotated:
        for extra in typing.get_args(parameter.hint)[1:]:
            if isinstance(extra, Between):
                return extra
    return None


def parse(parameter: Parameter, text: str) -> Any:
    """Return the value that ``text`` from a command line means for ``parameter``."""
    wanted = hints.bare(parameter.hint)
    value: Any = text
    if wanted is not str:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return check(parameter, value)


def resolve(parameters: list[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every parameter for one run: given, or the default.

    Values that are text are parsed by the parameter's type. Raises ``ParameterError`` for an
    unknown, missing or unfit one.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            raise ParameterError(
                f"the pipeline has no parameter {name!r}",
                hint=f"It has {', '.join(known) or 'none'}.",
            )
    values = {}
    for name, parameter in known.items():
        if name in given:
            value = given[name]
            values[name] = (
                parse(parameter, value) if isinstance(value, str) else check(parameter, value)
            )
        elif parameter.default is REQUIRED:
            raise ParameterError(
                f"the parameter {name} has no value and no default",
                hint=f"Give it with --param {name}=…",
            )
        else:
            values[name] = parameter.default
    return values


def _plain(hint: Any) -> bool:
    hint = hints.bare(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return all(isinstance(value, PLAIN) for value in arguments)
    if origin is list:
        return all(_plain(one) for one in arguments)
    return hint in PLAIN


def _wrong(parameter: Parameter, value: Any) -> ParameterError:
    return ParameterError(
        f"the parameter {parameter.name} is {hints.says(parameter.hint)}, and is given {value!r}"
    )
