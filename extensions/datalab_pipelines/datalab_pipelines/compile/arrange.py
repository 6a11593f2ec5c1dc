"""From data flow to fork and join.

A state machine has no edges of its own between parallel stages: it forks, and joins again. A graph
is taken apart into what is independent (parallel) and what comes one after the other (a sequence).
Where that is not possible (``c`` needs ``a``, ``d`` needs ``a`` and ``b``), the stages that can
begin go first, together; ``c`` then waits for ``b`` too, which costs time and changes no result.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..graph import Node, Region, needs


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: tuple[Plan, ...]


@dataclass(frozen=True)
class Parallel:
    """All at once."""

    parts: tuple[Plan, ...]


Plan = Node | Sequence | Parallel


def arrange(region: Region) -> Plan | None:
    """Return how the nodes of ``region`` are run; None when there are none."""
    if not region.nodes:
        return None
    before = {node.name: needs(node, region) for node in region.nodes}
    return _plan(region.nodes, before)


def _plan(nodes: list[Node], before: dict[str, set[str]]) -> Plan:
    parts: list[Plan] = []
    rest = nodes
    while rest:
        groups = _components(rest, before)
        if len(groups) > 1:
            parts.append(Parallel(tuple(_plan(group, before) for group in groups)))
            break
        head, rest = _head(rest, before)
        parts.append(head[0] if len(head) == 1 else _plan(head, before))
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def _head(nodes: list[Node], before: dict[str, set[str]]) -> tuple[list[Node], list[Node]]:
    """Return the smallest beginning that everything after it waits for; else what can begin."""
    order = _ordered(nodes, before)
    names = {node.name for node in nodes}
    for cut in range(1, len(order)):
        head = {node.name for node in order[:cut]}
        ends = {name for name in head if not any(name in before[other] for other in head)}
        starts = [node for node in order[cut:] if not (before[node.name] & names) - head]
        if all(ends <= before[node.name] for node in starts):
            return order[:cut], [node for node in nodes if node.name not in head]
    first = [node for node in nodes if not before[node.name] & names]
    if len(first) == len(nodes):
        return nodes, []
    return first, [node for node in nodes if node not in first]


def _ordered(nodes: list[Node], before: dict[str, set[str]]) -> list[Node]:
    """Return the nodes by depth, so that every prefix is closed under what it needs."""
    names = {node.name for node in nodes}
    depth: dict[str, int] = {}
    for node in nodes:  # the script's order is a topological one
        depth[node.name] = 1 + max((depth[name] for name in before[node.name] & names), default=0)
    return sorted(nodes, key=lambda node: depth[node.name])


def _components(nodes: list[Node], before: dict[str, set[str]]) -> list[list[Node]]:
    """Return the groups of nodes between which nothing flows, in the script's order."""
    group = {node.name: {node.name} for node in nodes}
    for node in nodes:
        for name in before[node.name] & group.keys():
            if group[name] is not group[node.name]:
                merged = group[name] | group[node.name]
                for member in merged:
                    group[member] = merged
    found: list[list[Node]] = []
    seen: set[str] = set()
    for node in nodes:
        if node.name not in seen:
            seen |= group[node.name]
            found.append([other for other in nodes if other.name in group[node.name]])
    return found
