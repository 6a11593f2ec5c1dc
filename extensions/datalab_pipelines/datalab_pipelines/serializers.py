"""Values on disk: the simplest format that gives back exactly what was saved.

``save`` tries plain formats first and proves each by reading it back: JSON for plain values,
``.npy`` for arrays, Parquet for data frames; what does not survive the round trip is pickled
(protocol 5, cloudpickle last). A folder holds the data and a ``manifest.json``; a pickle's
manifest names the libraries that it needs, with versions, and is not read with others.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import pickle
import pickletools
import platform
import shutil
import sys
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, Any

from .errors import ArtifactError
from .generators import keep_global

MANIFEST = "manifest.json"
SCHEMA = 1
OTHER_VERSIONS = "DATALAB_ALLOW_OTHER_VERSIONS"

Manifest = dict[str, Any]


def save(value: Any, folder: Path, hint: Any = None) -> Manifest:
    """Write ``value`` into the empty ``folder``; return its manifest.

    ``hint`` is the declared type: ``Path`` stores the file or folder that ``value`` names.
    Raises ``ArtifactError`` for a value that cannot be stored (an open connection, a generator).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if hint is Path and isinstance(value, Path):
        written: str | None = _save_path(value, folder)
    else:
        written = next(
            (name for name, writer in _WRITERS.items() if writer(value, folder)),
            None,
        )
    kind, local = (written, []) if written else _save_pickle(value, folder)
    manifest: Manifest = {
        "schema": SCHEMA,
        "format": kind,
        "type": f"{type(value).__module__}.{type(value).__qualname__}",
    }
    if local:
        manifest["local"] = local
    if kind in ("pickle", "cloudpickle"):
        manifest["libraries"] = _libraries(folder / "value.pickle")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest["bytes"] = sum(path.stat().st_size for path in files)
    manifest["sha256"] = _digest(kind, manifest["type"], folder, files)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
    return manifest


