"""SQL databases."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import SecretReference, SourceBase
from .cloud import ROLE


class DatabaseSource(SourceBase):
    """Where a database is."""

    host: str = Field(min_length=1, description="Host name.")
    database: str = Field(min_length=1, description="Name of the database.")
    port: int

    def facts(self) -> dict[str, str]:
        """Return host, port and database."""
        return {"host": self.host, "port": str(self.port), "database": self.database}


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
    role_arn: str | None = Field(
        None, pattern=ROLE, description="rds-iam: role that the broker assumes."
    )
    login: str | None = Field(None, description="rds-iam: the database user to be.")
    region: str | None = Field(None, description="rds-iam: AWS region of the database.")

    @model_validator(mode="after")
    def _what_minting_needs(self) -> Self:
        if self.minting in ("role", "secret") and self.secret is None:
            raise PydanticCustomError(
                "minting", "expected a secret: minting '{m}' needs a login", {"m": self.minting}
            )
        if self.minting == "rds-iam" and not (self.role_arn and self.login and self.region):
            raise PydanticCustomError(
                "minting", "expected role_arn, login and region: minting 'rds-iam' needs them"
            )
        return self


class RedshiftSource(DatabaseSource):
    """An Amazon Redshift cluster, or a workgroup of Redshift Serverless."""

    kind: Literal["redshift"]
    port: int = Field(5439, ge=1, le=65535, description="TCP port.")
    cluster: str | None = Field(None, min_length=1, description="Cluster identifier.")
    workgroup: str | None = Field(
        None, pattern=r"^[a-z0-9-]{3,64}$", description="Workgroup of Redshift Serverless."
    )
    role_arn: str = Field(pattern=ROLE, description="Role that the broker assumes.")
    region: str | None = Field(None, description="AWS region of the cluster.")
    grants: tuple[str, ...] = Field(
        (), description="Database groups that the person joins; of a cluster only."
    )

    @model_validator(mode="after")
    def _cluster_or_workgroup(self) -> Self:
        if (self.cluster is None) is (self.workgroup is None):
            raise PydanticCustomError("redshift", "expected either cluster or workgroup")
        if self.workgroup is not None and self.grants:
            raise PydanticCustomError(
                "redshift",
                "expected no grants beside workgroup: Redshift Serverless has no groups to join; "
                "grant to the database user that belongs to role_arn",
            )
        return self
