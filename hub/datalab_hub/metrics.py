"""What Datalab adds to the hub's own ``/metrics``."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

# From a forked process (tenths of a second) to a GPU instance (a quarter of an hour), in seconds.
_BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.7, 1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 900)

_PHASE_SECONDS = Histogram(
    "datalab_start_phase_seconds",
    "How long each phase of a successful workspace start took",
    ["backend", "phase"],
    buckets=_BUCKETS,
)
_STARTS = Counter(
    "datalab_starts_total",
    "Workspace starts by how they ended and why",
    ["backend", "profile", "outcome", "reason"],
)
_ENDS = Counter(
    "datalab_ends_total",
    "Workspaces that had run, by why they ended",
    ["backend", "profile", "reason"],
)


def observe_phase(backend: str, phase: str, seconds: float) -> None:
    """Note how long one phase of a start took."""
    _PHASE_SECONDS.labels(backend=backend, phase=str(phase)).observe(seconds)


def count_start(backend: str, profile: str, outcome: str, reason: str) -> None:
    """Count a start. Labels are kept for ever: pass only names out of closed sets."""
    _STARTS.labels(backend=backend, profile=profile, outcome=outcome, reason=reason).inc()


def count_end(backend: str, profile: str, reason: str) -> None:
    """Count the end of a workspace that had run. Labels as for :func:`count_start`."""
    _ENDS.labels(backend=backend, profile=profile, reason=reason).inc()
