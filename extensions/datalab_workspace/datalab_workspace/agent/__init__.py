"""The credential agent: fetches short-lived credentials from the broker for programs in here.

It listens on loopback, wants a token from a file that only the workspace's account can read, and
speaks what AWS programs already understand (the container-credentials protocol), so that boto3,
pyarrow, s3fs, Spark and the AWS CLI work unconfigured and renew by themselves.

=============================  =============================================================
``GET /v1/aws/default``        credentials of the default source, in AWS's own form
``GET /v1/aws/NAME``           the same of another S3 source
``GET /v1/credentials/NAME``   a credential of any source
``GET /v1/sources``            what the person may use
=============================  =============================================================
"""

from .install import install, start

__all__ = ["install", "start"]
