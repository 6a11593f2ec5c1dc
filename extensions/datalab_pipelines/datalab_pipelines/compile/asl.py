"""Amazon States Language as typed dataclasses, and fragments of a machine that can be joined.

The names of the fields are those of the specification (https://states-language.net), so that a
reader can look them up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Json = dict[str, Any]
NEXT = "Next"


@dataclass
class State:
    """A state; ``extra`` holds its own fields, in the order in which they are written."""

    kind: str
    extra: Json = field(default_factory=dict)
    comment: str = ""
    next: str = ""
    ends: bool = False

    def follow(self, name: str) -> None:
        """Go on to the state ``name``; a choice does so when none of its rules holds."""
        if self.kind == "Choice":
            self.extra["Default"] = name
        else:
            self.next = name

    def emit(self) -> Json:
        """Return the state as the specification writes it."""
        found: Json = {"Type": self.kind}
        if self.comment:
            found["Comment"] = self.comment
        found |= self.extra
        if self.next:
            found[NEXT] = self.next
        elif self.ends:
            found["End"] = True
        return found


@dataclass
class Fragment:
    """Some states with one way in and some ways out, which ``join`` ties to what follows."""

    entry: str
    states: dict[str, State]
    exits: list[str]

    def emit(self) -> Json:
        """Return a machine (or a branch) that is only this fragment."""
        for name in self.exits:
            self.states[name].ends = True
        return {
            "StartAt": self.entry,
            "States": {name: state.emit() for name, state in self.states.items()},
        }


def one(name: str, state: State) -> Fragment:
    """Return the fragment of a single state."""
    return Fragment(name, {name: state}, [name])


def join(fragments: Iterable[Fragment]) -> Fragment:
    """Return the fragments one after the other."""
    found = list(fragments)
    states: dict[str, State] = {}
    for before, after in pairwise(found):
        for name in before.exits:
            before.states[name].follow(after.entry)
    for fragment in found:
        states |= fragment.states
    return Fragment(found[0].entry, states, found[-1].exits)


def intrinsic(text: str) -> str:
    """Return ``text`` as a literal inside an intrinsic function's call."""
    for character in "\\'{}":
        text = text.replace(character, f"\\{character}")
    return f"'{text}'"


def path(*names: str) -> str:
    """Return the JSONPath of a field: ``path("read", "x")`` is ``$.read.x``."""
    return "$" + "".join(
        f".{name}" if name.isidentifier() else f"[{_quoted(name)}]" for name in names
    )


def _quoted(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
