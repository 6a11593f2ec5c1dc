"""Secrets that cannot be minted: handed out by the same door, to whoever may have them."""

from __future__ import annotations

from ...catalog.sources.database import PostgresSource
from ...catalog.sources.web import HttpSource, StaticSource
from .. import secret_store
from ..who import Workspace
from .base import Minted, Minter


class StaticMinter(Minter[StaticSource]):
    """Hands out a secret. Its end says when the workspace has to ask again."""

    kind = "static"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Value``."""
        return Minted({"Value": await secret_store.fetch(self.source.secret)}, self.until())


class HttpSecretMinter(Minter[HttpSource]):
    """Hands out the token of a web service."""

    kind, minting = "http", "secret"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Token``."""
        assert self.source.secret is not None, "the catalog checks this"
        return Minted({"Token": await secret_store.fetch(self.source.secret)}, self.until())


class PostgresSecretMinter(Minter[PostgresSource]):
    """Hands out a fixed login."""

    kind, minting = "postgres", "secret"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Username``, ``Password``."""
        assert self.source.secret is not None, "the catalog checks this"
        name, password = await secret_store.login(self.source.secret)
        return Minted({"Username": name, "Password": password}, self.until(), name)
