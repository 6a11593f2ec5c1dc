"""A container on its way to a server that answers: from what is seen to a sentence."""

from __future__ import annotations

import pytest
from datalab_hub.spawner.backend import Phase
from datalab_hub.spawner.kubernetes.diagnosis import address_of, diagnose
from datalab_hub.spawner.kubernetes.findings import Trouble
from datalab_hub.spawner.kubernetes.waiting import with_last_words
from fakes.kubernetes.seen import Row, event, holds, pod, waiting

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
        "secret missing",
        waiting("CreateContainerConfigError", 'secret "db" not found'),
        Phase.BOOT,
        "config",
        'secret "db" not found',
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
    holds(row)


def test_what_a_node_says_is_told_without_its_own_names():
    said = 'container\'s runAsUser breaks non-root policy (pod: "a_b(c-d)", container: notebook)'
    trouble = diagnose(waiting("CreateContainerConfigError", said)).trouble
    assert trouble.sentence == (
        "Your workspace's container cannot be made: container's runAsUser breaks non-root policy."
    )
    assert said in trouble.detail


def test_before_the_pod_is_known_it_is_asked_for():
    assert diagnose(None).phase is Phase.QUEUE


def test_the_address_is_known_as_soon_as_the_container_runs():
    running = pod(phase="Running", state={"running": {}}, podIP="10.0.0.5")
    assert address_of(running) == "10.0.0.5"
    assert address_of(waiting("ContainerCreating")) is None
    assert address_of(pod(state={"running": {}}, podIP="10.0.0.5", deleted=True)) is None


def test_the_last_words_of_a_crash_are_shown_and_its_whole_log_is_kept():
    log = "\n".join(f"line {number}" for number in range(20)) + "\n\n"
    trouble = with_last_words(Trouble("It ended.", "crashed", "Try again."), log)
    assert trouble.sentence == "It ended. Its last words: line 17 / line 18 / line 19."
    assert "line 0" in trouble.detail
    assert with_last_words(Trouble("It ended.", "crashed", "x"), " \n").sentence == "It ended."
