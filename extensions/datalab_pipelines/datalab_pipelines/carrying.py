"""How variables of a notebook that belong together go from stage to stage: as one artifact.

``Together`` holds variables that share objects, so that two names for one object are that still.
Where the analysis is not sure of a notebook, its stages keep *all* variables as globals of their
module, and ``kept`` hands on those that later stages need. Both refuse what would come back as
something else.
"""

from __future__ import annotations

import io
import pickle
import sys
import types
from collections.abc import Iterator
from typing import Any

from .errors import ArtifactError
from .kinds import module_of

Variables = dict[str, Any]


class Together:
    """Variables that share objects: one artifact, so that they share them in the next stage too.

    Subclasses name the variables and their types. One that was not bound is left out. Raises
    ``ArtifactError`` when it is stored and would come back as something else (see ``check``).
    """

    def __init__(self, **variables: Any) -> None:
        names = set(self.__class__.__annotations__)
        if unknown := set(variables) - names:
            raise TypeError(f"{type(self).__name__} holds {sorted(names)}, not {sorted(unknown)}")
        vars(self).update(variables)

    def __reduce__(self) -> tuple[Any, ...]:
        owners = _looked_at(vars(self), "").owners()
        if owners:
            return (_restored_views, (type(self), _with_views(vars(self), owners)))
        return (_restored, (type(self), dict(vars(self))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(vars(self))})"


def _restored_views(kind: type[Together], stored: bytes) -> Together:
    return kind(**pickle.loads(stored))


def _restored(kind: type[Together], variables: Variables) -> Together:
    return kind(**variables)


def bound(variables: Variables, *names: str) -> Variables:
    """Return those of ``names`` that are bound in ``variables`` (a stage's ``locals()``)."""
    return {name: variables[name] for name in names if name in variables}


def kept(stage: str, variables: Variables, *names: str) -> Variables:
    """Return the variables ``names`` of those that are bound.

    Raises ``ArtifactError`` when one cannot be handed on as it is: a function or class of the
    stage's own module, arrays that share memory, and what cannot be stored at all.
    """
    kept = {name: variables[name] for name in names if name in variables}
    check(kept, str(variables.get("__name__", "")))
    return kept


def check(variables: Variables, module: str) -> None:
    """Raise ``ArtifactError`` unless ``variables`` come back from a file as they are."""
    _looked_at(variables, module).check()


def _looked_at(variables: Variables, module: str) -> _Arrays:
    """Return the arrays in ``variables``; raises ``ArtifactError`` for what cannot be stored."""
    arrays = _Arrays()
    try:
        _pickler(arrays, module).dump(variables)
    except ArtifactError:
        raise
    except Exception as error:  # noqa: BLE001 - __reduce__ may raise anything
        bad = [name for name, value in variables.items() if not _storable(value, module)]
        raise ArtifactError(
            f"{', '.join(bad) or 'the variables'} cannot be handed to another stage: {error}",
            hint="Put the cells that need it into the same stage.",
        ) from None
    return arrays


def _storable(value: Any, module: str) -> bool:
    try:
        _pickler(_Arrays(), module).dump(value)
    except Exception:  # noqa: BLE001 - __reduce__ may raise anything
        return False
    return True


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(memoryview(data).cast("B"))


class _Arrays:
    """The arrays that were met, to find those that share memory with another."""

    def __init__(self) -> None:
        self.found: dict[int, Any] = {}

    def add(self, array: Any) -> None:
        self.found[id(array)] = array

    def check(self) -> None:
        """Raise ``ArtifactError`` when two arrays share memory."""
        for one, other in self._sharing():
            raise _shares_memory(one, other)

    def owners(self) -> dict[int, Any]:
        """Return the arrays that own memory which several share, by identity.

        Raises ``ArtifactError`` for memory that is no array's.
        """
        import numpy

        found = {}
        for one, other in self._sharing():
            owner = _owner(one)
            ours = type(owner) is numpy.ndarray and owner is _owner(other)
            alike = not owner.dtype.hasobject or owner.dtype == one.dtype == other.dtype
            in_a_row = owner.flags.c_contiguous or owner.flags.f_contiguous
            if not (ours and alike and in_a_row):
                raise _shares_memory(one, other)
            found[id(owner)] = owner
        return found

    def _sharing(self) -> Iterator[tuple[Any, Any]]:
        """Return every two arrays that share memory which one of them may change."""
        reaching: list[tuple[int, Any]] = []  # where arrays end that begin before this one
        for begin, end, one in sorted(map(_bounds, self.found.values()), key=lambda each: each[:2]):
            reaching = [(until, other) for until, other in reaching if until > begin]
            for _, other in reaching:
                if (one.flags.writeable or other.flags.writeable) and _overlap(one, other):
                    yield other, one
            reaching.append((end, one))


