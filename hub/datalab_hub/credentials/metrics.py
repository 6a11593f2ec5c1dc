"""What the broker counts. Sources come from the catalog, so that the labels are a closed set."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

# botocore gives up after two seconds.
_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1, 2, 5)


class Metrics:
    """The broker's own registry, so that two brokers in one process do not share numbers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "datalab_credential_requests_total",
            "Requests for credentials by source and how they ended",
            ["source", "outcome", "reason"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "datalab_credential_seconds",
            "How long a workspace waited for a credential",
            ["source"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._revoked = Counter(
            "datalab_credentials_revoked_total",
            "Credentials that were taken back at the source",
            ["source"],
            registry=self._registry,
        )

    def request(self, source: str, outcome: str, reason: str, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(source=source, outcome=outcome, reason=reason).inc()
        if outcome == "ok":
            self._seconds.labels(source=source).observe(seconds)

    def revoked(self, source: str, count: int) -> None:
        """Count credentials taken back."""
        self._revoked.labels(source=source).inc(count)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
