"""A person's project and a new export become one: git's own three-way merge, with renames.

The base is what the last export wrote. What only one side changed is taken from it; where both
changed the same lines, nothing is written and the conflict is told, unless the person chose a side.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ExportError
from .command import Git, GitFailed
from .trees import Entry, blob, content, listing, scratch_commit, tree

OLDEST = (2, 38)  # git merge-tree --write-tree
SIDES = {"mine": "2", "generated": "3"}
# A notebook merged line by line may not be JSON any more; two of them are a conflict.
_ATTRIBUTES = "*.ipynb -merge\n"
_SETTLED = {f"CONFLICT ({kind})" for kind in ("contents", "modify/delete", "binary", "add/add")}
_MARK = re.compile(r"(<{7} |={7}$|>{7} )")


@dataclass
class Conflict:
    """A file on which a person and the new export do not agree.

    ``lines`` are ranges in the person's file, first and last, from 1.
    """

    path: str
    reason: str
    lines: list[tuple[int, int]] = field(default_factory=list)

    def __str__(self) -> str:
        where = ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in self.lines)
        return f"{self.path}{f', line {where}' if where else ''}: {self.reason}"


class MergeConflict(ExportError):
    """The new export and a person's changes cannot both be kept; nothing was written."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        self.conflicts = conflicts
        super().__init__(
            "the new export and your changes do not fit together:\n"
            + "\n".join(f"  {one}" for one in conflicts),
            hint="Export again with --conflicts mine or --conflicts generated to settle these "
            "lines one way; everything else is merged either way. Nothing was written.",
        )

    def to_json(self) -> dict[str, object]:
        """Return the parts, for a dialog."""
        found = [
            {"path": one.path, "reason": one.reason, "lines": [list(pair) for pair in one.lines]}
            for one in self.conflicts
        ]
        return {**super().to_json(), "conflicts": found}


