"""The documents of a run: what a node gave, or why it failed. Schema 1.

``result.json``: ``outputs`` (name → artifact), ``values`` (plain outputs themselves, for
conditions and loops), ``metrics``. ``alias.json`` stands for a branch: read the node it names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .errors import ArtifactError
from .serializers import load
from .stores import Store

SCHEMA = 1
ONLY = "value"
REFERENCE = re.compile(
    r"(?P<node>[A-Za-z0-9_-]+)(?P<turns>(/\d+)*)(?P<all>(/\*)?)(\.(?P<field>\w+))?"
)


@dataclass(frozen=True)
class Reference:
    """``load``, ``load.train``, ``train/3`` or ``train/*.score`` (one for every turn)."""

    node: str
    field: str = ""
    every: bool = False

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return the reference that ``text`` writes; raises ``ArtifactError``."""
        found = REFERENCE.fullmatch(text)
        if not found:
            raise ArtifactError(f"{text!r} does not name a node's output")
        return cls(
            found["node"] + found["turns"],
            found["field"] or "",
            bool(found["all"]),
        )

    def __str__(self) -> str:
        every = "/*" if self.every else ""
        return f"{self.node}{every}.{self.field}" if self.field else f"{self.node}{every}"


def result_key(run: str, node: str) -> str:
    """Return the key of what ``node`` gave in ``run``."""
    return f"runs/{run}/{node}/result.json"


def failure_key(run: str, node: str = "") -> str:
    """Return the key of a node's failure, or of the run's (``node`` is "")."""
    return f"runs/{run}/{node}/failure.json" if node else f"runs/{run}/failure.json"


def read_result(store: Store, run: str, reference: Reference) -> tuple[dict[str, Any], str]:
    """Return a node's result document and the field to read, following aliases."""
    field = reference.field
    node = reference.node
    for _ in range(20):
        try:
            return store.read_json(result_key(run, node)), field
        except KeyError:
            pass
        try:
            alias = Reference.parse(store.read_json(f"runs/{run}/{node}/alias.json")["of"])
        except KeyError:
            raise ArtifactError(f"{node} gave nothing in the run {run}") from None
        node, field = alias.node, field or alias.field
    raise ArtifactError(f"the aliases of {reference} go in a circle")


def read_value(store: Store, run: str, reference: Reference, *, elsewhere: bool = False) -> Any:
    """Return what ``reference`` names, loaded: one value, or a list for every turn.

    ``elsewhere``: for another stage; see ``serializers.load``.
    """

    def one(node: Reference) -> Any:
        return read_value(store, run, node, elsewhere=elsewhere)

    if reference.every:
        turns = sorted(
            int(name) for name in store.children(f"runs/{run}/{reference.node}") if name.isdecimal()
        )
        return [one(Reference(f"{reference.node}/{turn}", reference.field)) for turn in turns]
    document, field = read_result(store, run, reference)
    outputs = document["outputs"]
    if field or ONLY in outputs:
        return _load(store, document, field or ONLY, elsewhere)
    values = {name: _load(store, document, name, elsewhere) for name in outputs}
    return _rebuild(document, values)


def _load(store: Store, document: dict[str, Any], name: str, elsewhere: bool) -> Any:
    artifact = document["outputs"][name].get("artifact")
    if artifact is None:  # written by the state machine itself (an endpoint's name)
        return document["values"][name]
    return load(store.get_artifact(artifact), elsewhere=elsewhere)


def _rebuild(document: dict[str, Any], values: dict[str, Any]) -> Any:
    """Return a NamedTuple, dataclass or tuple from its parts."""
    kind = document["returns"]
    if kind == "tuple":
        return tuple(values.values())
    from importlib import import_module

    module, name = kind.split(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found(**values)
