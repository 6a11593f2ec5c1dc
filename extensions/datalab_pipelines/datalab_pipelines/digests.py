"""Digests of variables that are equal when the values are: for comparing two processes.

Order of dictionaries and types count; memory addresses, and in which module a function or class was
defined, do not. Which parts are one object shows only when one is changed, in what comes after.
"""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import io
import pickle
import re
import sys
import types
from collections.abc import Callable
from typing import Any

from .kinds import module_of

HISTORY = r"_+|_i*\d*|_[dio]h"  # what IPython remembers: _, __, _12, _i3, _oh
OF_PYTHON = re.compile(rf"__\w+__|{HISTORY}|_exit_code")  # kept without anybody's asking
SKIPPED = {"In", "Out", "exit", "quit", "open", "get_ipython"}
LARGEST = 3_000_000
PLAIN = (type(None), bool, int, float, complex, str, bytes)
SAME = {"LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FAST", "LOAD_NAME"}
AS_IF_ABSENT = {
    *("COPY_FREE_VARS", "MAKE_CELL", "PUSH_NULL", "PRECALL", "RESUME", "NOP", "CACHE"),
    "EXTENDED_ARG",  # before an argument above 255: how far a jump goes depends on where names live
}
STORED = {"STORE_GLOBAL", "STORE_DEREF", "STORE_FAST", "STORE_NAME"}


class NotComparable(TypeError):
    """A value that no digest can stand for; the message says what it is."""


def digests(variables: dict[str, Any]) -> dict[str, str]:
    """Return the digest of every variable; ``?`` and why for one that cannot be compared."""
    found = {}
    for name, value in list(variables.items()):
        if not _skipped(name, value):
            try:
                found[name] = digest(value)
            except NotComparable as error:
                found[name] = f"? {error}"
            except Exception as error:  # noqa: BLE001 - __reduce__ may raise anything
                found[name] = f"? {type(error).__name__}: {error}"[:200]
    return found


def _skipped(name: str, value: object) -> bool:
    """Say whether a variable is none of the notebook's, or a module."""
    own = name not in SKIPPED and not OF_PYTHON.fullmatch(name)
    return not own or isinstance(value, types.ModuleType)


def digest(value: Any) -> str:
    """Return the digest of one value. Raises for what cannot be taken apart."""
    walk = _Walk()
    walk.add(value)
    return walk.hash.hexdigest()


def digests_from_files(variables: dict[str, Any]) -> dict[str, str]:
    """Return digests of what objects are after they were stored and loaded, where that differs.

    Some libraries' objects come back from a file equal, but not the same in every attribute.
    """
    found = {}
    for name, value in list(variables.items()):
        if _skipped(name, value):
            continue
        walk = _Walk()
        try:
            walk.add(value)
            if walk.objects:
                again = digest(_from_a_file(value))
                if again != walk.hash.hexdigest():
                    found[name] = again
        except Exception:  # noqa: BLE001 - then it is not in a file either
            continue
    return found


def _from_a_file(value: Any) -> Any:
    """Return ``value`` as a file gives it back; classes stay the ones that they are.

    cloudpickle would make those of the notebook anew: it sets the methods that it has read in the
    class that is there (``_class_setstate``), and they see variables as they were.
    """
    import cloudpickle

    classes: dict[int, type] = {}

    class Pickler(cloudpickle.CloudPickler):
        def persistent_id(self, one: Any) -> int | None:
            if not isinstance(one, type) or not _of_notebook(one.__module__):
                return None
            classes[id(one)] = one
            return id(one)

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, number: Any) -> Any:
            return classes[number]

    stored = io.BytesIO()
    Pickler(stored).dump(value)
    return Unpickler(io.BytesIO(stored.getvalue())).load()


def _of_notebook(module: str | None) -> bool:
    return module in (None, "__main__", "shared") or str(module).startswith("stages.")


