"""From a pod and its events to a sentence: the table, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from datalab_hub.spawner.backend import Phase
from datalab_hub.spawner.kubernetes.capacity import Capacity, capacity_of
from datalab_hub.spawner.kubernetes.diagnosis import address_of, diagnose
from datalab_hub.spawner.kubernetes.ends import end_of, exit_status
from datalab_hub.spawner.kubernetes.findings import REASONS, Trouble
from datalab_hub.spawner.kubernetes.waiting import with_last_words

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


NODES = "0/3 nodes are available: "
NO_COMMAND = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc "
    'create failed: unable to start container process: exec: "nothing": executable file not found '
    "in $PATH: unknown"
)
ROWS = [
    Row(
        "the image has no such command, and the pod is over",
        pod(
            phase="Failed",
            state={"terminated": {"reason": "StartError", "exitCode": 128, "message": NO_COMMAND}},
        ),
        Phase.BOOT,
        "config",
        'cannot be made: exec: "nothing": executable file not found in $PATH.',
        final=True,
    ),
    Row(
        "out of memory at the start, and the pod is over",
        pod(phase="Failed", state={"terminated": {"reason": "OOMKilled", "exitCode": 137}}),
        Phase.BOOT,
        "oom",
        "ran out of memory while it was starting",
        final=True,
    ),
    Row(
        "crashed at the start, and the pod is over",
        pod(phase="Failed", state={"terminated": {"reason": "Error", "exitCode": 3}}),
        Phase.BOOT,
        "crashed",
        "server ended while it was starting (exit status 3)",
        final=True,
    ),
    Row(
        "an init container failed, and the pod is over",
        pod(
            phase="Failed",
            state={"waiting": {"reason": "PodInitializing"}},
            init=[{"name": "prepare", "state": {"terminated": {"exitCode": 2}}}],
        ),
        Phase.BOOT,
        "crashed",
        "Preparing your workspace failed (in prepare)",
        final=True,
    ),
    Row(
        "the image has no such command",
        pod(state={"terminated": {"reason": "StartError", "exitCode": 128, "message": NO_COMMAND}}),
        Phase.BOOT,
        "config",
        'cannot be made: exec: "nothing": executable file not found in $PATH.',
        final=True,
    ),
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
    Row(
        "secret missing",
        waiting("CreateContainerConfigError", 'secret "db" not found'),
        Phase.BOOT,
        "config",
        'secret "db" not found',
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
    Row(
        "no network",
        pod(),
        Phase.BOOT,
        "network",
        "network",
        [event("FailedCreatePodSandBox", "failed to assign an IP address")],
    ),
    Row(
        "crashed",
        pod(state={"terminated": {"exitCode": 3, "reason": "Error"}}),
        Phase.BOOT,
        "crashed",
        "exit status 3",
        final=True,
    ),
    Row(
        "crashed and restarted",
        pod(
            state={"waiting": {"reason": "CrashLoopBackOff"}},
            last={"terminated": {"exitCode": 1, "reason": "Error"}},
        ),
        Phase.BOOT,
        "crashed",
        "exit status 1",
        final=True,
    ),
    Row(
        "crashed and running again",
        pod(
            phase="Running",
            state={"running": {}},
            last={"terminated": {"exitCode": 1, "reason": "Error"}},
        ),
        Phase.BOOT,
        None,
        "Starting the server",
    ),
    Row(
        "out of memory on the way up",
        pod(state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
        Phase.BOOT,
        "oom",
        "ran out of memory",
        final=True,
    ),
    Row(
        "init container failed",
        pod(init=[{"name": "chown", "state": {"terminated": {"exitCode": 1}}}]),
        Phase.BOOT,
        "crashed",
        "in chown",
        final=True,
    ),
    Row(
        "evicted",
        pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
        Phase.BOOT,
        "evicted",
        "short of memory",
        final=True,
    ),
    Row(
        "evicted for disk",
        pod(phase="Failed", reason="Evicted", message="low on resource: ephemeral-storage"),
        Phase.BOOT,
        "evicted",
        "short of disk space",
        final=True,
    ),
    Row(
        "node shut down",
        pod(phase="Failed", reason="Terminated", message="Pod was terminated"),
        Phase.BOOT,
        "node",
        "shut down",
        final=True,
    ),
    Row(
        "turned away by the node",
        pod(phase="Failed", reason="OutOfcpu", message="Node didn't have enough resource"),
        Phase.BOOT,
        "node",
        "just filled up",
        final=True,
    ),
    Row(
        "too long",
        pod(phase="Failed", reason="DeadlineExceeded"),
        Phase.BOOT,
        "max_runtime",
        "longest time",
        final=True,
    ),
    Row(
        "preempted",
        pod(phase="Failed", reason="Preempting"),
        Phase.BOOT,
        "preempted",
        "more important",
        final=True,
    ),
    Row("deleted by somebody", pod(deleted=True), Phase.BOOT, "deleted", "took", final=True),
    Row(
        "deleted by a drain",
        pod(
            deleted=True,
            conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByAPI"}],
        ),
        Phase.BOOT,
        "preempted",
        "took your workspace away",
        final=True,
    ),
    Row(
        "running",
        pod(phase="Running", state={"running": {}}, podIP="10.0.0.5"),
        Phase.BOOT,
        None,
        "Starting the server",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_seen_becomes_a_sentence(row):
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


def test_what_a_node_says_is_told_without_its_own_names():
    said = 'container\'s runAsUser breaks non-root policy (pod: "a_b(c-d)", container: notebook)'
    trouble = diagnose(waiting("CreateContainerConfigError", said)).trouble
    assert trouble.sentence == (
        "Your workspace's container cannot be made: container's runAsUser breaks non-root policy."
    )
    assert said in trouble.detail


def test_before_the_pod_is_known_it_is_asked_for():
    assert diagnose(None).phase is Phase.QUEUE


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


def test_the_address_is_known_as_soon_as_the_container_runs():
    running = pod(phase="Running", state={"running": {}}, podIP="10.0.0.5")
    assert address_of(running) == "10.0.0.5"
    assert address_of(waiting("ContainerCreating")) is None
    assert address_of(pod(state={"running": {}}, podIP="10.0.0.5", deleted=True)) is None


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


def test_the_last_words_of_a_crash_are_shown_and_its_whole_log_is_kept():
    log = "\n".join(f"line {number}" for number in range(20)) + "\n\n"
    trouble = with_last_words(Trouble("It ended.", "crashed", "Try again."), log)
    assert trouble.sentence == "It ended. Its last words: line 17 / line 18 / line 19."
    assert "line 0" in trouble.detail
    assert with_last_words(Trouble("It ended.", "crashed", "x"), " \n").sentence == "It ended."
