"""S3: a role, narrowed to bucket and prefix by a session policy."""

from __future__ import annotations

import asyncio
from typing import Any

from ...catalog.sources.cloud import S3Source
from ..who import Workspace, aws_name
from .assume import assume
from .base import Minted, Minter

_READ = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging")
_WRITE = (
    *("s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging"),
    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
)


class S3Minter(Minter[S3Source]):
    """Assumes the source's role."""

    kind = "s3"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``AccessKeyId``, ``SecretAccessKey``, ``Token``."""
        source, until = self.source, self.until()
        values, end = await asyncio.to_thread(
            assume,
            source.role_arn,
            who,
            source.name,
            session_policy(source, access),
            source.lifetime.total_seconds(),
            source.region,
        )
        return Minted(values, min(end, until), aws_name(who.user))


def session_policy(source: S3Source, access: str) -> dict[str, Any]:
    """Return what is left of the role's rights: this bucket, this prefix, this access.

    A session policy only ever takes away; what the role itself may not do stays forbidden.
    """
    partition = source.role_arn.split(":")[1]  # aws, aws-cn, aws-us-gov
    bucket = f"arn:{partition}:s3:::{source.bucket}"
    listing: dict[str, Any] = {
        "Sid": "List",
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
        "Resource": bucket,
    }
    # `*` and `?` in a policy are wildcards; a prefix that holds them means them literally.
    prefix = source.prefix.replace("$", "${$}").replace("*", "${*}").replace("?", "${?}")
    if prefix:
        listing["Condition"] = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
    if access == "write":
        uploads = {"Sid": "Uploads", "Effect": "Allow", "Resource": bucket}
        extra = [{**uploads, "Action": "s3:ListBucketMultipartUploads"}]
    else:
        extra = []
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Objects",
                "Effect": "Allow",
                "Action": [*_READ, *(_WRITE if access == "write" else ())],
                "Resource": f"{bucket}/{prefix}*",
            },
            listing,
            {
                "Sid": "Where",
                "Effect": "Allow",
                "Action": "s3:GetBucketLocation",
                "Resource": bucket,
            },
            *extra,
        ],
    }
