"""Databases that trust AWS: RDS with IAM tokens, Redshift with temporary logins."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from ...catalog.sources.database import PostgresSource, RedshiftSource
from ..who import Workspace, aws_name
from .assume import as_person, assume, aws_errors
from .base import Minted, Minter

# RDS checks an IAM token when a connection is made, for 15 minutes after it was signed.
_RDS_TOKEN = timedelta(minutes=15)
_REDSHIFT = (900, 3600)  # seconds that GetClusterCredentials takes


class RdsIamMinter(Minter[PostgresSource]):
    """Signs an RDS IAM token as the source's role."""

    kind, minting = "postgres", "rds-iam"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Username``, ``Password``: a token for making connections."""
        return await asyncio.to_thread(self._mint, who)

    def _mint(self, who: Workspace) -> Minted:
        source = self.source
        assert source.role_arn and source.login and source.region, "the catalog checks this"
        values, end = assume(
            source.role_arn,
            who,
            source.name,
            None,
            source.lifetime.total_seconds(),
            source.region,
        )
        with aws_errors("generate_db_auth_token"):
            token = as_person(values, "rds", source.region).generate_db_auth_token(
                source.host, source.port, source.login
            )
        until = min(end, self.until(), datetime.now(UTC) + _RDS_TOKEN)
        return Minted({"Username": source.login, "Password": token}, until, aws_name(who.user))


class RedshiftMinter(Minter[RedshiftSource]):
    """Asks Redshift for a temporary login as the source's role."""

    kind = "redshift"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Username``, ``Password``; the user is made when it is new."""
        return await asyncio.to_thread(self._mint, who)

    def _mint(self, who: Workspace) -> Minted:
        source, seconds = self.source, self.source.lifetime.total_seconds()
        values, _ = assume(source.role_arn, who, source.name, None, seconds, source.region)
        with aws_errors(f"GetClusterCredentials {source.cluster}"):
            answer = as_person(values, "redshift", source.region).get_cluster_credentials(
                DbUser=aws_name(who.user).lower().replace("=", "+"),
                DbName=source.database,
                ClusterIdentifier=source.cluster,
                DurationSeconds=int(min(_REDSHIFT[1], max(_REDSHIFT[0], seconds))),
                AutoCreate=True,
                DbGroups=list(source.grants),
            )
        until = min(answer["Expiration"], self.until())
        login = {"Username": answer["DbUser"], "Password": answer["DbPassword"]}
        return Minted(login, until, answer["DbUser"])
