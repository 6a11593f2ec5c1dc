"""From a pod and its events to a finding: pure functions, one row of a table each.

Reasons and messages were read in Kubernetes 1.31: kubelet (``pkg/kubelet/events``, ``images``,
``container``), scheduler, and the controllers for volumes and eviction.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..backend import Phase
from .capacity import Capacity
from .ends import Events, Pod, container_of, disruption_of, is_over, why_over
from .findings import ASK_OPERATOR, TRY_AGAIN, Finding, Trouble
from .homes import VOLUME
from .images import WAITING, image_trouble
from .scheduling import pending, waits_for_volume

_MOUNT_PATIENCE = 120.0  # seconds: a volume that is still attached elsewhere comes free by itself
_CONFIG_PATIENCE = 15.0
_SANDBOX_PATIENCE = 60.0
_VOLUME = {"Provisioning", "ExternalProvisioning", "ProvisioningFailed"}
_NOT_STARTED = {"StartError", "ContainerCannotRun"}  # of containerd, of CRI-O and Docker
_POD_IDENTITY = re.compile(r" \(pod: .*?, container: [\w-]+\)")
_FAILED_VOLUME = re.compile(r'for volume "([^"]+)"')


def diagnose(pod: Pod | None, events: Events = (), capacity: Capacity | None = None) -> Finding:  # type: ignore[assignment]
    """Return where a pod stands.

    Args:
        pod: as the API server has it, ``None`` before it is known.
        events: Kubernetes' events about it, oldest first.
        capacity: what is free on the nodes, if that may be known.
    """
    if pod is None:
        return Finding(Phase.QUEUE, "Asking Kubernetes for a place")
    events = list(events)
    steps: list[Callable[[], Finding | None]] = [
        lambda: _ended(pod, events),
        lambda: _deleted(pod),
        lambda: _crashed(pod),
        lambda: _unscheduled(pod, events, capacity),
        lambda: _container_waits(pod, events),
        lambda: _prepared(pod, events),
    ]
    for step in steps:
        if (finding := step()) is not None:
            return finding
    return Finding(Phase.BOOT, "Starting the server")


def address_of(pod: Pod) -> str | None:
    """Return the pod's address once its main container has been started."""
    running = ((container_of(pod) or {}).get("state") or {}).get("running")
    ip = pod.get("status", {}).get("podIP")
    if running is None or pod["metadata"].get("deletionTimestamp"):
        return None
    return ip or None


def _ended(pod: Pod, events: Events) -> Finding | None:
    if not is_over(pod):
        return None
    trouble = why_over(pod, events, "Your workspace ended while it was starting", TRY_AGAIN)
    if trouble.reason in {"crashed", "oom"} and (crashed := _crashed(pod)) is not None:
        return crashed  # its container knows more
    return Finding(Phase.BOOT, "It ended", None, trouble)


def _deleted(pod: Pod) -> Finding | None:
    if not pod["metadata"].get("deletionTimestamp"):
        return None
    why = disruption_of(pod)
    trouble = Trouble(
        "The cluster took your workspace away while it was starting.",
        "preempted" if why else "deleted",
        TRY_AGAIN,
        why,
        0,
    )
    return Finding(Phase.BOOT, "It was taken away", None, trouble)


