"""The policies in the docs allow every call that is made, and no other person's."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datalab_hub.spawner.reconcile import reconcile
from fakes.iam import allowed
from fakes.sagemaker import ACCOUNT, REGION, Call, Principal
from sagemaker_site import ROLE, eventually

ROOT = Path(__file__).parents[3]
CREATOR = f"arn:aws:iam::{ACCOUNT}:role/datalab-creator"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d"
JOBS = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job"
SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"


def _tool() -> Any:
    spec = importlib.util.spec_from_file_location("iam_json", ROOT / "tools" / "iam_json.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = _tool()
POLICIES = TOOL.policies(
    {
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "HubRoleName": "hub",
        "Installation": "test",
        "OutputBucket": "datalab-unused",
        "Repository": "*",
        "KeyArn": KEY,
        "CreatorRole.Arn": CREATOR,
        "ExecutionRole.Arn": ROLE,
    }
)
ROLES = {"hub": "hub", CREATOR: "creator", ROLE: "execution"}
MORE = {"hub": "hub-key", "execution": "execution-key"}
"""With a key of one's own (``KeyArn``): further policies of these roles."""
SECRETS_MANAGER = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}


def tags(prefix: str, values: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}/{name}": value for name, value in values.items()}


def needs(call: Call) -> list[tuple[str, str, dict[str, str]]]:
    """Return (action, resource, context) of all that IAM asks when a call is made."""
    context = tags("aws:PrincipalTag", call.principal.tags)
    context |= tags("aws:ResourceTag", call.resource_tags)
    body = call.body
    action = f"{call.service}:{call.operation}"
    if call.operation == "AssumeRole":
        keys = [name for name in body if name.endswith(".Key") and name.startswith("Tags.")]
        asked = {body[name]: body[name.replace(".Key", ".Value")] for name in keys}
        context |= tags("aws:RequestTag", asked)
        resource = body["RoleArn"]
        return [(action, resource, context), ("sts:TagSession", resource, context)]
    context |= tags("aws:RequestTag", {t["Key"]: t["Value"] for t in body.get("Tags", [])})
    if call.operation == "CreateTrainingJob":
        resource = f"{JOBS}/{body['TrainingJobName']}"
        passing = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        return [
            (action, resource, context),
            ("sagemaker:AddTags", resource, context),
            ("iam:PassRole", body["RoleArn"], passing),
        ]
    if call.service == "secretsmanager" and call.operation != "ListSecrets":
        name = body.get("SecretId") or body["Name"]
        found = [(action, f"{SECRETS}:{name}-a1B2c3", context)]
        if call.operation == "CreateSecret":
            found.append(("secretsmanager:TagResource", found[0][1], context))
            assert body["KmsKeyId"] == KEY
        # Secrets Manager asks KMS in the caller's name ("Secret encryption and decryption").
        if call.operation in {"CreateSecret", "PutSecretValue"}:
            found.append(("kms:GenerateDataKey", KEY, SECRETS_MANAGER))
        if call.operation in {"CreateSecret", "PutSecretValue", "GetSecretValue"}:
            found.append(("kms:Decrypt", KEY, SECRETS_MANAGER))
        return found
    if call.operation.startswith("List") and call.operation != "ListTags":
        return [(action, "*", context)]
    return [(action, body.get("ResourceArn") or f"{JOBS}/{body['TrainingJobName']}", context)]


def judge(call: Call) -> list[str]:
    """Return what the signer's policy does not allow of a call."""
    return [
        f"{call.principal.role} may not {action} on {resource}"
        for action, resource, context in needs(call)
        if not may(ROLES[call.principal.role], action, resource, context)
    ]


def may(role: str, action: str, resource: str, context: dict[str, str]) -> bool:
    policies = [POLICIES[role], *([POLICIES[MORE[role]]] if role in MORE else [])]
    return any(allowed(policy, action, resource, context) for policy in policies)


@pytest.fixture
async def lived(world):
    """A whole life: start, interruption, stop, an orphan removed, a registration retried."""
    world.platform.creator_role_arn = CREATOR
    world.platform.kms_key = KEY
    workspace = world.workspace("ann", "spot")
    backend = workspace.new_hub()
    await backend.start()
    import asyncio

    watch = asyncio.create_task(backend.gone())
    workspace.job.interrupt()
    await eventually(lambda: workspace.moves)
    watch.cancel()
    orphan = world.workspace("ben")
    await orphan.new_hub().start()
    world.platform.backends.clear()
    await reconcile(world.site, lambda backend: [workspace.key])
    await workspace.new_hub().stop()
    return world


