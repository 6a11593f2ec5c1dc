"""A workspace that ran and is over: why, in a sentence."""

from __future__ import annotations

import pytest
from datalab_hub.spawner.kubernetes.ends import end_of, exit_status
from fakes.kubernetes.seen import event, pod


def test_the_end_of_a_workspace_that_ran_has_a_reason_and_a_status():
    killed = pod(phase="Failed", state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    assert (end_of(killed).reason, exit_status(killed)) == ("oom", 137)
    assert exit_status(pod(phase="Failed", reason="Evicted")) == 1


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("The node was low on resource: memory. Threshold quantity: 50Mi", "ran short of memory"),
        ("The node was low on resource: ephemeral-storage.", "ran short of disk space"),
        ('Usage of EmptyDir volume "scratch" exceeds the limit "10Mi". ', "temporary disk space"),
        ("Pod ephemeral local storage usage exceeds the total limit of", "temporary disk space"),
    ],
)
def test_a_server_that_ended_well_when_it_was_put_out_was_put_out(message, says):
    """As seen: the pod has succeeded, without reason or condition; only the event tells."""
    ended = pod(phase="Succeeded", state={"terminated": {"exitCode": 0, "reason": "Completed"}})
    trouble = end_of(ended, [event("Started"), event("Evicted", message)])
    assert trouble.reason == "evicted"
    assert says in trouble.sentence


def test_a_workspace_that_was_deleted_did_not_end_by_itself():
    """What kubelet writes for a moment after ``kubectl delete pod``: ended well, and on its way."""
    ended = pod(phase="Succeeded", state={"terminated": {"exitCode": 0}}, deleted=True)
    assert end_of(ended).reason == "deleted"
    drained = [{"type": "DisruptionTarget", "reason": "EvictionByEvictionAPI", "message": "drain"}]
    assert end_of(pod(phase="Failed", conditions=drained, deleted=True)).reason == "preempted"
