"""The person's own token, from their sign-in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ...catalog.sources.web import HttpSource
from ..problems import MintFailed
from ..sign_in import end_of
from ..who import Workspace
from .base import Minted, Minter


class HttpOAuthMinter(Minter[HttpSource]):
    """Hands a person their own access token, which the hub keeps fresh."""

    kind, minting = "http", "oauth"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Token``."""
        tokens = await self.personal_tokens(who)
        token, now = own_token(tokens, "access_token"), datetime.now(UTC)
        seconds = end_of(tokens)
        end = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
        if end is not None and end <= now:
            raise _sign_in_again("Your sign-in has run out")
        return Minted({"Token": token}, min(end, self.until()) if end else self.until())


def own_token(tokens: dict[str, Any], name: str) -> str:
    """Return one of a person's tokens.

    Raises:
        MintFailed: the sign-in left none.
    """
    token = tokens.get(name)
    if not isinstance(token, str):
        raise _sign_in_again("Your sign-in left no token for this data source")
    return token


def _sign_in_again(what: str) -> MintFailed:
    return MintFailed(
        f"{what}. Sign out of Datalab and in again; if that does not help, the person who runs "
        "Datalab has to set Authenticator.enable_auth_state.",
        reason="sign_in",
    )
