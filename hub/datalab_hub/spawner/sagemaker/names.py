"""Names and tags of what a workspace has on AWS.

``dl-<hub8>-<user ≤20>-<hash8>-<nonce8>``, at most 57 of SageMaker's 63 characters:

* ``hub8`` marks the installation, so that ``ListTrainingJobs(NameContains=…)`` finds its jobs and
  no other's, though the account may hold years of finished jobs.
* ``hash8`` marks the workspace; together with the user it finds a workspace's earlier jobs.
* ``nonce8`` makes each run's name its own: SageMaker never gives a name free again.

Eight characters of a hash can be searched for. So a name only *finds*; what belongs to whom is
decided by the tag that holds the workspace's whole key (:func:`~..names.workspace_key`).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b32encode
from urllib.parse import quote

HUB_TAG, KEY_TAG = "datalab:hub", "datalab:key"
USER_TAG, SERVER_TAG, JOB_TAG = "datalab:user", "datalab:server", "datalab:job"

_HASH_CHARS = 8
_USER_CHARS = 20
_TAG_CHARS = 256
_NONCE_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
SECRET_PREFIX = "datalab/ws/"


def hub_mark(instance: str) -> str:
    """Return how the names of all jobs of an installation begin."""
    return f"dl-{_hash(instance)}-"


def workspace_mark(instance: str, user: str, key: str) -> str:
    """Return how the names of all jobs of one workspace begin."""
    slug = re.sub(r"[^a-z0-9]+", "-", user.lower())[:_USER_CHARS].strip("-")
    return f"{hub_mark(instance)}{slug or 'x'}-{_hash(key)}-"


def job_name(mark: str) -> str:
    """Return a name for a new job of a workspace."""
    return mark + "".join(secrets.choice(_NONCE_ALPHABET) for _ in range(_HASH_CHARS))


def secret_name(job: str) -> str:
    """Return the name of the secret that holds a job's assignment."""
    return SECRET_PREFIX + job


def job_of_secret(secret: str) -> str:
    """Return the job that a secret is for."""
    return secret.removeprefix(SECRET_PREFIX)


def tag_value(text: str) -> str:
    """Return text as the value of a tag: at most 256 of the characters that AWS takes.

    Injective, so that a policy that compares tags never takes one person for another: what tags
    cannot hold is written as ``=XX``, and what is too long is cut and carries its whole digest
    behind ``==``, which the escaping never produces.
    """
    escaped = quote(text, safe="+:@").replace("~", "%7E").replace("=", "%3D").replace("%", "=")
    if len(escaped) <= _TAG_CHARS:
        return escaped
    return f"{escaped[:_USER_CHARS]}=={hashlib.sha256(text.encode()).hexdigest()}"


def tags(instance: str, user: str, server: str, key: str) -> dict[str, str]:
    """Return the tags of everything that a workspace has on AWS."""
    return {
        HUB_TAG: tag_value(instance),
        KEY_TAG: key,
        USER_TAG: tag_value(user),
        SERVER_TAG: tag_value(server),
    }


def as_list(values: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS's APIs take them."""
    return [{"Key": name, "Value": value} for name, value in values.items()]


def as_dict(values: list[dict[str, str]]) -> dict[str, str]:
    """Return tags as AWS's APIs give them."""
    return {tag["Key"]: tag["Value"] for tag in values}


def _hash(text: str) -> str:
    return b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:_HASH_CHARS]