def merge(
    git: Git,
    base: Mapping[str, Entry],
    mine: Mapping[str, Entry],
    new: Mapping[str, Entry],
    side: str = "",
) -> dict[str, Entry]:
    """Return the files of ``mine`` and ``new`` merged; ``side`` settles conflicts.

    Raises ``MergeConflict`` without a ``side``.
    """
    if git.version() < OLDEST:
        raise ExportError(
            "git is older than 2.38, and cannot merge an export with the last one",
            hint="Install a newer git, or export to a new folder.",
        )
    start = scratch_commit(git, tree(git, base))
    ends = [scratch_commit(git, tree(git, side), start) for side in (mine, new)]
    with tempfile.NamedTemporaryFile("w", prefix="datalab-attributes-") as attributes:
        attributes.write(_ATTRIBUTES)
        attributes.flush()
        settings = {
            "core.attributesFile": attributes.name,
            "merge.renames": "true",
            "merge.directoryRenames": "conflict",
            "merge.conflictStyle": "merge",
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        status, out, said = git.attempt(*words, "merge-tree", "--write-tree", "-z", *ends)
    if status not in (0, 1):
        raise GitFailed("merge-tree", status, said)
    merged_tree, stages, messages = _read(out.decode(errors="surrogateescape"))
    merged = listing(git, merged_tree, "")
    if status == 0:
        return merged
    kinds = {kind for _, kind, _ in messages if kind.startswith("CONFLICT")}
    if not side or not kinds <= _SETTLED:
        raise MergeConflict(_conflicts(git, merged, stages, messages))
    return _settled(git, merged, stages, side)


Stages = dict[str, dict[str, Entry]]


def _read(out: str) -> tuple[str, Stages, list[tuple[list[str], str, str]]]:
    """Return the tree, the sides of each conflicting path, and git's messages (``-z`` format)."""
    parts = out.split("\0")
    stages: Stages = {}
    at = 1
    while at < len(parts) and parts[at]:
        about, _, path = parts[at].partition("\t")
        mode, oid, stage = about.split(" ")
        stages.setdefault(path, {})[stage] = Entry(mode, oid)
        at += 1
    at += 1
    messages = []
    while at < len(parts) and parts[at].isdecimal():
        count = int(parts[at])
        paths = parts[at + 1 : at + 1 + count]
        kind, text = parts[at + 1 + count : at + 3 + count]
        messages.append((paths, kind, text.strip()))
        at += 3 + count
    return parts[0], stages, messages


def _conflicts(
    git: Git,
    merged: Mapping[str, Entry],
    stages: Stages,
    messages: list[tuple[list[str], str, str]],
) -> list[Conflict]:
    told = {path: text for paths, kind, text in messages if "CONFLICT" in kind for path in paths}
    found = []
    for path, sides in sorted(stages.items()):
        if "2" not in sides and "3" in sides and "1" in sides:
            found.append(Conflict(path, "you deleted or renamed it, and the new export changes it"))
        elif "3" not in sides and "2" in sides and "1" in sides:
            found.append(Conflict(path, "you changed it, and the new export has no such file"))
        elif "2" in sides and "3" in sides and path in merged:
            text = content(git, merged[path].blob)
            lines = [] if b"\0" in text else _lines(text, content(git, sides["2"].blob))
            both = "you and the new export changed the same lines"
            if path.endswith(".ipynb"):
                both = "you changed the copy of the notebook, and the notebook changed too"
            elif not lines:
                both = "you and the new export changed it"
            found.append(Conflict(path, both, lines))
        else:
            found.append(Conflict(path, told.get(path, "both sides changed it")))
    return found or [Conflict(", ".join(paths), text) for paths, _, text in messages]


def _lines(marked: bytes, mine: bytes) -> list[tuple[int, int]]:
    """Return which lines of ``mine`` are in conflict, from a merge with conflict marks."""
    kept: list[str] = []
    blocks: list[tuple[int, int]] = []
    side, start = "", 0
    for line in marked.decode(errors="replace").split("\n"):
        mark = _MARK.match(line)
        if mark and mark[1].startswith("<"):
            side, start = "mine", len(kept)
        elif mark and mark[1].startswith("=") and side:
            blocks.append((start, len(kept)))
            side = "generated"
        elif mark and mark[1].startswith(">") and side:
            side = ""
        elif side != "generated":
            kept.append(line)
    own = mine.decode(errors="replace").split("\n")
    same = difflib.SequenceMatcher(None, kept, own, autojunk=False).get_matching_blocks()

    def place(line: int) -> int:
        for one in reversed(same):
            if one.a <= line:
                return min(one.b + line - one.a, len(own) - 1) + 1
        return line + 1

    return [(place(a), max(place(a), place(b - 1) if b > a else place(a))) for a, b in blocks]


def _settled(git: Git, merged: dict[str, Entry], stages: Stages, side: str) -> dict[str, Entry]:
    """Return the merge with every conflict decided for one side."""
    for path, sides in stages.items():
        chosen = sides.get(SIDES[side])
        whole = len(sides) == 3 and len({one.mode for one in sides.values()}) == 1
        texts = [content(git, sides[one].blob) for one in ("2", "1", "3")] if whole else []
        if whole and not path.endswith(".ipynb") and not any(b"\0" in text for text in texts):
            merged[path] = Entry(sides["2"].mode, blob(git, _one_side(git, texts, side)))
        elif chosen is None:
            merged.pop(path, None)
        else:
            merged[path] = chosen
    return merged


def _one_side(git: Git, texts: list[bytes], side: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="datalab-merge-") as folder:
        paths = [Path(folder, name) for name in ("mine", "base", "generated")]
        for path, text in zip(paths, texts, strict=True):
            path.write_bytes(text)
        favour = "--ours" if side == "mine" else "--theirs"
        return git.run("merge-file", "-p", favour, *map(str, paths))
