"""Databricks: a short OAuth token for the person, or for a service principal; or a short PAT."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from ...catalog.sources.cloud import DatabricksSource
from .. import secret_store
from ..problems import MintFailed
from ..who import Workspace
from .base import Minted, Minter
from .personal import own_token

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT = "urn:ietf:params:oauth:token-type:jwt"


class DatabricksOAuthMinter(Minter[DatabricksSource]):
    """Gets an OAuth token from the Databricks workspace.

    With a secret it is the service principal's (client credentials); without one the person's
    identity token is exchanged (token federation, RFC 8693), so that Databricks knows who it is.
    """

    kind, minting = "databricks", "oauth"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Token``."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            return await self._token(session, who)

    async def _token(self, session: aiohttp.ClientSession, who: Workspace) -> Minted:
        form, auth = {"scope": "all-apis"}, None
        if self.source.secret is not None:
            form["grant_type"] = "client_credentials"
            auth = aiohttp.BasicAuth(*await secret_store.login(self.source.secret))
        else:
            subject = own_token(await self.personal_tokens(who), "id_token")
            form |= {
                "grant_type": _EXCHANGE,
                "subject_token": subject,
                "subject_token_type": _JWT,
            }
        answer = await post(session, self.source, "oidc/v1/token", data=form, auth=auth)
        end = datetime.now(UTC) + timedelta(seconds=int(answer.get("expires_in", 0)))
        return Minted({"Token": str(answer["access_token"])}, min(end, self.until()))


class DatabricksTokenMinter(DatabricksOAuthMinter):
    """Makes a personal access token with a lifetime, for clients that take nothing else."""

    minting = "token"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Token``."""
        until, lifetime = self.until(), int(self.source.lifetime.total_seconds())
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            login = await self._token(session, who)
            answer = await post(
                session,
                self.source,
                "api/2.0/token/create",
                json={"lifetime_seconds": lifetime, "comment": f"Datalab, {who.user}"},
                headers={"Authorization": f"Bearer {login.values['Token']}"},
            )
        label = str(answer.get("token_info", {}).get("token_id", ""))
        return Minted({"Token": str(answer["token_value"])}, until, label)


async def post(
    session: aiohttp.ClientSession, source: DatabricksSource, path: str, **request: Any
) -> dict[str, Any]:
    """Post to the Databricks workspace and return its answer.

    Raises:
        MintFailed: it refuses or does not answer.
    """
    url = f"{source.host.rstrip('/')}/{path}"
    try:
        async with session.post(url, allow_redirects=False, **request) as answer:
            body = await answer.json(content_type=None)
            if answer.status == 200 and isinstance(body, dict):
                return body
            said = body.get("error") or body.get("error_code") if isinstance(body, dict) else None
            what = f"HTTP {answer.status}" + (f", {said}" if said else "")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        what = type(error).__name__
    raise MintFailed(
        f"Databricks does not give a token for {source.title} ({what}). "
        "Tell the person who runs Datalab.",
        reason="databricks",
        detail=f"{source.name}: {path}: {what}",
    )