async def test_every_call_that_is_made_is_allowed(lived):
    calls = [call for call in lived.aws.calls if call.principal.role in ROLES]
    assert len(calls) == len(lived.aws.calls)
    assert {problem for call in calls for problem in judge(call)} == set()
    made = {(ROLES[call.principal.role], call.operation) for call in calls}
    assert made >= {
        ("hub", "AssumeRole"),
        ("hub", "ListTrainingJobs"),
        ("hub", "DescribeTrainingJob"),
        ("hub", "StopTrainingJob"),
        ("hub", "ListTags"),
        ("hub", "CreateSecret"),
        ("hub", "DeleteSecret"),
        ("hub", "ListSecrets"),
        ("creator", "CreateTrainingJob"),
        ("execution", "GetSecretValue"),
    }


async def test_the_key_of_the_disks_is_one_that_the_job_may_grant(lived):
    """AWS asks for it in the execution role's name."""
    (first, *_) = lived.calls("CreateTrainingJob")
    assert first.body["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    assert may("execution", "kms:CreateGrant", KEY, {})


@pytest.mark.parametrize("role", ["hub", "execution"])
def test_the_key_opens_nothing_but_secrets_of_secrets_manager(role):
    assert may(role, "kms:Decrypt", KEY, SECRETS_MANAGER)
    for service in ("s3", "ebs"):
        asked = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
        assert not may(role, "kms:Decrypt", KEY, asked)
    assert not may(role, "kms:Decrypt", KEY, {})
    assert not may(role, "kms:Decrypt", KEY.replace("0a1b", "9z8y"), SECRETS_MANAGER)


async def test_the_jobs_session_names_its_person_and_itself(lived):
    reads = [call for call in lived.aws.calls if call.operation == "GetSecretValue"]
    assert {call.principal.tags["datalab:user"] for call in reads} == {"ann", "ben"}
    for call in reads:
        assert call.body["SecretId"] == f"datalab/ws/{call.principal.tags['datalab:job']}"


def session(user: str, job: str) -> dict[str, str]:
    return {"datalab:user": user, "datalab:job": job, "datalab:hub": "test"}


@pytest.mark.parametrize(
    ("principal", "operation", "body", "resource_tags"),
    [
        (  # another person's assignment
            Principal(ROLE, session("eve", "dl-eve")), "GetSecretValue",
            {"SecretId": "datalab/ws/dl-ann"}, session("ann", "dl-ann"),
        ),
        (  # a secret of their own name that is another's
            Principal(ROLE, session("eve", "dl-eve")), "GetSecretValue",
            {"SecretId": "datalab/ws/dl-eve"}, session("ann", "dl-eve"),
        ),
        (  # without session tags: variables without a value match nothing
            Principal(ROLE), "GetSecretValue", {"SecretId": "datalab/ws/dl-ann"}, {},
        ),
        (Principal("hub"), "GetSecretValue", {"SecretId": "datalab/ws/dl-ann"}, {}),
        (Principal("hub"), "DeleteSecret", {"SecretId": "payroll"}, {"datalab:hub": "test"}),
        (Principal("hub"), "StopTrainingJob", {"TrainingJobName": "dl-x"}, {"datalab:hub": "b"}),
        (Principal("hub"), "StopTrainingJob", {"TrainingJobName": "theirs"}, {}),
        (
            Principal("hub"), "CreateTrainingJob",
            {"TrainingJobName": "dl-x", "RoleArn": ROLE, "Tags": []}, {},
        ),
        (  # the creator, as somebody else
            Principal(CREATOR, session("eve", "dl-eve")), "CreateTrainingJob",
            {"TrainingJobName": "dl-eve", "RoleArn": ROLE,
             "Tags": [{"Key": "datalab:user", "Value": "ann"},
                      {"Key": "datalab:hub", "Value": "test"}]}, {},
        ),
        (  # the creator, with another role
            Principal(CREATOR, session("eve", "dl-eve")), "CreateTrainingJob",
            {"TrainingJobName": "dl-eve", "RoleArn": "arn:aws:iam::123456789012:role/admin",
             "Tags": [{"Key": "datalab:user", "Value": "eve"},
                      {"Key": "datalab:hub", "Value": "test"}]}, {},
        ),
    ],
)  # fmt: skip
def test_what_nobody_needs_is_not_allowed(principal, operation, body, resource_tags):
    service = "secretsmanager" if "Secret" in operation else "sagemaker"
    assert judge(Call(service, operation, body, principal, resource_tags))


def test_the_json_files_are_those_of_the_template():
    for path, text in TOOL.texts().items():
        assert path.read_text() == text, f"{path.name} is old; run tools/iam_json.py"


def test_the_template_is_clean_to_cfn_lint():
    template = ROOT / "docs" / "how-to" / "sagemaker-iam" / "template.yaml"
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(template)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
