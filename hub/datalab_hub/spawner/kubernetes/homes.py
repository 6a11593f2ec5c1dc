"""Where a person's files are: a claim of their own, a part of a shared volume, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..names import path_name, person_key

VOLUME = "home"


class HomeKind(StrEnum):
    """How an installation keeps homes."""

    CLAIM = "claim"
    """One PersistentVolumeClaim per person, made at the first start."""
    SHARED = "shared"
    """A subdirectory per person of one ReadWriteMany claim that the operator made."""
    KUBESPAWNER = "kubespawner"
    """What ``c.KubeSpawner.volumes`` says, and nothing else."""
    NONE = "none"
    """The container's own disk: everything is gone after a stop."""


@dataclass(frozen=True)
class Home:
    """The home of one person as a pod sees it.

    Attributes:
        claim: name of the claim that has to exist, ``None`` when there is nothing to make.
        volumes, mounts: what the pod gets.
    """

    claim: str | None
    volumes: list[dict[str, Any]]
    mounts: list[dict[str, Any]]


def home_of(
    kind: HomeKind, user: str, path: str, shared_claim: str = "", directory: str = "homes"
) -> Home:
    """Return a person's home; all workspaces of the person get the same.

    Args:
        path: where it is mounted.
        shared_claim: name of the shared claim, for :attr:`HomeKind.SHARED`.
        directory: below which directory of the shared volume the homes are.
    """
    if kind is HomeKind.CLAIM:
        claim = person_key(user)
        return Home(claim, [_volume(claim)], [{"name": VOLUME, "mountPath": path}])
    if kind is HomeKind.SHARED:
        below = f"{directory.strip('/')}/{path_name(user)}".lstrip("/")
        mount = {"name": VOLUME, "mountPath": path, "subPath": below}
        return Home(None, [_volume(shared_claim)], [mount])
    if kind is HomeKind.NONE:
        return Home(None, [{"name": VOLUME, "emptyDir": {}}], [{"name": VOLUME, "mountPath": path}])
    return Home(None, [], [])


def pinned_to(node: str) -> dict[str, Any]:
    """Return a node selector term for one node: where a ReadWriteOnce home is attached already."""
    return {
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}],
    }


def _volume(claim: str) -> dict[str, Any]:
    return {"name": VOLUME, "persistentVolumeClaim": {"claimName": claim}}
