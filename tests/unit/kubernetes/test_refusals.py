"""What the API server refuses, or does not answer, as a sentence."""

from __future__ import annotations

import pytest
from datalab_hub.spawner.kubernetes.cluster import ClusterRefused, ClusterUnavailable
from datalab_hub.spawner.kubernetes.findings import REASONS
from datalab_hub.spawner.kubernetes.refusals import refusal, unreachable

BYTES = (
    'pods "dl-ann" is forbidden: exceeded quota: q, requested: requests.cpu=700m,requests.memory='
    "1073741824, used: requests.cpu=900m,requests.memory=2684354560, limited: requests.cpu=1,"
    "requests.memory=1500Mi"
)
QUOTA = (
    'pods "dl-ann" is forbidden: exceeded quota: team, requested: limits.memory=8Gi,'
    "requests.cpu=2, used: limits.memory=4Gi,requests.cpu=9, limited: requests.cpu=10"
)
SECURITY = (
    'pods "dl-ann" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
)


@pytest.mark.parametrize(
    ("status", "message", "reason", "says"),
    [
        (403, QUOTA, "quota", "CPU (9 of 10 in use, 2 wanted)"),
        (403, BYTES, "quota", "CPU (0.9 of 1 in use, 0.7 wanted), memory (2.5 GiB of 1.46 GiB"),
        (403, SECURITY, "pod_security", "security rules"),
        (
            400,
            'admission webhook "policy.example" denied the request: images must be signed',
            "admission",
            "images must be signed",
        ),
        (403, 'User "hub" cannot create resource "pods"', "forbidden", "not allowed"),
        (401, "Unauthorized", "forbidden", "not allowed"),
        (422, "spec.containers[0].image: Required value", "manifest", "does not accept"),
    ],
)
def test_what_the_api_server_refuses_becomes_a_sentence(status, message, reason, says):
    trouble = refusal(ClusterRefused(status, "Forbidden", message), "workspace")
    assert trouble.reason == reason
    assert trouble.reason in REASONS
    assert says in trouble.sentence
    assert message in trouble.detail


def test_an_api_server_that_is_away_becomes_a_sentence():
    trouble = unreachable(ClusterUnavailable("connection refused"))
    assert "cannot be reached" in trouble.sentence
    assert "connection refused" in trouble.detail
    assert "connection refused" not in trouble.sentence
