"""Asks the hub whether a job may have a tunnel, and on which port the proxy looks for it."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Protocol

import aiohttp
from datalab_workspace import wire

from ..errors import DatalabError

_SECONDS = 20
_AT_ONCE = 16
_NO, _UNKNOWN_CALLER = 403, 401


class NotExpected(DatalabError):
    """The hub knows no such job, or not with this secret; the text is its own."""


class Unreachable(DatalabError):
    """Nobody knows: the hub is away, or has not finished starting."""


class AsksHub(Protocol):
    """What the service needs of the hub."""

    async def grant(self, job: str, secret_hash: str, taken: int = 0) -> wire.TunnelGrant:
        """Return what a job may have."""
        ...


class Hub:
    """The hub, asked with the gateway's own token.

    Args:
        api_url: ``JUPYTERHUB_API_URL``.
        token: ``JUPYTERHUB_API_TOKEN`` of the service.
    """

    def __init__(self, api_url: str, token: str) -> None:
        self._url = api_url.rstrip("/").removesuffix("/api") + "/datalab/tunnel"
        self._headers = {"Authorization": f"token {token}"}
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def grant(self, job: str, secret_hash: str, taken: int = 0) -> wire.TunnelGrant:
        """Return what a job may have.

        Args:
            taken: a port that was granted and that somebody else has.

        Raises:
            NotExpected: nothing.
            Unreachable: nobody knows.
        """
        body = wire.encode(wire.TunnelRequest(job, secret_hash, taken))
        try:
            async with self._few, self._open().post(self._url, data=body) as reply:
                said = await reply.read()
                if reply.status == _NO:
                    raise NotExpected("The hub expects no such workspace.")
                if reply.status == _UNKNOWN_CALLER:
                    raise Unreachable(
                        "The hub does not know this gateway's token. JUPYTERHUB_API_TOKEN has to "
                        "be the api_token of the service datalab-gateway."
                    )
                if reply.status != 200:
                    raise Unreachable(f"The hub answers HTTP {reply.status}.")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"The hub does not answer ({type(error).__name__}).") from error
        try:
            grant = wire.decode(said)
        except wire.WireError as error:
            raise Unreachable(f"The hub's answer makes no sense: {error}") from error
        if not isinstance(grant, wire.TunnelGrant):
            raise Unreachable(f"The hub's answer is a {grant.type}.")
        return grant

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                connector=aiohttp.TCPConnector(ssl=_own_certificate()),
            )
        return self._session


def _own_certificate() -> ssl.SSLContext | bool:
    """Return what JupyterHub gives a service with ``internal_ssl``; else whatever is usual.

    The hub then talks only to who has a certificate of its own authority.
    """
    key = os.environ.get("JUPYTERHUB_SSL_KEYFILE")
    if not key:
        return True
    context = ssl.create_default_context(cafile=os.environ.get("JUPYTERHUB_SSL_CLIENT_CA"))
    context.load_cert_chain(os.environ["JUPYTERHUB_SSL_CERTFILE"], key)
    return context