def _instructions(code: types.CodeType) -> list[Any]:
    """Return what a function does, the same wherever its variables live."""
    found: list[Any] = []
    closes = False
    for one in dis.get_instructions(code):
        before, closes = closes, one.opname == "LOAD_CLOSURE"
        if one.opname in AS_IF_ABSENT or closes or (before and one.opname == "BUILD_TUPLE"):
            continue
        name = "LOAD" if one.opname in SAME else one.opname
        name = "STORE" if one.opname in STORED else name
        name = "LOAD_ATTR" if name == "LOAD_METHOD" else name  # one or other, by the import's place
        value = one.argval
        if isinstance(value, types.CodeType):
            value = _instructions(value)
        elif "JUMP" in name or name in ("FOR_ITER", "SEND", "LOAD_FAST_AND_CLEAR"):
            value = None
        elif isinstance(value, str) and name == "LOAD_CONST" and "<locals>" in value:
            value = None  # a qualified name
        elif isinstance(value, frozenset):
            value = sorted(map(repr, value))
        elif name == "MAKE_FUNCTION":
            value = (one.arg or 0) & 3  # defaults; whether it closes over something is no matter
        found.append((name, repr(value)))
    return found


@functools.lru_cache(maxsize=1000)
def _said(code: types.CodeType) -> bytes:
    """Return ``_instructions`` as text; the same functions are asked for after every stage."""
    return repr(tuple(_instructions(code))).encode(errors="surrogatepass")


def _global_random() -> Any:
    numpy = sys.modules.get("numpy")
    return numpy.random.mtrand._rand if numpy else None


def _one_nan(value: Any) -> Any:
    """Return an array whose NaNs are all the same one.

    0 / 0 sets a sign bit that a table does not bring back from its file, and that nobody sees.
    """
    if value.dtype.kind not in "fc":
        return value
    import numpy

    parts = numpy.array(value, order="C")
    real = parts.reshape(-1).view(parts.real.dtype)
    real[real != real] = numpy.nan
    return parts


