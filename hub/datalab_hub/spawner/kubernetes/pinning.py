"""Several workspaces of one person on one ReadWriteOnce home: they have to share a node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..names import person_key
from ..problems import StartRefused
from .ends import is_over
from .homes import pinned_to
from .labels import PERSON, SERVER

if TYPE_CHECKING:
    from .maker import PodMaker

_SHARED_MODES = {"ReadWriteMany"}
_RULE = "requiredDuringSchedulingIgnoredDuringExecution"


def pin(pod: dict[str, Any], maker: PodMaker, others: Iterable[dict[str, Any]]) -> str | None:
    """Send a pod to the node where the person's home is attached already.

    Args:
        pod: the manifest; changed in place.
        others: all pods of the installation.

    Returns:
        a hint for the person should that node have no room, or ``None`` when nothing was pinned.

    Raises:
        StartRefused: the home's access mode allows one pod only, and another one runs.
    """
    if maker.home.claim is None or _SHARED_MODES & set(maker.storage_access_modes):
        return None
    person = person_key(maker.context.user)
    for other in others:
        labels = other["metadata"].get("labels") or {}
        node = other["spec"].get("nodeName")
        if labels.get(PERSON) != person or pod_name(other) == pod_name(pod) or is_over(other):
            continue
        title = _title(other)
        if "ReadWriteOncePod" in maker.storage_access_modes:
            raise StartRefused(
                f"Your home can be open in one workspace at a time, and {title} has it.",
                reason="rwo",
                hint=f"Stop {title} first.",
            )
        if node:
            _require(pod, pinned_to(node))
            return (
                f"It has to run beside {title}, where your home is attached. Stop {title}, or "
                "choose a smaller workspace."
            )
    return None


def pod_name(pod: dict[str, Any]) -> str:
    """Return a pod's name."""
    return str(pod["metadata"]["name"])


def _title(pod: dict[str, Any]) -> str:
    server = (pod["metadata"].get("annotations") or {}).get(SERVER)
    return f"your workspace {server!r}" if server else "your other workspace"


def _require(pod: dict[str, Any], term: dict[str, Any]) -> None:
    """Add a term to the node affinity: to every alternative, since alternatives are or-ed."""
    affinity = pod["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
    terms = affinity.setdefault(_RULE, {}).setdefault("nodeSelectorTerms", []) or [{}]
    affinity[_RULE]["nodeSelectorTerms"] = [
        {**known, "matchFields": [*(known.get("matchFields") or []), *term["matchFields"]]}
        for known in terms
    ]
