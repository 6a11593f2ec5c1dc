"""From a source in the graph to the stage entry point's arguments.

The local runner and the compiler write the same ones; they differ in what stands for a value that
only a run knows (a parameter, the item of a loop), which each passes in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .graph import Constant, Item, Node, Output, Parameter, Several, Source
from .results import Reference

Late = Callable[[str, Source], list[str]]
"""Return the arguments for a parameter or an item: (name of the argument, source)."""


def key(node: Node) -> str:
    """Return a node's key, with ``{0}`` for the turn of the outermost loop around it."""
    return node.name + "".join(f"/{{{depth}}}" for depth in range(node.loops))


def reference(output: Output, nodes: Mapping[str, Node]) -> str:
    """Return the text that reads ``output``, with ``{0}`` for turns."""
    node = nodes[output.node]
    turns = "".join(f"/{{{depth}}}" for depth in range(node.loops - output.gathered))
    every = "/*" if output.gathered else ""
    return f"{node.name}{turns}{every}" + (f".{output.field}" if output.field else "")


def parsed(output: Output, nodes: Mapping[str, Node], turns: tuple[int, ...]) -> Reference:
    """Return the reference that reads ``output`` within ``turns``."""
    return Reference.parse(reference(output, nodes).format(*turns))


def arguments(name: str, source: Source, nodes: Mapping[str, Node], late: Late) -> list[str]:
    """Return the entry point's arguments for one argument of a stage."""
    if isinstance(source, Several):
        found = []
        for number, one in enumerate(source.sources):
            found += arguments(f"{name}[{number}]", one, nodes, late)
        return found
    if isinstance(source, Output):
        return ["--input", f"{name}={reference(source, nodes)}"]
    if isinstance(source, Constant):
        return ["--value", f"{name}={written(source.value)}"]
    assert isinstance(source, Parameter | Item)
    return late(name, source)


def written(value: Any) -> str:
    """Return JSON as the entry point reads it, the same on every machine.

    ``$`` is written as an escape: CloudFormation would take ``${…}`` for a substitution.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=True).replace("$", "\\u0024")