def _bounds(array: Any) -> tuple[int, int, Any]:
    """Return the addresses where an array's memory begins and ends, and the array."""
    at = array.__array_interface__["data"][0]
    if not array.size:
        return at, at, array
    steps = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    below, above = (sum(one for one in steps if (one > 0) is up) for up in (False, True))
    return at + below, at + above + array.itemsize, array


def _shares_memory(one: Any, other: Any) -> ArtifactError:
    return ArtifactError(
        f"two arrays of shape {one.shape} and {other.shape} share memory, and "
        "would not any more in another stage",
        hint="Put the cells that need them into one stage, or copy one of them.",
    )


def _owner(array: Any) -> Any:
    """Return the array that others look into; what comes from a file looks into bytes itself."""
    while hasattr(array.base, "flags"):
        array = array.base
    return array


def _with_views(variables: Variables, owners: dict[int, Any]) -> bytes:
    """Return ``variables`` stored, arrays that look into one of ``owners`` as just that."""
    import cloudpickle

    from .belonging import local_to_a_stage

    class Pickler(cloudpickle.CloudPickler):
        def reducer_override(self, value: Any) -> Any:
            kind = type(value)
            if isinstance(value, types.FunctionType | type) and (what := local_to_a_stage(value)):
                raise ArtifactError(f"they hold {what}, so another stage cannot take them")
            if module_of(kind) == "numpy" and kind.__name__ == "ndarray":
                owner = _owner(value)
                if id(owner) in owners and value is not owner:
                    at = value.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
                    looks = (value.dtype, value.shape, value.strides, value.flags.writeable)
                    return (_view, (owner, at, *looks))
            return super().reducer_override(value)

    stored = io.BytesIO()
    Pickler(stored, protocol=4).dump(variables)  # from 5 on, arrays that come back own nothing
    return stored.getvalue()


def _view(
    owner: Any, at: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], write: bool
) -> Any:
    import numpy

    memory = owner if owner.flags.c_contiguous else owner.T
    if dtype.hasobject:  # no memory that others may write into, NumPy says
        begin = memory.reshape(-1)[at // dtype.itemsize :]
        array: Any = numpy.lib.stride_tricks.as_strided(begin, shape, strides)
    else:
        array = numpy.ndarray(shape, dtype, memory, at, strides)
    if not write:
        array.flags.writeable = False
    return array


def _overlap(one: Any, other: Any) -> bool:
    import numpy

    return bool(numpy.may_share_memory(one, other))


def _pickler(arrays: _Arrays, module: str) -> Any:
    import cloudpickle

    class Pickler(cloudpickle.CloudPickler):
        def reducer_override(self, value: Any) -> Any:
            kind = type(value)
            if isinstance(value, io.TextIOWrapper | io.FileIO | io.BufferedReader):
                raise TypeError(f"the file {value.name} is open")
            if kind is types.FunctionType:
                _check_function(value, module)
            elif isinstance(value, type) and module and value.__module__ == module:
                raise TypeError(f"it holds the class {value.__qualname__} of this stage")
            elif module_of(kind) == "numpy" and kind.__name__ == "ndarray":
                arrays.add(value)
            elif module_of(kind).split(".")[0] == "pandas" and _never_changed(kind.__name__):
                return (str, ())
            return super().reducer_override(value)

    return Pickler(io.BufferedWriter(_Nowhere()), protocol=5)


def _never_changed(name: str) -> bool:
    """Say whether nobody sees what such objects of pandas share: an index never changes."""
    return name.endswith("Index") or (name in ("DataFrame", "Series") and _copies_on_write())


def _copies_on_write() -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and int(pandas.__version__.split(".")[0]) >= 3


def _check_function(function: Any, module: str) -> None:
    """Refuse functions whose globals would be copies: later changes would pass them by."""
    if not module or function.__module__ != module:
        return
    if "<locals>" not in function.__qualname__:
        raise TypeError(f"it holds the function {function.__qualname__} of this stage")
    shared = vars(sys.modules["shared"]) if "shared" in sys.modules else {}
    for name in _names(function.__code__):
        if name in function.__globals__:
            value = function.__globals__[name]
            if not isinstance(value, types.ModuleType) and shared.get(name, _nothing) is not value:
                raise TypeError(
                    f"it holds the function {function.__qualname__}, which reads {name}"
                )


_nothing = object()


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
