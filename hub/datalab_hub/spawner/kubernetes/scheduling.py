"""Why the scheduler finds no node for a pod, out of what it writes."""

from __future__ import annotations

import re
from typing import Any

from ...catalog.units import format_size
from ..backend import Phase
from .capacity import Capacity
from .findings import ASK_OPERATOR, Finding, Trouble
from .quantities import requested

_INSUFFICIENT = re.compile(r"Insufficient ([\w./-]*\w)")
_UNBOUND = re.compile(r"unbound (immediate )?PersistentVolumeClaims?")
_NO_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
_ELSEWHERE = re.compile(r"volume node affinity conflict|node affinity conflict with .*volume")
_OTHER_RULES = re.compile(
    r"untolerated taint|didn't match Pod's node affinity|didn't match pod (anti-)?affinity"
    r"|didn't match node selector"
)
_NO_SCALE_UP = 20.0  # seconds: the autoscaler may have looked before the pod was complete

_WORDS = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "disk", "pods": "pods"}
_SMALLER = "Try a smaller workspace, or again later."


def pending(
    pod: dict[str, Any], events: list[dict[str, Any]], capacity: Capacity | None
) -> Finding:
    """Return the finding for a pod that the scheduler cannot place."""
    conditions = pod.get("status", {}).get("conditions") or []
    message = next((c.get("message") or "" for c in conditions if c["type"] == "PodScheduled"), "")
    trouble = _trouble(pod, message, capacity)
    latest = {event.get("reason"): event for event in events}
    if "TriggeredScaleUp" in latest or "Nominated" in latest:
        # Cluster autoscaler or Karpenter: only the start's own time limit ends this waiting.
        return Finding(
            Phase.SCHEDULE,
            "A new node is being started for you",
            "this takes a few minutes",
            _with_patience(trouble, None),
        )
    if "NotTriggerScaleUp" in latest:
        trouble = _with_patience(trouble, _NO_SCALE_UP)
    if trouble.reason in {"volume", "attach"}:
        return Finding(Phase.VOLUME, "Waiting for your home", _cause(trouble), trouble)
    return Finding(Phase.SCHEDULE, "Waiting for a free place", _cause(trouble), trouble)


def waits_for_volume(message: str) -> bool:
    """Return whether the scheduler says that it waits for a volume to be made."""
    return bool(_UNBOUND.search(message))


def _cause(trouble: Trouble) -> str:
    return trouble.sentence[0].lower() + trouble.sentence[1:].rstrip(".")


def _with_patience(trouble: Trouble, patience: float | None) -> Trouble:
    return Trouble(trouble.sentence, trouble.reason, trouble.hint, trouble.detail, patience)


def _trouble(pod: dict[str, Any], message: str, capacity: Capacity | None) -> Trouble:
    detail = f"the scheduler says: {message}"
    if _UNBOUND.search(message):
        return Trouble(
            "The volume of your home is not ready yet.",
            "volume",
            f"{ASK_OPERATOR} The storage class may not be able to make volumes.",
            detail,
        )
    if match := _NO_CLAIM.search(message):
        return Trouble(
            f"The volume claim {match[1]} does not exist.", "volume", ASK_OPERATOR, detail
        )
    short = list(dict.fromkeys(_INSUFFICIENT.findall(message)))
    if "Too many pods" in message:
        short.append("pods")
    if short:
        return _shortage(pod, short, detail, capacity)
    if _ELSEWHERE.search(message):
        return Trouble(
            "Your home is in a zone of the cluster that has no free node.",
            "attach",
            "Stop another of your workspaces, or try again later.",
            detail,
        )
    if _OTHER_RULES.search(message):
        return Trouble(
            "The cluster has no node of the kind that this workspace needs.",
            "no_node",
            f"{ASK_OPERATOR} Node selector and tolerations of the profile fit no node.",
            detail,
        )
    return Trouble("No node of the cluster can take your workspace.", "no_node", _SMALLER, detail)


def _shortage(
    pod: dict[str, Any], short: list[str], detail: str, capacity: Capacity | None
) -> Trouble:
    # The rarest first: with no GPU anywhere, CPU that is short too is not what matters.
    common = list(_WORDS)
    name = min(short, key=lambda name: common.index(name) if name in common else -1)
    wanted = requested(pod, name)
    sentence = f"No node has {_amount(name, wanted)} free"
    if capacity is not None and name != "pods":
        best = capacity.most_free(name)
        sentence += f"; the best one has {_amount(name, best)}" if best else ""
    if name == "pods":
        sentence = "Every node runs as many pods as it may"
    reason = _WORDS.get(name, "gpu" if "gpu" in name else "no_node")
    return Trouble(f"{sentence}.", reason, _SMALLER, detail)


def _amount(name: str, amount: float) -> str:
    if name == "cpu":
        return f"{amount:g} CPU"
    if name in {"memory", "ephemeral-storage"}:
        rounded = int(amount) if amount < 2**20 else int(amount / 2**20) * 2**20
        if rounded >= 2**30:
            size = f"{rounded / 2**30:.1f}".removesuffix(".0") + " GiB"
        else:
            size = format_size(rounded)
        return f"{size} of {'memory' if name == 'memory' else 'disk'}"
    count = int(amount)
    if "gpu" in name:
        return f"{count} GPU{'s' if count != 1 else ''}"
    return f"{count} {name}"
