"""What ``datalab doctor`` says of what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...catalog import Profile
from .capacity import Capacity, capacity_of
from .cluster import Object

_CLOSED_AT_ONCE = 0.1  # seconds


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        well: ``None`` when it could not be seen.
        fix: what to do, when it is not well.
    """

    name: str
    well: bool | None
    text: str
    fix: str = ""

    def __str__(self) -> str:
        mark = {True: "ok ", False: "BAD", None: "?  "}[self.well]
        return f"{mark} {self.name}: {self.text}" + (f"\n      → {self.fix}" if self.fix else "")


def judged(found: dict[str, Any]) -> list[Check]:
    """Return what a probe's findings mean."""
    checks = []
    if "dns" in found:
        fix = "CoreDNS does not answer pods: look at its pods, and at egress policies." * bool(
            found["dns"]
        )
        checks.append(Check("DNS", not found["dns"], found["dns"] or "answers pods", fix))
    if "metadata" in found:
        closed = bool(found["metadata"])
        text = "closed to workspaces" if closed else "open: workspaces get the node's credentials"
        seconds = found.get("open_for", 0.0)
        if closed and seconds > _CLOSED_AT_ONCE:
            # How networks do it; some can hold a pod back until its policies are in force.
            text += f", {seconds:.1f} s after a pod began to run"
        fix = "" if closed else "Does the cluster's network enforce NetworkPolicy at all?"
        checks.append(Check("instance metadata", closed, text, fix))
    if "barred" in found:
        closed = bool(found["barred"])
        text = "enforced" if closed else "not enforced: a workspace reaches the API of the proxy"
        fix = (
            ""
            if closed
            else (
                "Let the cluster's network enforce NetworkPolicy (Calico, Cilium, the VPC CNI with "
                "enableNetworkPolicy): workspaces reach each other's servers, and databases."
            )
        )
        checks.append(Check("network policy", closed, text, fix))
    if "hub" in found:
        fix = "The hub's NetworkPolicy has to let workspaces in; check the URL." * bool(
            found["hub"]
        )
        checks.append(Check("hub", not found["hub"], found["hub"] or "reached from a pod", fix))
    if "uid" in found:
        root = found["uid"] == 0
        fix = "Build the image for a user that is not root." if root else ""
        checks.append(Check("user", not root, f"uid {found['uid']}", fix))
    return checks


def fits(profile: Profile, nodes: list[Object]) -> Check:
    """Return whether any node could ever run a profile, were it empty."""
    options, resources = profile.kubernetes, profile.resources
    selector = options.node_selector if options else {}
    chosen = [
        node for node in nodes if selector.items() <= (node["metadata"].get("labels") or {}).items()
    ]
    name = f"profile {profile.name}"
    if not chosen:
        labels = ", ".join(f"{key}={value}" for key, value in selector.items()) or "none"
        fix = "Label a node, correct the profile, or let an autoscaler add such nodes."
        return Check(name, False, f"no node has the labels {labels}", fix)
    gpu = (options.gpu_resource if options else None) or "nvidia.com/gpu"
    wanted = {
        "cpu": (options.cpu_guarantee if options else None) or resources.cpu or 0,
        "memory": (options.memory_guarantee if options else None) or resources.memory or 0,
        gpu: resources.gpu.count if resources.gpu else 0,
    }
    whole: Capacity = capacity_of(chosen, [])
    for node in whole.free.values():
        if all(node.get(resource, 0) >= amount for resource, amount in wanted.items()):
            return Check(
                name, True, f"fits {len(chosen)} nodes" if len(chosen) > 1 else "fits a node"
            )
    short = [each for each, amount in wanted.items() if whole.most_free(each) < amount]
    if gpu in short:
        text, fix = f"no node has {gpu}", "Install the vendor's device plugin, or add GPU nodes."
    else:
        text = f"no node is large enough ({', '.join(short) or 'for all at once'})"
        fix = "Make the profile's guarantees smaller, or add larger nodes."
    return Check(name, False, text, fix)
