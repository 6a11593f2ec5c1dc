"""What belongs to the stage that defines it, and cannot be handed to another one."""

from __future__ import annotations

import sys
import types
from typing import Any

from .stages import Stage

CODE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)


def local_to_a_stage(value: types.FunctionType | type) -> str:
    """Say why a function or class means something in the stage alone that defines it; "" if not.

    Elsewhere a class would be another one than that of the same name, and a function would see
    copies of the stage's variables.
    """
    outer, _, name = value.__qualname__.partition(".<locals>.")
    found = vars(sys.modules.get(value.__module__, types)).get(outer)
    if not name or not isinstance(found, Stage):
        return ""
    if isinstance(value, type):
        return "" if "." in name else f"the class {name} of the stage {outer}"
    cells = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=False))
    for seen in found.function.__code__.co_cellvars:
        if seen in cells and not isinstance(_content(cells[seen]), CODE):
            return f"the function {name} of the stage {outer}, which sees its variable {seen}"
    return ""


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None
