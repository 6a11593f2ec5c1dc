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
        duration = int(min(_REDSHIFT[1], max(_REDSHIFT[0], seconds)))
        if source.cluster is not None:
            user, password, end = self._of_cluster(source.cluster, values, who, duration)
        else:
            assert source.workgroup is not None, "the catalog checks this"
            user, password, end = self._of_workgroup(source.workgroup, values, duration)
        login = {"Username": user, "Password": password}
        return Minted(login, min(end, self.until()), user)

    def _of_cluster(
        self, cluster: str, values: dict[str, str], who: Workspace, seconds: int
    ) -> tuple[str, str, datetime]:
        with aws_errors(f"GetClusterCredentials {cluster}"):
            answer = as_person(values, "redshift", self.source.region).get_cluster_credentials(
                DbUser=aws_name(who.user).lower().replace("=", "+"),
                DbName=self.source.database,
                ClusterIdentifier=cluster,
                DurationSeconds=seconds,
                AutoCreate=True,
                DbGroups=list(self.source.grants),
            )
        return answer["DbUser"], answer["DbPassword"], answer["Expiration"]

    def _of_workgroup(
        self, workgroup: str, values: dict[str, str], seconds: int
    ) -> tuple[str, str, datetime]:
        """Log in as the database user ``IAMR:<role>``, which everybody who has the role shares.

        The person is the session's name and source identity in CloudTrail.
        """
        with aws_errors(f"GetCredentials {workgroup}"):
            answer = as_person(values, "redshift-serverless", self.source.region).get_credentials(
                dbName=self.source.database, workgroupName=workgroup, durationSeconds=seconds
            )
        return answer["dbUser"], answer["dbPassword"], answer["expiration"]
