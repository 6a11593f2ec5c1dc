"""A pod that has no place yet, or no volume: from what is seen to a sentence."""

from __future__ import annotations

import pytest
from datalab_hub.spawner.backend import Phase
from datalab_hub.spawner.kubernetes.capacity import Capacity, capacity_of
from datalab_hub.spawner.kubernetes.diagnosis import diagnose
from fakes.kubernetes.seen import Row, event, holds, pod, unscheduled

NODES = "0/3 nodes are available: "
ROWS = [
    Row(
        "a volume of the profile is not there",
        pod(),
        Phase.VOLUME,
        "volume",
        "volume 'keys' of this kind of workspace cannot be attached: configmap \"k\" not found.",
        [
            event(
                "FailedMount",
                'MountVolume.SetUp failed for volume "keys" : configmap "k" not found',
            )
        ],
    ),
    Row(
        "the home is not there",
        pod(),
        Phase.VOLUME,
        "volume",
        "Your home cannot be attached to the node.",
        [event("FailedMount", 'MountVolume.SetUp failed for volume "pvc-12" : mount failed')],
    ),
    Row("just made", pod(node=None), Phase.SCHEDULE, None, "Looking for a free place"),
    Row(
        "gated",
        pod(
            node=None,
            conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
        ),
        Phase.QUEUE,
        None,
        "queue",
    ),
    Row(
        "no CPU",
        unscheduled(f"{NODES}3 Insufficient cpu. preemption: 0/3 nodes", cpu="4"),
        Phase.SCHEDULE,
        "cpu",
        "No node has 4 CPU free.",
    ),
    Row(
        "no memory",
        unscheduled(f"{NODES}3 Insufficient memory.", memory="8Gi"),
        Phase.SCHEDULE,
        "memory",
        "No node has 8 GiB of memory free.",
    ),
    Row(
        "no GPU, and the CPU is short too",
        unscheduled(
            f"{NODES}1 Insufficient cpu, 3 Insufficient nvidia.com/gpu.",
            **{"cpu": "1", "nvidia.com/gpu": "2"},
        ),
        Phase.SCHEDULE,
        "gpu",
        "No node has 2 GPUs free.",
    ),
    Row(
        "too many pods",
        unscheduled(f"{NODES}3 Too many pods."),
        Phase.SCHEDULE,
        "pods",
        "as many pods as it may",
    ),
    Row(
        "a taint",
        unscheduled(f"{NODES}3 node(s) had untolerated taint {{gpu: yes}}."),
        Phase.SCHEDULE,
        "no_node",
        "no node of the kind",
    ),
    Row(
        "a scheduler nobody knows",
        unscheduled("the stars are not right"),
        Phase.SCHEDULE,
        "no_node",
        "No node of the cluster can take",
    ),
    Row(
        "claim unbound",
        unscheduled(f"{NODES}pod has unbound immediate PersistentVolumeClaims."),
        Phase.VOLUME,
        "volume",
        "volume of your home is not ready",
    ),
    Row(
        "claim unbound, provisioner fails",
        unscheduled("pod has unbound immediate PersistentVolumeClaims"),
        Phase.VOLUME,
        "volume",
        "could not be made",
        [event("ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')],
    ),
    Row(
        "claim unbound, provisioner works",
        unscheduled("pod has unbound immediate PersistentVolumeClaims"),
        Phase.VOLUME,
        None,
        "Making the volume",
        [event("ExternalProvisioning")],
    ),
    Row(
        "claim missing",
        unscheduled('persistentvolumeclaim "data" not found'),
        Phase.VOLUME,
        "volume",
        "claim data does not exist",
    ),
    Row(
        "home in another zone",
        unscheduled(f"{NODES}3 node(s) had volume node affinity conflict."),
        Phase.VOLUME,
        "attach",
        "zone",
    ),
    Row(
        "autoscaler adds a node",
        unscheduled(f"{NODES}3 Insufficient cpu.", cpu="4"),
        Phase.SCHEDULE,
        "cpu",
        "A new node is being started",
        [event("TriggeredScaleUp")],
    ),
    Row(
        "volume attached elsewhere",
        pod(),
        Phase.VOLUME,
        "attach",
        "still attached to another node",
        [event("FailedAttachVolume", "Multi-Attach error for volume pvc-1")],
    ),
    Row(
        "volume cannot be mounted",
        pod(),
        Phase.VOLUME,
        "volume",
        "cannot be attached",
        [event("FailedMount", "MountVolume.SetUp failed: rpc error")],
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_seen_becomes_a_sentence(row):
    holds(row)


def test_a_volume_that_was_made_long_ago_does_not_hide_why_there_is_no_place():
    """Events about the volume of a new home stay for an hour."""
    seen = unscheduled(f"{NODES}1 Insufficient memory.", memory="500Gi")
    events = [event("ExternalProvisioning"), event("FailedScheduling")]
    finding = diagnose(seen, events)
    assert finding.phase is Phase.SCHEDULE
    assert finding.trouble.reason == "memory"


def test_a_volume_that_is_made_once_there_is_a_place_is_told():
    """Storage classes with WaitForFirstConsumer, as EBS has: the condition still tells the past."""
    seen = unscheduled(f"{NODES}1 Insufficient cpu.", cpu="1")
    events = [event("FailedScheduling"), event("ExternalProvisioning")]
    assert diagnose(seen, events).phase is Phase.VOLUME
    assert diagnose(pod(node=None), [event("Provisioning")]).phase is Phase.VOLUME
    made = [event("Provisioning"), event("ProvisioningSucceeded")]
    assert diagnose(pod(node=None), made).phase is Phase.SCHEDULE


def test_free_capacity_is_named_where_it_may_be_known():
    seen = unscheduled(f"{NODES}3 Insufficient cpu.", cpu="4")
    trouble = diagnose(seen, [], Capacity({"a": {"cpu": 1.5}, "b": {"cpu": 0.25}})).trouble
    assert trouble.sentence == "No node has 4 CPU free; the best one has 1.5 CPU."


def test_capacity_counts_running_pods_and_skips_cordoned_nodes():
    def node(name, cpu, **spec):
        return {"metadata": {"name": name}, "spec": spec, "status": {"allocatable": {"cpu": cpu}}}

    busy = pod(node="a", phase="Running", requests={"cpu": "1500m"})
    over = pod(node="a", phase="Succeeded", requests={"cpu": "1"})
    capacity = capacity_of([node("a", "4"), node("b", "8", unschedulable=True)], [busy, over])
    assert capacity.free == {"a": {"cpu": 2.5}}


def test_an_autoscaler_that_works_is_waited_for_and_one_that_will_not_is_not():
    seen = unscheduled(f"{NODES}3 Insufficient cpu.", cpu="4")
    assert diagnose(seen, [event("TriggeredScaleUp")]).trouble.patience is None
    assert diagnose(seen, [event("NotTriggerScaleUp")]).trouble.patience is not None
