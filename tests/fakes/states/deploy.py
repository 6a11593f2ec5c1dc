"""A stack in moto's CloudFormation, and the state machine as it would arrive in Step Functions.

moto makes the resources and knows their names, but ignores ``Definition`` and
``DefinitionSubstitutions``: those two are done here, with the names that moto gave.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import boto3
import yaml

PLACE = re.compile(r"\$\{([A-Za-z0-9]+)\}")


@dataclass
class Deployed:
    """A stack: the machine's definition with everything filled in, and its resources."""

    definition: dict[str, Any]
    resources: dict[str, dict[str, str]]


def deploy(url: str, stack: str, template: str, parameters: dict[str, str]) -> Deployed:
    """Create ``stack`` from the text of a template on the moto server at ``url``."""
    client = boto3.client(
        "cloudformation",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client.create_stack(
        StackName=stack,
        TemplateBody=template,
        Parameters=given,
        Capabilities=["CAPABILITY_IAM"],
    )
    assert client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    found = client.get_template(StackName=stack)["TemplateBody"]
    body = yaml.safe_load(found) if isinstance(found, str) else json.loads(json.dumps(found))
    resources = {
        one["LogicalResourceId"]: {
            "type": one["ResourceType"],
            "id": one.get("PhysicalResourceId", ""),
        }
        for one in client.describe_stack_resources(StackName=stack)["StackResources"]
        if "LogicalResourceId" in one
    }
    properties = body["Resources"]["StateMachine"]["Properties"]
    values = {
        name: _resolve(value, parameters, resources)
        for name, value in properties["DefinitionSubstitutions"].items()
    }
    text = json.dumps(properties["Definition"])
    unknown = set(PLACE.findall(text)) - values.keys()
    assert not unknown, f"the definition names {unknown}, which has no substitution"
    return Deployed(json.loads(PLACE.sub(lambda found: values[found[1]], text)), resources)


def _resolve(value: Any, parameters: dict[str, str], resources: dict[str, Any]) -> str:
    if "Ref" in value:
        name = value["Ref"]
        return parameters[name] if name in parameters else str(resources[name]["id"])
    name, attribute = value["Fn::GetAtt"]
    assert attribute == "Arn"
    kind = resources[name]["type"]
    identity = resources[name]["id"]
    service = {"AWS::IAM::Role": "iam::123456789012:role/", "AWS::Lambda::Function": "lambda:"}
    return f"arn:aws:{service[kind]}{identity}"
