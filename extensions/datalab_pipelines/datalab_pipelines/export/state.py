"""What may be the same object as what: groups of names, followed through the cells."""

from __future__ import annotations

from dataclasses import dataclass, field

from .model import Group


@dataclass
class Value:
    """What an expression may give: its type, and the names it may share an object with."""

    type: str = ""
    sources: dict[str, bool] = field(default_factory=dict)  # name → shares memory only
    captured: str = ""
    unstorable: str = ""

    @classmethod
    def of(cls, type_: str) -> Value:
        """Return a new object of a type."""
        return cls(type_)

    @property
    def immutable(self) -> bool:
        """Say whether nothing can change it, so that sharing it does not matter."""
        return self.type in ("immutable", "number", "str", "function", "module", "import")


def joined(values: list[Value], *, view: bool = False, type_: str = "") -> Value:
    """Return what may share an object with each of ``values``."""
    found = Value(type_)
    for one in values:
        for name, is_view in one.sources.items():
            found.sources[name] = found.sources.get(name, False) or is_view or view
        found.captured = found.captured or one.captured
        found.unstorable = found.unstorable or one.unstorable
    return found


@dataclass
class _Class:
    view: bool = False
    captured: str = ""
    unstorable: str = ""


class State:
    """Groups of names that may share objects, and the types that are known."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}
        self.info: dict[int, _Class] = {}
        self.types: dict[str, str] = {}
        self.next = 0
        self.ever: dict[str, str] = {}  # union-find over the whole notebook

    def copy(self) -> State:
        """Return a state that changes by itself."""
        other = State()
        other.number, other.types, other.next = dict(self.number), dict(self.types), self.next
        other.info = {key: _Class(**vars(one)) for key, one in self.info.items()}
        other.ever = self.ever
        return other

    def id_of(self, name: str) -> int:
        """Return the number of the group of ``name``."""
        if name not in self.number:
            self.next += 1
            self.number[name] = self.next
            self.info[self.next] = _Class()
        return self.number[name]

    def members(self, name: str) -> set[str]:
        """Return the names that may share an object with ``name``."""
        own = self.id_of(name)
        return {other for other, number in self.number.items() if number == own}

    def forget(self, name: str) -> None:
        """Take ``name`` out of its group: it is bound anew, or gone."""
        self.number.pop(name, None)
        self.types.pop(name, None)

    def join(self, names: set[str], *, view: bool = False) -> None:
        """Put ``names`` into one group."""
        if not names:
            return
        numbers = {self.id_of(name) for name in names}
        first = min(numbers)
        info = self.info[first]
        for number in numbers - {first}:
            other = self.info[number]
            info.view |= other.view
            info.captured = info.captured or other.captured
            info.unstorable = info.unstorable or other.unstorable
        info.view |= view
        for name, number in self.number.items():
            if number in numbers:
                self.number[name] = first
        ordered = sorted(names)
        for name in ordered[1:]:
            self.ever[self.root(name)] = self.root(ordered[0])

    def root(self, name: str) -> str:
        """Return what stands for all that ever may share an object with ``name``."""
        while (up := self.ever.get(name, name)) != name:
            name = up
        return name

    def mark(self, name: str, value: Value) -> None:
        """Note what ``value`` says about the group of ``name``."""
        info = self.info[self.id_of(name)]
        info.captured = info.captured or value.captured
        info.unstorable = info.unstorable or value.unstorable

    def assign(self, name: str, value: Value, *, sure: bool) -> None:
        """Bind ``name`` to ``value``; ``sure`` when nothing else may be bound to it then."""
        kept = self.types.get(name)
        if sure:
            sources = {one: view for one, view in value.sources.items() if one != name}
            itself = name in value.sources
            own = self.number.get(name)
            if not itself or value.immutable:
                self.forget(name)
            elif own is not None:
                self.number[name] = own
            self.types[name] = value.type
        else:
            sources = dict(value.sources)
            if name not in self.number or kept != value.type:
                self.types[name] = "" if name in self.number else value.type
        self.id_of(name)
        if not value.immutable and sources:
            self.join({name, *sources}, view=any(sources.values()))
        if not value.immutable or value.captured or value.unstorable:
            self.mark(name, value)

    def groups(self) -> list[Group]:
        """Return the groups as they are now."""
        found: dict[int, set[str]] = {}
        for name, number in self.number.items():
            found.setdefault(number, set()).add(name)
        return [
            Group(frozenset(names), info.view, info.captured, info.unstorable)
            for number, names in found.items()
            for info in [self.info[number]]
        ]
