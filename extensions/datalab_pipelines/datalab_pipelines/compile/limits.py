"""The limits of AWS that a pipeline can run into, checked while it is compiled.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html,
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html, and the SageMaker API
reference of the request that is named.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import LimitError, Place
from ..graph import StageNode

TEMPLATE_DIRECT = 51_200
TEMPLATE_S3 = 1_000_000
DEFINITION = 1_000_000
STATE_NAME = 80
PAYLOAD = 262_144
PARAMETERS = 200
RESOURCES = 500
ARGUMENTS = 100
ARGUMENT = 256
VARIABLE = 256
HYPERPARAMETER = 2500


def state_name(name: str, place: Place) -> str:
    """Return ``name``; raises ``LimitError`` when Step Functions does not take it."""
    if len(name) > STATE_NAME:
        raise LimitError(
            f"the state name {name!r} has {len(name)} characters; Step Functions takes "
            f"{STATE_NAME}",
            hint="Give the stage or the pipeline inside a shorter name: stage.named('…').",
            place=place,
        )
    return name


def arguments(node: StageNode, found: list[str]) -> list[str]:
    """Return a container's arguments; raises ``LimitError`` for more than SageMaker takes."""
    if len(found) > ARGUMENTS:
        raise LimitError(
            f"the stage {node.name} takes too many arguments: {len(found)} words on its command "
            f"line, and SageMaker takes {ARGUMENTS}",
            hint="Gather inputs in a list or a NamedTuple.",
            place=node.place,
        )
    for one in found:
        if len(one) > ARGUMENT:
            raise LimitError(
                f"the stage {node.name}: {one[:60]}… has {len(one)} characters, and SageMaker "
                f"takes {ARGUMENT} for one argument",
                hint="Make large values in a stage, or read them from a file there.",
                place=node.place,
            )
    return found


def variable(node: StageNode, name: str, default: Any) -> None:
    """Raise ``LimitError`` for a default that is too long for a job's environment."""
    if len(json.dumps(default)) > VARIABLE:
        raise LimitError(
            f"the stage {node.name}: the default of {name} is longer than {VARIABLE} characters, "
            "which is what SageMaker takes for one value",
            hint="Read long values from a file in a stage.",
            place=node.place,
        )


def hyperparameter(node: StageNode, text: str) -> str:
    """Return a trial's arguments; raises ``LimitError`` for more than SageMaker takes."""
    if len(text) > HYPERPARAMETER:
        raise LimitError(
            f"the stage {node.name}: its arguments have {len(text):,} characters, and a tuning "
            f"job takes {HYPERPARAMETER:,}",
            hint="Gather inputs in a NamedTuple, or take fewer constants.",
            place=node.place,
        )
    return text


def definition(machine: dict[str, Any], place: Place) -> None:
    """Raise ``LimitError`` for a state machine that Step Functions does not take."""
    size = len(json.dumps(machine, separators=(",", ":")).encode())
    if size > DEFINITION:
        raise LimitError(
            f"the state machine's definition has {size:,} bytes; Step Functions takes "
            f"{DEFINITION:,}",
            hint="Split the pipeline, or loop over alike stages with for_each.",
            place=place,
        )


def template(found: dict[str, Any], place: Place) -> int:
    """Return the template's size in bytes; raises ``LimitError`` beyond CloudFormation's limits.

    Above ``TEMPLATE_DIRECT`` it has to be uploaded to S3 for deployment.
    """
    size = len(json.dumps(found).encode())
    for what, number, limit in (
        ("bytes", size, TEMPLATE_S3),
        ("parameters", len(found.get("Parameters", {})), PARAMETERS),
        ("resources", len(found["Resources"]), RESOURCES),
    ):
        if number > limit:
            raise LimitError(
                f"the template has {number:,} {what}; CloudFormation takes {limit:,}",
                hint="Split the pipeline.",
                place=place,
            )
    return size


def payload(value: Any, what: str, place: Place) -> None:
    """Raise ``LimitError`` for data in the state machine that exceeds Step Functions' payload."""
    text = json.dumps(value)
    if "${" in text:
        raise LimitError(
            f"{what} contain ${{…}}, which CloudFormation takes for a substitution",
            hint="Put it together in a stage.",
            place=place,
        )
    size = len(text.encode())
    if size > PAYLOAD // 2:
        raise LimitError(
            f"{what} has {size:,} bytes; Step Functions carries {PAYLOAD:,} in all",
            hint="Let a stage make it: artifacts travel by reference.",
            place=place,
        )
