"""An export as a commit: its files merged with a person's, on a branch, beside their work.

The person's index, working tree and stash are never touched; the branch moves last, so that an
export that stops half-way leaves nothing but unreachable objects, which git clears away.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ExportError
from .branches import Start
from .command import Git, GitFailed
from .merging import Conflict, MergeConflict, merge
from .place import Place
from .record import NAME, Record, text_of
from .trees import FILE, Entry, blob, content, exists, listing, tree

Files = Mapping[str, bytes]
Renew = Callable[[dict[str, bytes]], dict[str, bytes]]
_HOOK_GIT = (2, 36)  # git hook run


@dataclass
class Commit:
    """What became of an export. ``id`` is "" when there was nothing to commit."""

    id: str
    files: list[str]
    merged: bool = False
    notes: list[str] = field(default_factory=list)


def make(
    place: Place,
    start: Start,
    files: Files,
    message: Callable[[list[str]], str],
    *,
    derived: tuple[str, ...] = (),
    renew: Renew = lambda files: files,
    conflicts: str = "stop",
    data: tuple[str, ...] = (),
) -> Commit:
    """Store ``files`` (by path in the project) as a commit after ``start``; no branch moves yet.

    ``derived`` are files made of the others: they are not merged, but made anew by ``renew`` where
    a person's changes came in. ``message`` is told which files keep such. ``data`` may be
    left out where git ignores it. Raises ``MergeConflict``, and ``ExportError`` for what git
    refuses.
    """
    git, notes = place.git, []
    left_out = _left_out(place, data)
    if left_out:
        notes.append(
            f"git ignores {', '.join(sorted(left_out))}: not committed, and a clone of the "
            "repository has to get it in another way"
        )
    files = {name: text for name, text in files.items() if name not in left_out}
    _check_filters(place, list(files))
    new = {
        place.path(name): Entry(FILE, blob(git, text, place.path(name)))
        for name, text in files.items()
    }
    before = listing(git, start.parent, place.prefix)
    record = last_export(place, before)
    outside = [one[1:] for one in {*files, *(record.files if record else ())} if one[:1] == "/"]
    everything = listing(git, start.parent, "") if outside else {}
    mine = {**before, **{path: everything[path] for path in outside if path in everything}}
    if record is None:
        _check_free(mine, new)
        result = {**mine, **new}
    else:
        result = _merged(place, record, mine, new, derived, conflicts)
        result = _renewed(place, result, new, files, derived, renew)
    edited: list[str] = []
    written = Record({name: new[place.path(name)].blob for name in files})
    for name, text in files.items():
        path = place.path(name)
        kept = text_of(text)
        if path not in result or result[path].blob != new[path].blob:
            edited.append(name)
            if kept is not None:
                written.kept[name] = kept
    result[place.path(NAME)] = Entry(FILE, blob(git, written.to_bytes()))
    changed: dict[str, Entry | None] = {path: None for path in mine if path not in result}
    changed |= {path: one for path, one in result.items() if mine.get(path) != one}
    ours = {path for path in new if path in result} | {path for path, one in changed.items() if one}
    names = sorted(_name(place, path) for path in ours)
    if not changed:
        return Commit("", names, record is not None, notes)
    top = tree(git, changed, start.parent)
    notes += _hooks(git)
    words = _commit_message_hook(git, message(sorted(set(edited) - set(derived))))
    commit = _commit(git, top, start.parent, words)
    return Commit(commit, names, record is not None, notes)


def _name(place: Place, path: str) -> str:
    inside = f"{place.prefix}/" if place.prefix else ""
    return path.removeprefix(inside) if path.startswith(inside) else f"/{path}"


def _left_out(place: Place, data: tuple[str, ...]) -> set[str]:
    ignored = place.ignored([place.path(name) for name in data])
    return {name for name in data if place.path(name) in ignored}


def _check_filters(place: Place, names: list[str]) -> None:
    """Refuse to store as they are files that the repository keeps in LFS."""
    given = "".join(f"{place.path(name)}\0" for name in names)
    words = ("check-attr", "-z", "--stdin", "filter")
    out = place.git.text(*words, given=given.encode(errors="surrogateescape")).split("\0")
    for path, _, value in zip(*[iter(out[:-1])] * 3, strict=True):
        known = value in ("unspecified", "unset", "set") or place.git.config(
            f"filter.{value}.clean"
        )
        if not (known or place.git.config(f"filter.{value}.process")):
            raise ExportError(
                f"{path} goes through the filter {value!r} here (.gitattributes), which is not "
                "set up",
                hint="git lfs install" if value == "lfs" else f"Set filter.{value}.clean.",
            )


def last_export(place: Place, before: Mapping[str, Entry]) -> Record | None:
    """Return what the last export into the folder wrote, None when there was none."""
    found = before.get(place.path(NAME))
    if found is None:
        return None
    try:
        return Record.from_bytes(content(place.git, found.blob))
    except ValueError as error:
        raise ExportError(
            f"{place.path(NAME)} cannot be read: {error}",
            hint="Restore it from the last export's commit, update datalab-pipelines, or export "
            "to a new folder.",
        ) from None


def _check_free(mine: Mapping[str, Entry], new: Mapping[str, Entry]) -> None:
    taken = [path for path, one in new.items() if path in mine and mine[path].blob != one.blob]
    if taken:
        more = f" and {len(taken) - 3} more" if len(taken) > 3 else ""
        raise ExportError(
            f"{', '.join(sorted(taken)[:3])}{more} is in git already, and no export wrote it",
            hint="Choose a new folder with --to, or another --name. "
            f"(If one did: restore {NAME} beside it.)",
        )


def _merged(
    place: Place,
    record: Record,
    mine: Mapping[str, Entry],
    new: Mapping[str, Entry],
    derived: tuple[str, ...],
    conflicts: str,
) -> dict[str, Entry]:
    """Return the person's files and the new ones as one."""
    own = {place.path(NAME), *(place.path(name) for name in derived)}
    base: dict[str, Entry] = {}
    lost: list[Conflict] = []
    for name, oid in record.files.items():
        path = place.path(name)
        if path in own:
            continue
        mode = mine[path].mode if path in mine else FILE
        here = {one.blob for one in (mine.get(path), new.get(path)) if one}
        if oid not in here and not _have(place.git, oid, record.kept.get(name), path):
            lost.append(
                Conflict(
                    path,
                    "what the last export wrote there is not in this repository "
                    "(git fetch --unshallow brings a clone's whole history)",
                )
            )
        else:
            base[path] = Entry(mode, oid)
    if lost:
        raise MergeConflict(lost)
    theirs = {
        path: Entry(mine[path].mode if path in mine else one.mode, one.blob)
        for path, one in new.items()
        if path not in own
    }
    ours = {path: one for path, one in mine.items() if path not in own}
    side = "" if conflicts == "stop" else conflicts
    result = merge(place.git, base, ours, theirs, side)
    return {**result, **{path: one for path, one in new.items() if path in own}}


