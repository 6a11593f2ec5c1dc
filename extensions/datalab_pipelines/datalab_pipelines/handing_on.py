"""Files that one stage of a notebook writes, and a later one reads: handed on as one artifact.

A stage that ``datalab-export`` wrote calls ``take_files`` when it begins and ``give_files`` when it
ends: what it wrote, changed or removed below its folder is there, or gone, in the next stage, too.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# At the top of a project: what runs the stages, and what they run with.
NOT_OURS = {".datalab", ".git", ".proof", ".venv"}
REMOVED = ".datalab/removed"  # the first member: files that are gone
PART = 2**20  # bytes that are compared at a time
State = tuple[int, int, int]
Files = Path  # the archive: an artifact as it is


@dataclass
class Taken:
    """What a stage found when it began: its project's files, and those that it was handed."""

    folder: Path
    own: dict[str, State]
    handed: set[str] = field(default_factory=set)


def take_files(files: Files | bytes | None = None) -> Taken:
    """Put the files that an earlier stage gave where it had written them."""
    taken = Taken(Path.cwd(), dict(_below(Path.cwd())))
    if files is None:
        return taken
    source = io.BytesIO(files) if isinstance(files, bytes) else files.open("rb")
    with source, tarfile.open(fileobj=source) as archive:
        for one in archive:
            if one.name == REMOVED:
                for name in json.load(archive.extractfile(one) or io.BytesIO(b"[]")):
                    _remove(taken.folder / name)
                continue
            taken.handed.add(one.name)
            target = taken.folder / one.name
            if _is_there(target, one, archive):
                continue  # on one machine stages share the folder, and others may be reading it
            if target.is_symlink() or not (target.is_dir() and one.isdir()):
                _remove(target)
            archive.extract(one, taken.folder, filter=_as_new)
    return taken


def give_files(taken: Taken) -> Files:
    """Return an archive of what is not as ``taken`` found it, for the next stage."""
    now = dict(_below(taken.folder))
    changed = [name for name in now if now[name] != taken.own.get(name) or name in taken.handed]
    removed = sorted(set(taken.own) - set(now))
    folder = Path(tempfile.mkdtemp(prefix="datalab-files-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "files.tar"
    said = json.dumps(removed).encode()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        first = tarfile.TarInfo(REMOVED)
        first.size = len(said)
        archive.addfile(first, io.BytesIO(said))
        for name in sorted(changed):
            archive.add(taken.folder / name, name, recursive=False, filter=_the_same_each_time)
    return path


def _below(folder: Path) -> Iterator[tuple[str, State]]:
    """Yield every file, folder and link below ``folder`` with what tells whether it changed."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            for one in entries:
                name = f"{inside}/{one.name}" if inside else one.name
                if name in NOT_OURS or one.name == "__pycache__":
                    continue
                found = one.stat(follow_symlinks=False)
                kind = stat.S_IFMT(found.st_mode)
                if one.is_dir(follow_symlinks=False):
                    waiting.append(name)
                    yield name, (kind, 0, 0)
                elif stat.S_ISREG(kind) or stat.S_ISLNK(kind):
                    yield name, (found.st_mode, found.st_size, found.st_mtime_ns)


def _is_there(target: Path, one: tarfile.TarInfo, archive: tarfile.TarFile) -> bool:
    """Say whether a file is as a member of an archive would be."""
    if target.is_symlink() or not target.is_file():
        return False
    found, content = target.stat(), archive.extractfile(one) if one.isfile() else None
    if content is None or (found.st_size, found.st_mode & 0o111) != (one.size, one.mode & 0o111):
        return False
    with content, target.open("rb") as here:
        return all(content.read(len(part)) == part for part in iter(lambda: here.read(PART), b""))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _the_same_each_time(one: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return a member without owner and time, so that equal files are an equal artifact."""
    one.uid = one.gid = one.mtime = 0
    one.uname = one.gname = ""
    return one


def _as_new(one: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Return a member to be written now, and not outside of ``folder``."""
    found = tarfile.data_filter(one, folder)
    return found.replace(mtime=None) if found else None  # type: ignore[arg-type]
