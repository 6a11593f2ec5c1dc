"""Reads a workspace's assignment from AWS Secrets Manager."""

from __future__ import annotations

from . import wire

# Not there (yet, or any more): after an interruption the hub writes it anew, within its watch's
# interval. AccessDenied is among them because IAM takes seconds to know a new resource's tags.
_NOT_YET = frozenset(
    {
        "ResourceNotFoundException",
        "InvalidRequestException",  # marked for deletion
        "AccessDeniedException",
        "ThrottlingException",
        "InternalServiceError",
        "InternalServiceErrorException",
    }
)


class NotYet(Exception):
    """The assignment cannot be read now; trying again may help."""


class BadAssignment(Exception):
    """The assignment is not for this release of the workspace, or there is no way to read it."""


def fetch(name: str) -> wire.Assignment:
    """Return the assignment in the secret of this name.

    Credentials, region and endpoint come from the environment, as boto3 finds them.

    Raises:
        NotYet: not there, not readable now, or nobody answers.
        BadAssignment: boto3 is not in the image, or the hub's release does not fit this one.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise BadAssignment(
            "The image has no boto3, which a workspace on SageMaker needs to read its assignment. "
            "Install datalab-workspace[sagemaker] in the image."
        ) from error
    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    try:
        client = boto3.client("secretsmanager", config=config)
        text = client.get_secret_value(SecretId=name)["SecretString"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code in _NOT_YET or status >= 500:
            raise NotYet(code) from error
        raise BadAssignment(f"The assignment {name} cannot be read: {code}.") from error
    except BotoCoreError as error:
        # No credentials, no route, a broken connection: never quotes the secret.
        raise NotYet(type(error).__name__) from error
    try:
        message = wire.decode(text)
    except wire.WireError as error:
        raise BadAssignment(f"The assignment does not fit this image: {error}") from error
    if not isinstance(message, wire.Assignment):
        raise BadAssignment(f"The secret {name} holds a {message.type}, not an assignment.")
    return message
