"""AWS: become a role, narrowed and labelled for one person and one source."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..problems import MintFailed
from ..who import Workspace, aws_name

# STS gives between 15 minutes and, when a role assumes a role, one hour.
_SHORTEST, _LONGEST = 900, 3600
_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard"})
_SERVER_CHARS = 256


@cache
def client(service: str, region: str | None = None) -> Any:
    """Return a client with the broker's own identity. Clients may be shared by threads.

    Secrets and endpoints come from the environment, as with every AWS program.
    """
    return boto3.client(service, region_name=region, config=_CONFIG)


def assume(
    role_arn: str,
    who: Workspace,
    source: str,
    policy: dict[str, Any] | None,
    until: float,
    region: str | None,
) -> tuple[dict[str, str], datetime]:
    """Assume a role for a person.

    The role's trust policy has to allow ``sts:AssumeRole``, ``sts:TagSession`` and
    ``sts:SetSourceIdentity`` to the broker. The source identity is in CloudTrail for every call
    made with the credential, and cannot be changed by whoever has it.

    Args:
        policy: what is left of the role's rights; ``None`` for all of them.
        until: seconds that the credential should live; STS gives 15 minutes at least.

    Returns:
        the credential under the names that STS uses, and its end.

    Raises:
        MintFailed: STS refused, or does not answer.
    """
    name = aws_name(who.user)
    tags = {"datalab:user": name, "datalab:source": source, "datalab:server": who.server}
    request: dict[str, Any] = {
        "RoleArn": role_arn,
        "RoleSessionName": name,
        "SourceIdentity": name,
        "DurationSeconds": int(min(_LONGEST, max(_SHORTEST, until))),
        "Tags": [{"Key": key, "Value": value[:_SERVER_CHARS]} for key, value in tags.items()],
    }
    if policy is not None:
        request["Policy"] = json.dumps(policy, separators=(",", ":"))
    with aws_errors(f"AssumeRole {role_arn}"):
        answer = client("sts", region).assume_role(**request)["Credentials"]
    values = {
        "AccessKeyId": answer["AccessKeyId"],
        "SecretAccessKey": answer["SecretAccessKey"],
        "Token": answer["SessionToken"],
    }
    return values, answer["Expiration"]


def as_person(values: dict[str, str], service: str, region: str | None) -> Any:
    """Return a client that acts with an assumed role."""
    return boto3.client(
        service,
        region_name=region,
        config=_CONFIG,
        aws_access_key_id=values["AccessKeyId"],
        aws_secret_access_key=values["SecretAccessKey"],
        aws_session_token=values["Token"],
    )


class aws_errors:
    """Turns AWS's errors into :class:`MintFailed`, inside a ``with`` block."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        """Translate."""
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise MintFailed(
                f"AWS does not give a credential for this data source ({code}). "
                "Tell the person who runs Datalab.",
                reason="aws",
                detail=f"{self._what}: {error.response.get('Error', {}).get('Message', code)}",
            ) from None
        if isinstance(error, BotoCoreError):
            raise MintFailed(
                "AWS does not answer just now; try again in a minute.",
                reason="aws",
                detail=f"{self._what}: {type(error).__name__}: {error}",
            ) from None
