"""What every data source has, and how a catalog refers to a secret without holding one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ..base import Group, Model, Name, Title
from ..units import RequiredDuration


class SecretReference(Model):
    """Where a secret is kept. The catalog never holds one itself."""

    kubernetes: str | None = Field(None, description="NAME/KEY of a Kubernetes Secret.")
    secrets_manager: str | None = Field(None, description="ARN or name in AWS Secrets Manager.")
    file: str | None = Field(None, description="Absolute path of a file beside the broker.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "secret",
                "expected exactly one of kubernetes, secrets_manager, file (a reference; a secret "
                "itself never goes into the catalog)",
            )
        return self


class SourceBase(Model):
    """Who may use a data source, and what they get."""

    name: Name = Field(description="What people write: datalab.connect(NAME).")
    title: Title = Field(description="What people see.")
    description: str = Field("", description="One or two sentences for people.")
    allowed_groups: frozenset[Group] = Field(
        frozenset(), description="Groups that may use it; everybody when empty."
    )
    advertised: bool = Field(
        False, description="Others see that it exists, and whom to ask; never its credentials."
    )
    contact: str = Field("", description="Whom to ask for access: a name, a team, an address.")
    access: Literal["read", "write"] = Field("read", description="What the credential allows.")
    delivered_as: Literal["environment", "file", "endpoint"] = Field(
        "endpoint", description="How a workspace gets the credential."
    )
    lifetime: RequiredDuration = Field(
        timedelta(hours=1),
        description="How long a credential lives; renewed while the workspace runs.",
    )

    def allows(self, groups: Collection[str]) -> bool:
        """Return whether somebody in these groups may use this source."""
        return not self.allowed_groups or not self.allowed_groups.isdisjoint(groups)

    def facts(self) -> dict[str, str]:
        """Return what a person's program has to know to connect. Nothing secret."""
        return {}
