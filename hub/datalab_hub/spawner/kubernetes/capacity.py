"""How much is free on the nodes, where the optional ClusterRole lets the hub see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cluster import Cluster, ClusterRefused, ClusterUnavailable
from .quantities import parse_quantity, requested

_RESOURCES_NOT_COUNTED = {"pods"}


@dataclass(frozen=True)
class Capacity:
    """Free amounts per node: ``{"node-1": {"cpu": 1.5, "memory": 2e9}}``."""

    free: dict[str, dict[str, float]]

    def most_free(self, resource: str) -> float:
        """Return how much of a resource the best node has free."""
        return max((amounts.get(resource, 0.0) for amounts in self.free.values()), default=0.0)


def capacity_of(nodes: list[dict[str, Any]], pods: list[dict[str, Any]]) -> Capacity:
    """Return what is free on nodes that take new pods, given all pods of the cluster."""
    free: dict[str, dict[str, float]] = {}
    for node in nodes:
        if node.get("spec", {}).get("unschedulable"):
            continue
        amounts = node["status"].get("allocatable") or {}
        free[node["metadata"]["name"]] = {
            name: parse_quantity(amount)
            for name, amount in amounts.items()
            if name not in _RESOURCES_NOT_COUNTED
        }
    for pod in pods:
        amounts_left = free.get(pod.get("spec", {}).get("nodeName") or "")
        if amounts_left is None or pod["status"].get("phase") in {"Succeeded", "Failed"}:
            continue
        for name in amounts_left:
            amounts_left[name] = max(0.0, amounts_left[name] - requested(pod, name))
    return Capacity(free)


async def look_up(cluster: Cluster) -> Capacity | None:
    """Return the capacity, ``None`` where the hub may not see it or gets no answer."""
    try:
        nodes = await cluster.list_everywhere("node")
        pods = await cluster.list_everywhere("pod_for_all_namespaces")
    except (ClusterRefused, ClusterUnavailable):
        return None
    return capacity_of(nodes, pods)
