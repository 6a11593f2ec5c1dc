"""What a kubelet and a scheduler let everybody see of a pod, and what has to be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from datalab_hub.spawner.backend import Phase
from datalab_hub.spawner.kubernetes.diagnosis import diagnose
from datalab_hub.spawner.kubernetes.findings import REASONS

IMAGE = "registry.example/team/lab:7"


def pod(
    *,
    node: str | None = "node-1",
    phase: str = "Pending",
    state: dict[str, Any] | None = None,
    last: dict[str, Any] | None = None,
    conditions: list[dict[str, Any]] | None = None,
    requests: dict[str, str] | None = None,
    init: list[dict[str, Any]] | None = None,
    deleted: bool = False,
    **status: Any,
) -> dict[str, Any]:
    containers = [{"name": "notebook", "image": IMAGE, "resources": {"requests": requests or {}}}]
    found: dict[str, Any] = {
        "metadata": {"name": "dl-ann", "uid": "u"},
        "spec": {"containers": containers},
        "status": {"phase": phase, "conditions": conditions or [], **status},
    }
    if deleted:
        found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    if node:
        found["spec"]["nodeName"] = node
    if state is not None:
        found["status"]["containerStatuses"] = [
            {"name": "notebook", "state": state, "lastState": last or {}}
        ]
    if init is not None:
        found["status"]["initContainerStatuses"] = init
    return found


def unscheduled(message: str, **requests: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return pod(node=None, conditions=[{**condition, "message": message}], requests=requests)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod(state={"waiting": {"reason": reason, "message": message}})


def event(reason: str, message: str = "") -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"kind": "Pod"}}


@dataclass
class Row:
    """What is seen, and what has to be said."""

    name: str
    pod: dict[str, Any]
    phase: Phase
    reason: str | None
    says: str
    events: list[dict[str, Any]] = field(default_factory=list)
    final: bool = False


def holds(row: Row) -> None:
    """Compare what is said of a pod with what has to be said of it."""
    finding = diagnose(row.pod, row.events)
    trouble = finding.trouble
    assert finding.phase is row.phase
    assert (trouble.reason if trouble else None) == row.reason
    assert row.says in " ".join(
        [finding.message, finding.cause or "", trouble.sentence if trouble else ""]
    )
    if trouble:
        assert trouble.reason in REASONS
        assert trouble.sentence.endswith(".")
        assert trouble.hint.endswith(".")
        assert (trouble.patience == 0) is row.final
