"""Trees and commits out of git's object store, with an index of our own beside the person's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .command import Git

FILE, PROGRAM, LINK, MODULE = "100644", "100755", "120000", "160000"


@dataclass(frozen=True)
class Entry:
    """A file in a tree."""

    mode: str
    blob: str


Entries = Mapping[str, Entry]


def listing(git: Git, commit: str, folder: str) -> dict[str, Entry]:
    """Return every file of ``commit`` under ``folder`` ("" is all), by path from the top."""
    if not commit:
        return {}
    words = ["ls-tree", "-r", "-z", "--full-tree", commit]
    if folder:
        words += ["--", f"{folder}/"]
    found = {}
    for line in git.text(*words).split("\0"):
        if line:
            about, _, path = line.partition("\t")
            mode, _, blob = about.split(" ")
            found[path] = Entry(mode, blob)
    return found


def blob(git: Git, content: bytes, path: str = "") -> str:
    """Store ``content``; return its id. With ``path`` filters of that path (LFS, ends) apply."""
    how = f"--path={path}" if path else "--no-filters"
    return git.run("hash-object", "-w", "--stdin", how, given=content).decode().strip()


def content(git: Git, blob: str) -> bytes:
    """Return what is stored as ``blob``."""
    return git.run("cat-file", "blob", blob)


def exists(git: Git, blob: str) -> bool:
    """Say whether ``blob`` is in the object store."""
    return git.attempt("cat-file", "-e", blob)[0] == 0


@contextmanager
def own_index(git: Git, start: str = "") -> Iterator[Git]:
    """Yield git with an index of its own, holding the commit or tree ``start``."""
    with tempfile.TemporaryDirectory(prefix="datalab-index-") as folder:
        mine = git.within(GIT_INDEX_FILE=str(Path(folder, "index")))
        mine.run("read-tree", *([start] if start else ["--empty"]))
        yield mine


def tree(git: Git, changed: Mapping[str, Entry | None], start: str = "") -> str:
    """Return the tree ``start`` with files changed (None takes one away)."""
    with own_index(git, start) as mine:
        gone = "".join(f"{path}\0" for path, one in changed.items() if one is None)
        kept = "".join(f"{one.mode} {one.blob}\t{path}\0" for path, one in changed.items() if one)
        for words, lines in (("--force-remove -z --stdin", gone), ("-z --index-info", kept)):
            given = lines.encode(errors="surrogateescape")
            mine.run("update-index", *words.split(), given=given)
        return mine.run("write-tree").decode().strip()


def scratch_commit(git: Git, tree: str, *parents: str) -> str:
    """Return a commit of nobody's, which no branch will hold: for merges of trees."""
    who = {"NAME": "datalab-export", "EMAIL": "datalab-export@localhost", "DATE": "@0 +0000"}
    names = {f"GIT_{role}_{key}": v for role in ("AUTHOR", "COMMITTER") for key, v in who.items()}
    above = [word for parent in parents for word in ("-p", parent)]
    return git.within(**names).run("commit-tree", tree, *above, given=b"scratch").decode().strip()