def load(folder: Path, *, elsewhere: bool = False) -> Any:
    """Return the value in ``folder``; ``elsewhere``: in another stage than the one that made it.

    Raises ``ArtifactError`` when it is not one, or needs other versions of its libraries, or holds
    what it can only be in the stage that made it.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{folder} holds no artifact: {error}") from None
    if manifest["schema"] != SCHEMA:
        raise ArtifactError(
            f"{folder} was written by another release (schema {manifest['schema']})",
            hint="Run the stage that made it again.",
        )
    if elsewhere and manifest.get("local"):
        raise ArtifactError(
            f"a {manifest['type']} holds {manifest['local'][0]}, so another stage cannot take it",
            hint="Define it at the top of a module, or do both in one stage.",
        )
    if os.environ.get(OTHER_VERSIONS) != "1":
        _check_libraries(manifest)
    return _READERS[manifest["format"]](folder)


def plain(value: Any) -> bool:
    """Say whether JSON gives back ``value`` exactly, types and identities included."""
    return _plain(value, set())


def _plain(value: Any, seen: set[int]) -> bool:
    kind = type(value)
    if value is None or kind in (bool, str):
        return kind is not str or _encodable(value)
    if kind is int:
        return abs(value) < 2**63
    if kind is float:
        return value == value and abs(value) != float("inf")
    if kind not in (list, dict) or id(value) in seen:
        return False  # a list that occurs twice would come back as two lists
    seen.add(id(value))
    if kind is dict:
        return all(type(key) is str and _plain(one, seen) for key, one in value.items())
    return all(_plain(one, seen) for one in value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _save_json(value: Any, folder: Path) -> bool:
    from .stages import Metric

    if type(value) is Metric:
        value = float(value)
    if not plain(value):
        return False
    (folder / "value.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return True


def _save_array(value: Any, folder: Path) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray or value.dtype.hasobject:
        return False
    if value.dtype.kind == "V":
        return False
    numpy.save(folder / "value.npy", value, allow_pickle=False)
    back = numpy.load(folder / "value.npy", mmap_mode="r", allow_pickle=False)
    if back.dtype == value.dtype and back.flags.f_contiguous == value.flags.f_contiguous:
        return True
    (folder / "value.npy").unlink()
    return False


def _save_frame(value: Any, folder: Path) -> bool:
    pandas = sys.modules.get("pandas")
    if pandas is None or type(value) is not pandas.DataFrame or value.attrs:
        return False
    path = folder / "value.parquet"
    try:
        value.to_parquet(path)
        back = pandas.read_parquet(path)
        same = _same_frame(pandas, value, back)
    except Exception:  # noqa: BLE001 - any refusal means: this frame is not for Parquet
        same = False
    if not same:
        path.unlink(missing_ok=True)
    return same


def _same_frame(pandas: Any, one: Any, other: Any) -> bool:
    try:
        pandas.testing.assert_frame_equal(
            one, other, check_exact=True, check_freq=True, check_flags=True
        )
    except AssertionError:
        return False
    if list(map(type, one.columns)) != list(map(type, other.columns)):
        return False
    if type(one.index) is not type(other.index) or type(one.columns) is not type(other.columns):
        return False
    for position in range(one.shape[1]):
        left, right = one.iloc[:, position], other.iloc[:, position]
        if left.dtype == object and list(map(type, left)) != list(map(type, right)):
            return False
        if left.dtype == object and not all(
            value is None or type(value) in (str, bytes, bool, int, float) for value in left
        ):
            return False  # lists come back as arrays
    return True


def _save_path(value: Path, folder: Path) -> str:
    if not value.exists():
        raise ArtifactError(
            f"the stage returned the path {value}, and nothing is there",
            hint="Write the file before returning its path.",
        )
    target = folder / "file" / (value.name or "folder")
    target.parent.mkdir()
    if value.is_dir():
        shutil.copytree(value, target)
    else:
        shutil.copy2(value, target)
    return "file"


def _save_pickle(value: Any, folder: Path) -> tuple[str, list[str]]:
    """Write a pickle; return its format, and what in it belongs to the stage that runs."""
    path = folder / "value.pickle"
    keep_global()
    try:
        with path.open("wb") as file:
            pickle.dump(value, file, protocol=5)
        if not _made_in_main(path):
            return "pickle", []
        reason: Exception | None = None
    except Exception as error:  # noqa: BLE001 - __reduce__ may raise anything
        reason = error
    try:
        with path.open("wb") as file:
            local = _by_value(value, file)
    except Exception as error:  # noqa: BLE001 - as above
        path.unlink(missing_ok=True)
        raise ArtifactError(
            f"a {type(value).__module__}.{type(value).__qualname__} cannot be stored: "
            f"{reason or error}",
            hint="Return what it was made from (a path, a query, parameters), and make it again "
            "in the stage that needs it.",
        ) from None
    return "cloudpickle", sorted(local)


def _by_value(value: Any, file: IO[bytes]) -> set[str]:
    """Pickle functions and classes as what they do; return those that other stages cannot take."""
    import cloudpickle

    from .belonging import local_to_a_stage

    local: set[str] = set()

    class Pickler(cloudpickle.CloudPickler):
        def reducer_override(self, obj: Any) -> Any:
            # cloudpickle stores an open text file as its text, which is not what was meant.
            if isinstance(obj, io.TextIOWrapper | io.FileIO | io.BufferedReader):
                raise TypeError(f"the file {obj.name} is open")
            if isinstance(obj, types.FunctionType | type) and (what := local_to_a_stage(obj)):
                local.add(what)
            return super().reducer_override(obj)

    Pickler(file, protocol=5).dump(value)
    return local


def _made_in_main(path: Path) -> bool:
    """Say whether a pickle refers to ``__main__``, which is another module when it is read."""
    return "__main__" in _modules(path)


def _modules(path: Path) -> set[str]:
    """Return the modules that a pickle imports."""
    found, strings = set(), ["", ""]
    with path.open("rb") as file:
        memo: dict[int, str] = {}
        last = ""
        argument: Any
        for opcode, argument, _ in pickletools.genops(file):
            name = opcode.name
            if name in ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"):
                last = argument
                strings.append(argument)
            elif name == "MEMOIZE":
                memo[len(memo)] = last
            elif name in ("BINGET", "LONG_BINGET"):
                strings.append(memo.get(argument, ""))
            elif name == "STACK_GLOBAL":
                found.add(strings[-2])
            elif name == "GLOBAL":
                found.add(argument.split(" ", 1)[0])
            if name not in ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "MEMOIZE"):
                last = ""
    return found


def _libraries(path: Path) -> dict[str, str]:
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for module in _modules(path):
        for distribution in _distributions().get(module.split(".", 1)[0], []):
            found[distribution] = importlib.metadata.version(distribution)
    return found


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(them) for name, them in importlib.metadata.packages_distributions().items()}


def _check_libraries(manifest: Manifest) -> None:
    for library, written in manifest.get("libraries", {}).items():
        if library == "python":
            here = ".".join(platform.python_version_tuple()[:2])
        else:
            try:
                here = importlib.metadata.version(library)
            except importlib.metadata.PackageNotFoundError:
                here = "not installed"
        if here != written:
            raise ArtifactError(
                f"a {manifest['type']} was saved with {library} {written}, and here it is {here}",
                hint=f"Install {library} {written}, run the stage again, or set "
                f"{OTHER_VERSIONS}=1 to read it all the same.",
            )


def _digest(kind: str, type_name: str, folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256(f"{SCHEMA} {kind} {type_name}\n".encode())
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _load_json(folder: Path) -> Any:
    return json.loads((folder / "value.json").read_text(encoding="utf-8"))


def _load_array(folder: Path) -> Any:
    import numpy

    return numpy.load(folder / "value.npy", allow_pickle=False)


def _load_frame(folder: Path) -> Any:
    import pandas

    return pandas.read_parquet(folder / "value.parquet")


def _load_pickle(folder: Path) -> Any:
    with (folder / "value.pickle").open("rb") as file:
        return pickle.load(file)


def _load_path(folder: Path) -> Path:
    return next((folder / "file").iterdir())


_WRITERS: dict[str, Callable[[Any, Path], bool]] = {
    "json": _save_json,
    "npy": _save_array,
    "parquet": _save_frame,
}
_READERS: dict[str, Callable[[Path], Any]] = {
    "json": _load_json,
    "npy": _load_array,
    "parquet": _load_frame,
    "file": _load_path,
    "pickle": _load_pickle,
    "cloudpickle": _load_pickle,
}