def _have(git: Git, oid: str, kept: str | None, path: str) -> bool:
    if kept is not None and blob(git, kept.encode(), path) == oid:
        return True
    return exists(git, oid)


def _renewed(
    place: Place,
    result: dict[str, Entry],
    new: Mapping[str, Entry],
    files: Files,
    derived: tuple[str, ...],
    renew: Renew,
) -> dict[str, Entry]:
    """Return the files with those that are made of the others made anew, where these changed."""
    if all(path in result and result[path].blob == one.blob for path, one in new.items()):
        return result
    texts = {}
    for path, one in result.items():
        name = _name(place, path)
        if name[:1] != "/":
            same = name in files and new.get(path) == one
            texts[name] = files[name] if same else content(place.git, one.blob)
    for name, text in renew(texts).items():
        if name in derived:
            path = place.path(name)
            result[path] = Entry(FILE, blob(place.git, text, path))
    return result


def _hooks(git: Git) -> list[str]:
    folder = Path(git.text("rev-parse", "--git-path", "hooks"))
    hook = git.folder / folder / "pre-commit"
    if hook.is_file() and hook.stat().st_mode & 0o111:
        return [
            "the repository's pre-commit hook was not run: it checks a working tree, and the "
            "export was committed without touching yours"
        ]
    return []


def _commit_message_hook(git: Git, message: str) -> str:
    """Return the message as the repository's commit-msg hook leaves it."""
    if git.version() < _HOOK_GIT:
        return message
    with tempfile.NamedTemporaryFile("w+", prefix="COMMIT_EDITMSG-", encoding="utf-8") as file:
        file.write(message)
        file.flush()
        words = ("hook", "run", "--ignore-missing", "commit-msg", "--", file.name)
        status, _, said = git.attempt(*words)
        if status:
            raise ExportError(
                f"the repository's commit-msg hook refuses the message:\n{said.strip()}",
                hint="Give one that it accepts with --message.",
            )
        return Path(file.name).read_text(encoding="utf-8")


def _commit(git: Git, tree: str, parent: str, message: str) -> str:
    words = [
        "-c",
        "i18n.commitEncoding=UTF-8",
        "commit-tree",
        tree,
        *(["-p", parent] if parent else []),
    ]
    if git.config("commit.gpgSign", "bool") == "true":
        words.append("-S")
    try:
        return git.run(*words, given=message.encode()).decode().strip()
    except GitFailed as error:
        if "-S" not in words:
            raise
        raise ExportError(
            f"git cannot sign the commit:\n{error.said}",
            hint="Your settings ask for signed commits (commit.gpgSign). Unlock the key, for "
            "example with: echo | gpg --clearsign",
        ) from None
