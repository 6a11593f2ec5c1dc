"""From what the API server refuses to a sentence for the person."""

from __future__ import annotations

import re

from .cluster import ClusterRefused, ClusterUnavailable
from .findings import ASK_OPERATOR, Trouble
from .quantities import parse_quantity

_QUOTA = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<requested>.*?), used: (?P<used>.*?), "
    r"limited: (?P<limited>.*)"
)
_WEBHOOK = re.compile(r'admission webhook "(?P<name>[^"]+)" denied the request:? ?(?P<why>.*)')
_PART = re.compile(r"([\w./-]+)=([^,]+)")
_WORDS = {
    "cpu": "CPU",
    "requests.cpu": "CPU",
    "limits.cpu": "CPU",
    "memory": "memory",
    "requests.memory": "memory",
    "limits.memory": "memory",
    "pods": "pods",
    "count/pods": "pods",
    "persistentvolumeclaims": "volumes",
    "requests.storage": "storage",
}


def refusal(refused: ClusterRefused, what: str) -> Trouble:
    """Return the trouble behind an answer of 4xx.

    Args:
        what: what was to be made: ``workspace``, ``home``.
    """
    text, detail = refused.message, str(refused)
    if match := _QUOTA.search(text):
        return _quota(match, detail)
    if "violates PodSecurity" in text:
        return Trouble(
            f"The cluster's security rules do not admit this {what}.",
            "pod_security",
            f"{ASK_OPERATOR} The profile asks for more rights than the namespace allows.",
            detail,
            0,
        )
    if match := _WEBHOOK.search(text):
        why = match["why"].rstrip(".")
        return Trouble(
            f"A rule of the cluster ({match['name']}) does not admit this {what}: {why}.",
            "admission",
            ASK_OPERATOR,
            detail,
            0,
        )
    if refused.status in (401, 403):
        return Trouble(
            f"Datalab is not allowed to make your {what} in the cluster.",
            "forbidden",
            f"{ASK_OPERATOR} The hub's service account lacks a permission.",
            detail,
            0,
        )
    return Trouble(
        f"The cluster does not accept the description of your {what}.",
        "manifest",
        f"{ASK_OPERATOR} The profile's Kubernetes settings are not valid there.",
        detail,
        0,
    )


def unreachable(error: ClusterUnavailable) -> Trouble:
    """Return the trouble of an API server that does not answer."""
    return Trouble(
        "The Kubernetes cluster cannot be reached at the moment.",
        "unreachable",
        "Try again in a minute. If it stays, tell the person who runs Datalab.",
        str(error),
        0,
    )


def name_taken(kind: str, name: str) -> Trouble:
    """Return the trouble of a name that is taken again whenever it was freed."""
    return Trouble(
        "What is left of your workspace's last start could not be removed.",
        "config",
        f"Try again. {ASK_OPERATOR}",
        f"{kind} {name} comes back whenever it is deleted",
        0,
    )


def _quota(match: re.Match[str], detail: str) -> Trouble:
    requested, used = _parts(match["requested"]), _parts(match["used"])
    limited = _parts(match["limited"])
    said = [
        f"{_WORDS.get(name, name)} ({_said(used.get(name, '?'))} of {_said(limit)} in use, "
        f"{_said(amount)} wanted)"
        for name, limit in limited.items()
        if (amount := requested.get(name)) is not None
    ]
    what = ", ".join(dict.fromkeys(said)) or match["name"]
    return Trouble(
        f"The cluster's quota is used up: {what}.",
        "quota",
        "Stop another workspace, choose a smaller one, or ask for a larger quota.",
        detail,
        0,
    )


def _said(quantity: str) -> str:
    """Return a quantity as people write it: 2684354560 as 2.5 GiB, 700m as 0.7."""
    try:
        amount = parse_quantity(quantity)
    except ValueError:
        return quantity
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if amount >= size:
            return f"{amount / size:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{amount:g}"


def _parts(text: str) -> dict[str, str]:
    return dict(_PART.findall(text))
