"""SQL databases."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import SecretReference, SourceBase
from .cloud import ROLE


class DatabaseSource(SourceBase):
    """Where a database is."""

    host: str = Field(min_length=1, description="Host name.")
    database: str = Field(min_length=1, description="Name of the database.")


class PostgresSource(DatabaseSource):
    """A PostgreSQL database."""

    kind: Literal["postgres"]
    port: int = Field(5432, ge=1, le=65535, description="TCP port.")
    minting: Literal["role", "rds-iam", "secret"] = Field(
        "role",
        description="role: a temporary role with VALID UNTIL; rds-iam: an RDS IAM token; "
        "secret: a fixed login kept elsewhere.",
    )
    grants: list[str] = Field(
        default_factory=list, description="Roles that a temporary role is granted."
    )
    secret: SecretReference | None = Field(
        None, description="Login of the broker (role) or of everybody (secret)."
    )


class RedshiftSource(DatabaseSource):
    """An Amazon Redshift cluster or workgroup."""

    kind: Literal["redshift"]
    port: int = Field(5439, ge=1, le=65535, description="TCP port.")
    cluster: str = Field(min_length=1, description="Cluster identifier or workgroup name.")
    role_arn: str = Field(pattern=ROLE, description="Role that the broker assumes.")
