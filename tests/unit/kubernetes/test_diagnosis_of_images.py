"""An image on its way to a node: from what is seen to a sentence."""

from __future__ import annotations

import pytest
from datalab_hub.spawner.backend import Phase
from fakes.kubernetes.seen import Row, event, holds, pod, waiting

ROWS = [
    Row("pulling", pod(), Phase.PULL, None, "lab:7", [event("Scheduled"), event("Pulling")]),
    Row("pulled", pod(), Phase.BOOT, None, "Preparing", [event("Pulling"), event("Pulled")]),
    Row(
        "no such image",
        waiting("ErrImagePull", "rpc error: code = NotFound desc = failed to pull: not found"),
        Phase.PULL,
        "image_missing",
        "lab:7 does not exist",
    ),
    Row(
        "backing off: only the events say why",
        waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/team/lab:7"'),
        Phase.PULL,
        "image_denied",
        "does not let the cluster fetch",
        [event("Failed", "401 Unauthorized")],
    ),
    Row(
        "Docker Hub says both",
        waiting("ErrImagePull", "repository does not exist or may require 'docker login': denied"),
        Phase.PULL,
        "image_missing",
        "does not exist",
    ),
    Row(
        "registry away",
        waiting("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout"),
        Phase.PULL,
        "image_registry",
        "does not answer",
    ),
    Row(
        "another processor",
        waiting("ErrImagePull", "no match for platform in manifest: not found"),
        Phase.PULL,
        "image_architecture",
        "kind of processor",
    ),
    Row(
        "disk full",
        waiting("ErrImagePull", "write /var/lib: no space left on device"),
        Phase.PULL,
        "disk",
        "no disk space",
    ),
    Row("bad name", waiting("InvalidImageName"), Phase.PULL, "image_name", "not valid", final=True),
    Row(
        "never pulled",
        waiting("ErrImageNeverPull"),
        Phase.PULL,
        "image_missing",
        "forbidden",
        final=True,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_seen_becomes_a_sentence(row):
    holds(row)