class _Walk:
    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.done: dict[int, str] = {}
        self.open: list[int] = []
        self.kept: list[Any] = []
        self.steps = 0
        self.objects = 0  # of classes that nothing is known of here

    def say(self, *parts: object) -> None:
        self.hash.update(repr(parts).encode(errors="surrogatepass"))

    def add(self, value: Any, depth: int = 0) -> None:
        self.steps += 1
        if self.steps > LARGEST or depth > 200:
            raise NotComparable("it is too large to be compared")
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes):
            return self.say(kind.__name__, value)
        if isinstance(value, types.ModuleType):
            return self.say("module", value.__name__)
        if isinstance(value, types.FunctionType):
            return self._function(value, depth)
        if isinstance(value, types.BuiltinFunctionType | type):
            return self._named(value, depth)
        if isinstance(value, types.GeneratorType):
            raise NotComparable("it is a generator")
        if module_of(kind) == "numpy" and hasattr(value, "dtype") and not hasattr(value, "__len__"):
            return self.say("scalar", value.dtype.str, value.item())
        if kind in (tuple, frozenset, set, list, dict) or hasattr(value, "__dict__"):
            return self._once(value, depth, self._inside)
        self._inside(value, depth)

    def _once(self, value: Any, depth: int, add: Callable[[Any, int], None]) -> None:
        """Add the digest of ``value`` alone, which ``add`` makes the first time."""
        if id(value) in self.open:
            return self.say("itself", len(self.open) - self.open.index(id(value)))
        if id(value) not in self.done:
            self.kept.append(value)  # so that no other object gets its identity
            outer, self.hash = self.hash, hashlib.sha256()
            self.open.append(id(value))
            add(value, depth)
            self.open.pop()
            self.done[id(value)] = self.hash.hexdigest()
            self.hash = outer
        self.say(self.done[id(value)])

    def _inside(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind in (list, tuple):
            self.say(kind.__name__, len(value))
            if all(type(one) in PLAIN for one in value):
                self.hash.update(repr(value).encode(errors="surrogatepass"))
                return
            for one in value:
                self.add(one, depth + 1)
        elif kind is dict:
            self.say("dict", len(value))
            for key, one in value.items():
                self.add(key, depth + 1)
                self.add(one, depth + 1)
        elif kind in (set, frozenset):
            self.say(kind.__name__, sorted(digest(one) for one in value))
        elif module_of(kind) == "numpy" and kind.__name__ == "ndarray":
            self._array(value, depth)
        elif module_of(kind).split(".")[0] == "pandas" and kind.__name__ in ("DataFrame", "Series"):
            self._pandas(value, depth)
        elif module_of(kind).split(".")[0] == "pandas" and hasattr(value, "to_flat_index"):
            self._index(value, depth)
        elif module_of(kind).startswith("matplotlib"):
            raise NotComparable("it is a drawing")
        else:
            self._object(value, depth)

    def _array(self, value: Any, depth: int) -> None:
        if value.dtype.hasobject:
            self.say("array", value.shape)
            return self.add(value.tolist(), depth + 1)
        self.say("array", value.dtype.str, value.shape)
        self.hash.update(_one_nan(value).tobytes())

    def _pandas(self, value: Any, depth: int) -> None:
        self.say(type(value).__name__, value.shape)
        columns = (
            [value.iloc[:, at] for at in range(value.shape[1])] if value.ndim == 2 else [value]
        )
        self.add(list(value.columns) if value.ndim == 2 else value.name, depth + 1)
        self._index(value.index, depth)
        for column in columns:
            self.say(str(column.dtype))
            if hasattr(column, "cat"):
                self.say("categories", column.cat.ordered)
                self.add(column.cat.categories.tolist(), depth + 1)
            self._values(column, depth)

    def _values(self, value: Any, depth: int) -> None:
        import numpy

        plain = isinstance(value.dtype, numpy.dtype) and not value.dtype.hasobject
        self.add(value.to_numpy() if plain else value.tolist(), depth + 1)

    def _index(self, value: Any, depth: int) -> None:
        # Nothing of what an index keeps for speed, which grows when it is looked into.
        self.say(type(value).__name__, str(value.dtype), str(getattr(value, "freqstr", "")))
        self.add(list(value.names), depth + 1)
        self._values(value, depth)

    def _function(self, value: types.FunctionType, depth: int) -> None:
        """Add what a function does; of one that is a library's, only the name."""
        self.say("function", value.__name__)
        if _of_notebook(value.__module__):
            self._once(value, depth, self._code)

    def _code(self, value: types.FunctionType, depth: int) -> None:
        self.hash.update(_said(value.__code__))
        self.add(value.__defaults__, depth + 1)
        self.add(value.__kwdefaults__, depth + 1)

    def _named(self, value: Any, depth: int) -> None:
        self.say("named", value.__qualname__.split(".")[-1])
        if isinstance(value, type) and _of_notebook(value.__module__):
            self._once(value, depth, self._class)

    def _class(self, value: type, depth: int) -> None:
        self.say([one.__name__ for one in value.__mro__])
        for name, part in vars(value).items():
            if not (name.startswith("__") and name.endswith("__") and name != "__init__"):
                part = getattr(part, "__func__", getattr(part, "fget", part))
                self.say(name)
                if type(part) in (*PLAIN, list, dict, set, tuple, types.FunctionType):
                    self.add(part, depth + 1)

    def _object(self, value: Any, depth: int) -> None:
        if type(value).__name__ == "RandomState" and value is _global_random():
            return self.say("the global random state")  # which is compared by what is drawn
        if type(value).__name__ == "Bunch":  # sklearn's, which loses its attributes in a file
            self.say("Bunch")
            return self.add(dict(value), depth + 1)
        self.objects += 1
        reduce = copyreg.dispatch_table.get(type(value))  # NumPy's universal functions
        parts = reduce(value) if reduce else value.__reduce_ex__(4)
        if isinstance(parts, str):
            return self.say("named", parts.split(".")[-1])
        self.say(type(value).__name__)
        function, arguments, state, items, pairs = (*parts, None, None, None, None)[:5]
        self.add(function, depth + 1)
        self.add(arguments, depth + 1)
        self.add(state, depth + 1)
        self.add(None if items is None else list(items), depth + 1)
        self.add(None if pairs is None else list(pairs), depth + 1)
