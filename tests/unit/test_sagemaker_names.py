"""Names and tags on AWS, and what its answers are taken for."""

from __future__ import annotations

import re

import pytest
from datalab_hub.spawner.backend import Phase
from datalab_hub.spawner.names import workspace_key
from datalab_hub.spawner.sagemaker import failures
from datalab_hub.spawner.sagemaker.aws import Refused
from datalab_hub.spawner.sagemaker.describe import Described
from datalab_hub.spawner.sagemaker.names import (
    hub_mark,
    job_name,
    job_of_secret,
    secret_name,
    tag_value,
    tags,
    workspace_mark,
)
from datalab_hub.spawner.sagemaker.state import JobState, Step
from fakes.sagemaker import model
from hypothesis import given
from hypothesis import strategies as st

users = st.text(min_size=1, max_size=300).filter(lambda text: "/" not in text)


@given(users, users)
def test_a_jobs_name_and_tags_are_ones_that_sagemaker_takes(user, server):
    key = workspace_key(user, server)
    name = job_name(workspace_mark("a1b2c3d4e5f6", user, key))
    shape = model.operation("sagemaker", "CreateTrainingJob").input_shape
    assert model.problems(shape.members["TrainingJobName"], name) == []
    listed = [{"Key": k, "Value": v} for k, v in tags("i", user, server, key).items()]
    assert model.problems(shape.members["Tags"], listed) == []
    assert name.startswith(hub_mark("a1b2c3d4e5f6"))
    assert job_of_secret(secret_name(name)) == name


@given(users, users)
def test_two_people_never_have_one_tag(one, other):
    assert (tag_value(one) == tag_value(other)) == (one == other)


@given(st.text(max_size=400))
def test_a_tags_value_fits_sts_and_iam_too(text):
    value = tag_value(text)
    assert len(value) <= 256
    assert re.fullmatch(r"[A-Za-z0-9_.:/=+\-@ ]*", value)


def test_no_two_runs_have_one_name():
    mark = workspace_mark("i", "ann", workspace_key("ann", ""))
    assert len({job_name(mark) for _ in range(1000)}) == 1000


def test_a_state_of_another_release_is_read():
    state = JobState.from_dict({"job": "dl-x", "region": None, "step": "running", "later": 1})
    assert state == JobState("dl-x", None, Step.RUNNING)
    assert JobState.from_dict(state.as_dict()) == state


@pytest.mark.parametrize(
    ("secondary", "message", "phase"),
    [
        ("Starting", "Starting the training job", Phase.QUEUE),
        ("Starting", "Launching requested ML instances", Phase.SCHEDULE),
        ("Pending", "", Phase.SCHEDULE),
        ("Downloading", "Downloading the training image", Phase.PULL),
        ("Training", "Training in progress.", Phase.BOOT),
        ("Interrupted", "", Phase.SCHEDULE),
        ("SomethingNew", "", Phase.QUEUE),
    ],
)
def test_every_secondary_status_is_a_phase(secondary, message, phase):
    assert Described("InProgress", secondary, message).phase()[0] == phase


def transitions(*names: str) -> dict:
    return {
        "TrainingJobStatus": "InProgress",
        "SecondaryStatusTransitions": [{"Status": name} for name in names],
    }


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (("Starting", "Training"), 0),
        (("Starting", "Training", "Interrupted"), 1),
        (("Starting", "Training", "Interrupted", "Restarting", "Training"), 1),
        (("Training", "Interrupted", "Starting", "Training", "Interrupted"), 2),
        ((), 0),
    ],
)
def test_interruptions_are_counted(names, count):
    assert Described.of(transitions(*names)).interruptions == count


@pytest.mark.parametrize(
    ("status", "over"),
    [
        ("InProgress", False),
        ("Stopping", False),
        ("Completed", True),
        ("Failed", True),
        (None, True),
    ],
)
def test_what_is_stopping_is_not_gone(status, over):
    assert Described(status).over is over


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity.", "capacity"),
        ("ClientError: Cannot find the requested image x", "image"),
        ("ClientError: Unable to mount file system: fs-1", "home"),
        ("AlgorithmError: The disk is full., exit code: 1", "crashed"),
        ("", "crashed"),
    ],
)
def test_every_reason_has_a_word_and_a_hint(reason, word):
    failed = failures.ended("Failed", reason, ["ml.m5.large"], [])
    assert failed.reason == word
    assert failed.hint
    assert "exit code" not in failed.jupyterhub_message


@pytest.mark.parametrize(
    ("code", "said", "absent"),
    [
        ("ResourceNotFound", "x", True),
        ("ValidationException", "Requested resource not found.", True),
        ("ValidationException", "1 validation error detected", False),
        ("ResourceInUse", "not found", False),
    ],
)
def test_absence_has_more_than_one_name(code, said, absent):
    assert Refused("describe", code, said).is_absence is absent
