#!/usr/bin/env python3
"""Writes the policies of docs/how-to/sagemaker-iam/template.yaml as JSON, for Terraform and others.

``<REGION>``, ``<ACCOUNT>``, ``<CREATOR_ROLE_ARN>`` and so on are to be replaced.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DIRECTORY = Path(__file__).parents[1] / "docs" / "how-to" / "sagemaker-iam"
PLACEHOLDERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "<REGION>",
    "AWS::AccountId": "<ACCOUNT>",
    "HubRoleName": "<HUB_ROLE>",
    "Installation": "<INSTALLATION>",
    "OutputBucket": "<OUTPUT_BUCKET>",
    "Repository": "<REPOSITORY>",
    "KeyArn": "<KEY_ARN>",
    "CreatorRole.Arn": "<CREATOR_ROLE_ARN>",
    "ExecutionRole.Arn": "<EXECUTION_ROLE_ARN>",
}


def policies(values: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return name → policy document, with the template's references replaced.

    Args:
        values: by the names of :data:`PLACEHOLDERS`.
    """
    yaml = YAML(typ="rt")
    template = yaml.load(DIRECTORY / "template.yaml")["Resources"]
    creator, execution = template["CreatorRole"], template["ExecutionRole"]
    found = {
        "hub": template["HubPolicy"]["Properties"]["PolicyDocument"],
        "hub-key": template["HubKeyPolicy"]["Properties"]["PolicyDocument"],
        "creator": creator["Properties"]["Policies"][0]["PolicyDocument"],
        "creator-trust": creator["Properties"]["AssumeRolePolicyDocument"],
        "execution": execution["Properties"]["Policies"][0]["PolicyDocument"],
        "execution-key": template["ExecutionKeyPolicy"]["Properties"]["PolicyDocument"],
        "execution-trust": execution["Properties"]["AssumeRolePolicyDocument"],
    }
    return {name: _resolved(document, values) for name, document in found.items()}


def _resolved(node: Any, values: dict[str, str]) -> Any:
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag in {"!Ref", "!GetAtt"}:
        return values[str(node.value)]
    if tag == "!Sub":
        text = re.sub(r"\$\{([^!}]+)\}", lambda match: values[match[1]], str(node.value))
        return text.replace("${!", "${")
    if isinstance(node, dict):
        return {str(key): _resolved(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolved(value, values) for value in node]
    return str(node)


def texts() -> dict[Path, str]:
    """Return what each JSON file has to hold."""
    return {
        DIRECTORY / f"{name}.json": json.dumps(document, indent=2) + "\n"
        for name, document in policies(PLACEHOLDERS).items()
    }


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text)
