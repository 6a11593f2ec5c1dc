"""Object stores and warehouses of the cloud providers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import SecretReference, SourceBase

ROLE = r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$"


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
    project: str = Field(min_length=1, description="Google Cloud project.")
    dataset: str | None = Field(None, description="Only this dataset.")
    service_account: str = Field(
        pattern=r"^[^@\s]+@[^@\s]+$", description="Service account that the broker impersonates."
    )
