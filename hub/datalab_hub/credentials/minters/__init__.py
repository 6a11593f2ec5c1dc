"""One class per way to make a credential. A new one is a class, and its name in :data:`MINTERS`."""

from __future__ import annotations

from typing import Any

from ...catalog.sources import DataSource
from .base import Minted, Minter, PersonalTokens
from .bigquery import BigQueryFederationMinter, BigQueryImpersonationMinter
from .databricks import DatabricksOAuthMinter, DatabricksTokenMinter
from .personal import HttpOAuthMinter
from .postgres import PostgresRoleMinter
from .s3 import S3Minter
from .secret import HttpSecretMinter, PostgresSecretMinter, StaticMinter
from .warehouse import RdsIamMinter, RedshiftMinter

MINTERS: tuple[type[Minter[Any]], ...] = (
    S3Minter,
    PostgresRoleMinter,
    RdsIamMinter,
    PostgresSecretMinter,
    RedshiftMinter,
    DatabricksOAuthMinter,
    DatabricksTokenMinter,
    BigQueryImpersonationMinter,
    BigQueryFederationMinter,
    HttpOAuthMinter,
    HttpSecretMinter,
    StaticMinter,
)


def minter_for(
    source: DataSource, instance: str, personal_tokens: PersonalTokens
) -> Minter[Any] | None:
    """Return the minter of a source; ``None`` when this release has none for its kind."""
    wanted = (source.kind, getattr(source, "minting", None))
    for kind in MINTERS:
        if (kind.kind, kind.minting) == wanted:
            return kind(source, instance, personal_tokens)
    return None


__all__ = ["Minted", "Minter", "minter_for"]
