"""Why a pod is over: pure functions of the pod and of Kubernetes' events about it."""

from __future__ import annotations

from typing import Any

from .findings import TRY_AGAIN, Trouble

Pod = dict[str, Any]
Events = list[dict[str, Any]]

CONTAINER = "notebook"
"""KubeSpawner's name for the main container."""

_OOM_HINT = "Choose a workspace with more memory, or load less at once."


def is_over(pod: Pod) -> bool:
    """Return whether a pod will never run again: a terminal phase, whatever the reason."""
    return pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}


def exit_status(pod: Pod) -> int:
    """Return the exit status of a pod that is over: the main container's, else 1."""
    state = (container_of(pod) or {}).get("state") or {}
    return int((state.get("terminated") or {}).get("exitCode", 1))


def end_of(pod: Pod, events: Events = ()) -> Trouble:  # type: ignore[assignment]
    """Return why a pod that had run is over."""
    if pod["metadata"].get("deletionTimestamp"):
        # Somebody deleted it, or its node was drained; its server then ended as it was asked to.
        why = disruption_of(pod)
        text = "The cluster took your workspace away."
        hint = "Start it again. Files in your home are kept."
        return Trouble(text, "preempted" if why else "deleted", hint, why, 0)
    return why_over(pod, events, "Your workspace ended", "Start it again.")


def why_over(pod: Pod, events: Events, sentence: str, hint: str) -> Trouble:
    """Return why a pod is over.

    Args:
        sentence: what to say when Kubernetes gives no reason.
        hint: what the person is to do.
    """
    status = pod["status"]
    reason, message = status.get("reason") or "", status.get("message") or ""
    evicted = next((event for event in events if event.get("reason") == "Evicted"), None)
    if evicted is not None and not reason:
        # A server that ends as it is asked to leaves a pod that succeeded: the kubelet then does
        # not write into its status that it was put out.
        reason, message = "Evicted", str(evicted.get("message") or "")
    detail = f"pod {pod['metadata']['name']}: {reason} {message}".strip()
    again = f"{hint} Files in your home are kept."
    if reason == "Evicted":
        return Trouble(_evicted_for(message), "evicted", again, detail, 0)
    if reason in {"Preempting", "Preempted"}:
        text = "Something more important needed the place of your workspace."
        return Trouble(text, "preempted", again, detail, 0)
    if reason in {"NodeLost", "NodeShutdown", "Terminated", "NodeAffinity", "Shutdown"}:
        return Trouble("The node of your workspace was shut down.", "node", again, detail, 0)
    if reason.startswith("OutOf") or reason == "UnexpectedAdmissionError":
        text = "The node turned your workspace away: it had just filled up."
        return Trouble(text, "node", TRY_AGAIN, detail, 0)
    if reason == "DeadlineExceeded":
        text = "Your workspace reached the longest time it may run."
        return Trouble(text, "max_runtime", again, detail, 0)
    terminated = ((container_of(pod) or {}).get("state") or {}).get("terminated") or {}
    if terminated.get("reason") == "OOMKilled":
        return Trouble("Your workspace ran out of memory.", "oom", _OOM_HINT, detail, 0)
    code = terminated.get("exitCode")
    with_code = f"{sentence} (exit status {code})." if code is not None else f"{sentence}."
    return Trouble(with_code, "crashed", hint, detail, 0)


def _evicted_for(message: str) -> str:
    said = message.lower()
    if "limit" in said and "low on" not in said:
        return "Your workspace used more temporary disk space than it may, and was put out."
    words = {"memory": "memory", "ephemeral": "disk space", "pid": "processes"}
    words |= {"fs": "disk space", "disk": "disk space"}
    what = next((name for word, name in words.items() if word in said), "resources")
    return f"The node ran short of {what} and put your workspace out."


def container_of(pod: Pod) -> dict[str, Any] | None:
    """Return the status of the main container."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return next((status for status in statuses if status["name"] == CONTAINER), None)


def disruption_of(pod: Pod) -> str:
    """Return why the cluster takes a pod away, as Kubernetes says it; empty if it does not."""
    conditions = pod["status"].get("conditions") or []
    why = next((c for c in conditions if c["type"] == "DisruptionTarget"), None)
    return f"DisruptionTarget: {why.get('reason')} {why.get('message')}" if why else ""
