"""Object stores and warehouses of the cloud providers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import SecretReference, SourceBase

ROLE = r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$"
ENDPOINT = r"^(https://|http://127\.0\.0\.1[:/])[^@\s]+$"  # tokens go there: not in the clear


class S3Source(SourceBase):
    """A bucket, or a prefix of one."""

    kind: Literal["s3"]
    bucket: str = Field(min_length=3, max_length=63, description="Name of the bucket.")
    prefix: str = Field("", description="Only keys that begin with this.")
    role_arn: str = Field(
        pattern=ROLE, description="Role that the broker assumes, narrowed to bucket and prefix."
    )
    region: str | None = Field(None, description="AWS region of the bucket.")

    def facts(self) -> dict[str, str]:
        """Return bucket, prefix and region."""
        return {"bucket": self.bucket, "prefix": self.prefix, "region": self.region or ""}


class DatabricksSource(SourceBase):
    """A Databricks workspace."""

    kind: Literal["databricks"]
    host: str = Field(pattern=r"^https://", description="https://… of the Databricks workspace.")
    http_path: str | None = Field(None, description="Path of the SQL warehouse.")
    minting: Literal["oauth", "token"] = Field(
        "oauth", description="OAuth token exchange, or a short-lived personal token."
    )
    secret: SecretReference | None = Field(
        None,
        description="Login of a service principal (client id and secret); "
        "without it each person's own token is exchanged.",
    )

    def facts(self) -> dict[str, str]:
        """Return host and warehouse."""
        return {"host": self.host, "http_path": self.http_path or ""}


class BigQuerySource(SourceBase):
    """A BigQuery project or dataset."""

    kind: Literal["bigquery"]
    project: str = Field(min_length=1, description="Google Cloud project that pays for queries.")
    dataset: str | None = Field(None, description="Dataset that queries mean when they name none.")
    service_account: str = Field(
        pattern=r"^[^@\s/]+@[^@\s/]+$",
        description="Service account that the broker impersonates; its IAM roles are what binds.",
    )
    minting: Literal["impersonation", "federation"] = Field(
        "impersonation",
        description="impersonation: the broker's own identity becomes the service account; "
        "federation: each person's sign-in does, through workload identity federation.",
    )
    secret: SecretReference | None = Field(
        None,
        description="impersonation: a credential configuration of Google's (JSON); without it the "
        "broker is what Google's application default credentials say.",
    )
    provider: str | None = Field(
        None,
        pattern=r"^//iam\.googleapis\.com/.+$",
        description="federation: //iam.googleapis.com/projects/…/providers/… of the identity pool.",
    )
    sts_url: str = Field(
        "https://sts.googleapis.com/v1/token", pattern=ENDPOINT, description="Google's STS."
    )
    iam_url: str = Field(
        "https://iamcredentials.googleapis.com",
        pattern=ENDPOINT,
        description="Google's IAM Credentials API; another for Private Service Connect.",
    )

    @model_validator(mode="after")
    def _what_minting_needs(self) -> Self:
        if self.minting == "federation" and self.provider is None:
            raise PydanticCustomError(
                "minting", "expected a provider: minting 'federation' needs an identity pool's"
            )
        return self

    def facts(self) -> dict[str, str]:
        """Return project and dataset."""
        return {"project": self.project, "dataset": self.dataset or ""}
