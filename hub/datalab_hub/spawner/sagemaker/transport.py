"""How the proxy reaches a workspace in a job."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence

import aiohttp
from datalab_workspace import wire

from ...errors import DatalabError

_RETRY_SECONDS = 0.5
_TRY_SECONDS = 15


class UnusableAddress(DatalabError):
    """A workspace registered an address at which the proxy must not be pointed."""


class Direct:
    """The proxy connects to the job's address: its security group lets the hub's in.

    Args:
        networks: where jobs may be; a workspace that names another address could make the proxy
            speak to the instance's metadata service or to the hub's own ports.
        port: the port that workspaces listen on; 0: any.
    """

    def __init__(self, networks: Sequence[str], port: int, log: logging.Logger) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._port = port
        self._log = log
        self._session: aiohttp.ClientSession | None = None

    def check(self, message: wire.Register) -> None:
        """Make sure that a registered address is one that jobs have.

        Raises:
            UnusableAddress: it is not.
        """
        try:
            address = ipaddress.ip_address(message.ip)
        except ValueError:
            raise UnusableAddress("The address that was registered is no IP address.") from None
        if not any(address in network for network in self._networks):
            raise UnusableAddress(
                f"{address} is in none of the networks that workspaces may be in "
                f"({', '.join(map(str, self._networks))})."
            )
        if message.port != self._port if self._port else not 1024 <= message.port <= 65535:
            raise UnusableAddress(f"Port {message.port} is not a workspace's.")

    async def answering(self, url: str) -> None:
        """Return when the server behind a URL has answered any HTTP request.

        It listens since before it registered, so a connection waits in its backlog; a try ends
        only where packets are lost.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TRY_SECONDS))
        while True:
            try:
                async with self._session.get(url, allow_redirects=False):
                    return
            except (aiohttp.ClientError, TimeoutError) as error:
                self._log.debug("No answer yet from %s: %r", url, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None
