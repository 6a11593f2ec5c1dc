"""Hub and workspace understand each other, also one release apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from datalab_workspace import wire
from hypothesis import given
from hypothesis import strategies as st

MESSAGES = [
    wire.Hello(pid=7),
    wire.Claim(
        key="ann--",
        env={"JUPYTERHUB_API_TOKEN": "s3cret", "A": "1"},
        argv=["--allow-root"],
        home="/home/ann",
        uid=1000,
        gid=1000,
        limits=wire.Limits(memory=1 << 30, cpus=0.5),
        name="datalab-workspace ann",
    ),
    wire.Ready(),
    wire.Exited(pid=7, status=-9),
    wire.Register(job="dl-ann", secret="s3cret", ip="10.0.0.7", port=8888),
    wire.Registered(),
    wire.TunnelRequest(job="dl-ann", secret_hash="0" * 64, taken=20001),
    wire.TunnelGrant(port=20002, prefix="/user/ann/", encrypted=True),
    wire.Assignment(
        job="dl-ann",
        secret="s3cret",
        register_url="https://hub/hub/datalab/register",
        env={"JUPYTERHUB_API_TOKEN": "s3cret"},
        argv=[],
        home="/opt/ml/input/data/home",
        port=8888,
        uid=1000,
    ),
    wire.CredentialRequest(source="sales"),
    wire.Credential(
        source="sales", kind="s3", values={"Token": "s3cret"}, expires="2030-01-01T00:00:00Z"
    ),
    wire.Sources([wire.SourceInfo("lake", "The lake", "s3", facts={"bucket": "lake"})]),
    wire.Refusal("group", "You are not in group sales."),
    wire.AgentAlert("token", 3),
    wire.AgentStatus(sources=["sales"], problems={"crm": "Sign in again."}),
]


def changed(message: wire.Message, **changes: Any) -> bytes:
    """Return a message's line with fields replaced, or removed where the value is ``...``."""
    body = json.loads(wire.encode(message)) | changes
    return json.dumps({name: value for name, value in body.items() if value is not ...}).encode()


def test_every_kind_of_message_is_among_the_examples() -> None:
    assert {type(message) for message in MESSAGES} == set(wire.Message.__subclasses__())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_a_message_survives_the_wire_as_one_line(message: wire.Message) -> None:
    line = wire.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert wire.decode(line) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_a_message_of_the_next_version_with_more_fields_is_still_read(
    message: wire.Message,
) -> None:
    newer = changed(message, version=wire.VERSION + 1, colour="green", more={"a": [1]})
    assert wire.decode(newer) == message


def test_a_nested_object_of_the_next_version_may_have_more_fields_too() -> None:
    claim = changed(MESSAGES[1], limits={"memory": 5, "cpus": None, "gpus": 2})
    message = wire.decode(claim)
    assert isinstance(message, wire.Claim)
    assert message.limits == wire.Limits(memory=5, cpus=None)


@pytest.mark.parametrize("version", [wire.OLDEST - 1, wire.NEWEST + 1, None, "1", True, 1.0])
def test_another_version_is_refused_with_a_sentence_that_says_what_to_do(version: object) -> None:
    with pytest.raises(wire.WireError, match=r"this side understands 1 to 2\. Stop the workspace"):
        wire.decode(changed(MESSAGES[0], version=version))


@pytest.mark.parametrize(
    ("message", "changes", "complaint"),
    [
        (MESSAGES[0], {"pid": ...}, "hello.pid is missing"),
        (MESSAGES[0], {"pid": "7"}, "hello.pid is a str, expected int"),
        (MESSAGES[0], {"pid": True}, "hello.pid is a bool, expected int"),
        (MESSAGES[0], {"type": "bye"}, "type is 'bye'; expected one of hello, claim"),
        (MESSAGES[1], {"env": {"A": 1}}, "claim.env.A is a int, expected str"),
        (MESSAGES[1], {"argv": ["a", None]}, r"claim.argv\[1\] is a NoneType, expected str"),
        (MESSAGES[1], {"uid": "root"}, "claim.uid is a str, expected int or NoneType"),
        (MESSAGES[1], {"limits": {"cpus": "2"}}, "claim.limits.cpus is a str, expected float"),
        (MESSAGES[1], {"limits": []}, "claim.limits is a list, expected Limits"),
        (MESSAGES[4], {"port": ...}, "register.port is missing"),
    ],
)
def test_a_wrong_field_is_named(
    message: wire.Message, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(wire.WireError, match=complaint):
        wire.decode(changed(message, **changes))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"\xff\xfe", b"null"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(data)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_value_in_any_field_is_read_or_refused_but_never_crashes(value: object) -> None:
    for name in ("env", "argv", "limits", "uid", "home", "type", "version"):
        try:
            wire.decode(changed(MESSAGES[1], **{name: value}))
        except wire.WireError:
            continue


def test_secrets_show_neither_in_representations_nor_in_errors() -> None:
    for message in MESSAGES:
        assert "s3cret" not in repr(message)
        assert "n3xt" not in repr(message)
    with pytest.raises(wire.WireError) as refused:
        wire.decode(changed(MESSAGES[4], secret=["s3cret"]))
    assert "s3cret" not in str(refused.value)
