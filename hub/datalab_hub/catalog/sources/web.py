"""Web services, and plain values from a secret store."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import SecretReference, SourceBase


class HttpSource(SourceBase):
    """A web service that wants a token."""

    kind: Literal["http"]
    url: str = Field(pattern=r"^https?://[^@\s]+$", description="Base address, without a login.")
    minting: Literal["oauth", "secret"] = Field(
        "oauth", description="oauth: the person's own token; secret: one kept elsewhere."
    )
    secret: SecretReference | None = Field(None, description="Where the token is kept.")

    @model_validator(mode="after")
    def _what_minting_needs(self) -> Self:
        if self.minting == "secret" and self.secret is None:
            raise PydanticCustomError("minting", "expected a secret: minting 'secret' hands it out")
        return self

    def facts(self) -> dict[str, str]:
        """Return the address."""
        return {"url": self.url}


class StaticSource(SourceBase):
    """A secret that cannot be minted; still handed out only by the broker."""

    kind: Literal["static"]
    secret: SecretReference = Field(description="Where it is kept.")
    variable: str | None = Field(
        None, pattern=r"^[A-Z][A-Z0-9_]*$", description="Environment variable that gets it."
    )

    def facts(self) -> dict[str, str]:
        """Return the variable's name."""
        return {"variable": self.variable or ""}