def _crashed(pod: Pod) -> Finding | None:
    """A container that ended. Where it is restarted, it has its chance while it runs again."""
    for status in pod.get("status", {}).get("initContainerStatuses") or []:
        ended = (status.get("state") or {}).get("terminated") or {}
        ended = ended or (status.get("lastState") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            text = f"Preparing your workspace failed (in {status['name']})."
            detail = f"exit status {ended['exitCode']}: {ended.get('message') or ''}"
            trouble = Trouble(text, "crashed", ASK_OPERATOR, detail, 0)
            return Finding(Phase.BOOT, "Preparing failed", status["name"], trouble)
    status = container_of(pod) or {}
    if (status.get("state") or {}).get("running") is not None:
        return None
    ended = (status.get("state") or {}).get("terminated") or {}
    ended = ended or (status.get("lastState") or {}).get("terminated") or {}
    if not ended:
        return None
    if ended.get("reason") == "OOMKilled":
        text = "Your workspace ran out of memory while it was starting."
        trouble = Trouble(text, "oom", "Choose a workspace with more memory.", "", 0)
        return Finding(Phase.BOOT, "It ran out of memory", None, trouble)
    if ended.get("reason") in _NOT_STARTED:
        return _cannot_be_made(str(ended.get("message") or ""), str(ended["reason"]), 0)
    code = ended.get("exitCode")
    trouble = Trouble(
        f"Your workspace's server ended while it was starting (exit status {code}).",
        "crashed",
        "Try again. If it happens again, show the lines above to the person who runs Datalab.",
        str(ended.get("message") or ""),
        0,
    )
    return Finding(Phase.BOOT, "The server ended", f"exit status {code}", trouble)


def _unscheduled(pod: Pod, events: Events, capacity: Capacity | None) -> Finding | None:
    if pod["spec"].get("nodeName"):
        return None
    conditions = pod.get("status", {}).get("conditions") or []
    scheduled = next((c for c in conditions if c["type"] == "PodScheduled"), None)
    if scheduled is not None and scheduled["status"] == "False":
        if scheduled.get("reason") == "SchedulingGated":
            return Finding(Phase.QUEUE, "Waiting in the cluster's queue")
        # Events about a volume stay for an hour after it is there.
        volume = waits_for_volume(scheduled.get("message") or "") or _volume_is_latest(events)
        return (_claim_trouble(events) if volume else None) or pending(pod, events, capacity)
    # Storage that waits for the first consumer: the volume is made before the pod gets its node.
    return _claim_trouble(events) or Finding(Phase.SCHEDULE, "Looking for a free place")


def _volume_is_latest(events: Events) -> bool:
    """Return whether a volume was worked on after the scheduler had last found no place."""
    latest = [e.get("reason") for e in events if e.get("reason") in {"FailedScheduling", *_VOLUME}]
    return bool(latest) and latest[-1] in _VOLUME


def _claim_trouble(events: Events) -> Finding | None:
    for event in reversed(events):
        if event.get("reason") == "ProvisioningSucceeded":
            return None
        if event.get("reason") == "ProvisioningFailed":
            trouble = Trouble(
                "The volume of your home could not be made.",
                "volume",
                f"{ASK_OPERATOR} The storage class says why in the log.",
                str(event.get("message") or ""),
                _MOUNT_PATIENCE,
            )
            return Finding(Phase.VOLUME, "Making the volume of your home", "it failed", trouble)
        if event.get("reason") in {"Provisioning", "ExternalProvisioning"}:
            return Finding(Phase.VOLUME, "Making the volume of your home")
    return None


def _container_waits(pod: Pod, events: Events) -> Finding | None:
    waiting = ((container_of(pod) or {}).get("state") or {}).get("waiting") or {}
    reason, message = waiting.get("reason") or "", waiting.get("message") or ""
    if reason in WAITING:
        image = str(pod["spec"]["containers"][0].get("image"))
        history = " ".join(str(e.get("message")) for e in events if e.get("reason") == "Failed")
        trouble = image_trouble(reason, message, image, history)
        return Finding(Phase.PULL, "Fetching the image", trouble.sentence.rstrip("."), trouble)
    if reason in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
        return _cannot_be_made(message, reason, _CONFIG_PATIENCE)
    return None


def _cannot_be_made(message: str, reason: str, patience: float) -> Finding:
    """A container that the node cannot make or start: a missing Secret, no such command, …"""
    # What the runtime says goes from the general to the cause: "…: exec: "x": not found: unknown".
    said = _POD_IDENTITY.sub("", message).removesuffix(": unknown")
    cause = said[said.find("exec: ") :] if "exec: " in said else said or reason
    trouble = Trouble(
        f"Your workspace's container cannot be made: {cause}.",
        "config",
        f"{ASK_OPERATOR} The profile or its image asks for something that is not there.",
        f"{reason}: {message}",
        patience,
    )
    return Finding(Phase.BOOT, "Preparing the container", cause, trouble)


def _prepared(pod: Pod, events: Events) -> Finding | None:
    """A pod with a node whose container is not there yet: the events say what it does."""
    if ((container_of(pod) or {}).get("state") or {}).get("running") is not None:
        return None
    for event in reversed(events):
        message = str(event.get("message") or "")
        match event.get("reason"):
            case "FailedAttachVolume" | "FailedMount" | "VolumeFailedDelete":
                return _not_mounted(message)
            case "FailedCreatePodSandBox":
                trouble = Trouble(
                    "The node could not connect your workspace to the network.",
                    "network",
                    f"{TRY_AGAIN} If it stays, tell the person who runs Datalab.",
                    message,
                    _SANDBOX_PATIENCE,
                )
                return Finding(Phase.BOOT, "Connecting to the network", "not yet", trouble)
            case "Pulling":
                return Finding(Phase.PULL, "Fetching the image", _image_of(pod))
            case "Pulled" | "Created" | "Started" | "SuccessfulAttachVolume":
                break
    return Finding(Phase.BOOT, "Preparing the container")


def _not_mounted(message: str) -> Finding:
    volume = _FAILED_VOLUME.search(message)
    if volume is None or volume[1] == VOLUME or volume[1].startswith("pvc-"):
        return Finding(Phase.VOLUME, "Attaching your home", None, _mount_trouble(message))
    # A volume of the profile: a ConfigMap or Secret that does not exist, an unreachable server.
    why = message.partition(" : ")[2] or message
    trouble = Trouble(
        f"The volume {volume[1]!r} of this kind of workspace cannot be attached: {why}.",
        "volume",
        ASK_OPERATOR,
        message,
        _MOUNT_PATIENCE,
    )
    return Finding(Phase.VOLUME, f"Attaching the volume {volume[1]}", why, trouble)


def _mount_trouble(message: str) -> Trouble:
    if "Multi-Attach" in message:
        return Trouble(
            "Your home is still attached to another node.",
            "attach",
            "Stop your other workspaces and try again in a minute.",
            message,
            _MOUNT_PATIENCE,
        )
    return Trouble(
        "Your home cannot be attached to the node.",
        "volume",
        f"{TRY_AGAIN} If it stays, tell the person who runs Datalab.",
        message,
        _MOUNT_PATIENCE,
    )


def _image_of(pod: Pod) -> str:
    return str(pod["spec"]["containers"][0].get("image")).rsplit("/", 1)[-1]
