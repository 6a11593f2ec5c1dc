"""What a person wrote on the command line about stages, checked."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ... import settings
from ..errors import ExportError


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Return ``OLD=NEW`` as a dictionary; raises ``ExportError`` for what is not such a pair."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise ExportError(f"{option} {text!r} is not NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


def computes(given: Sequence[str]) -> dict[str, str]:
    """Return stage → where it runs, as Python; raises ``ExportError`` for what cannot run one."""
    found = pairs("--compute", given)
    for stage, text in found.items():
        check_compute(stage, text)
    return found


def check_compute(stage: str, text: str) -> None:
    """Raise ``ExportError`` unless ``text`` is a call like ``Lambda(memory=512)``."""
    kinds = {
        name: kind
        for name, kind in vars(settings).items()
        if isinstance(kind, type)
        and issubclass(kind, settings.Compute)
        and kind is not settings.Compute
    }
    hint = f"Write one of {', '.join(f'{name}(…)' for name in sorted(kinds))}."
    try:
        call = ast.parse(text, mode="eval").body
    except SyntaxError:
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ExportError(f"--compute {stage}={text}: not where a stage can run", hint=hint)
    kind = kinds.get(call.func.id)
    if kind is None:
        raise ExportError(f"--compute {stage}: there is no {call.func.id}", hint=hint)
    try:
        values = [ast.literal_eval(one) for one in call.args]
        named = {one.arg or "**": ast.literal_eval(one.value) for one in call.keywords}
    except ValueError:
        return  # hours(2) and the like: the pipeline's own check will see
    try:
        kind(*values, **named)
    except (TypeError, ValueError) as error:
        raise ExportError(f"--compute {stage}={text}: {error}", hint=hint) from None
    except settings.DefinitionError as error:
        raise ExportError(f"--compute {stage}={text}: {error.message}", hint=error.hint) from None
