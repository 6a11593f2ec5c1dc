"""How the proxy reaches a workspace in a job."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import aiohttp
from datalab_workspace import wire

from ... import compat
from ...errors import DatalabError

_RETRY_SECONDS = 0.5
_TRY_SECONDS = 15
_NOT_YET = frozenset({421, 502, 503, 504})  # what a gateway answers without the workspace
_QUARANTINE = 600.0  # seconds before a port may become another workspace's


class UnusableAddress(DatalabError):
    """A workspace registered an address at which the proxy must not be pointed."""


class OldImage(DatalabError):
    """A workspace did not understand how it is to be reached."""


class Transport(Protocol):
    """A way for the proxy's connections.

    Attributes:
        listens_on: where a workspace listens in its container.
    """

    listens_on: str

    def tunnel_url(self) -> str:
        """Return where the workspace has to dial out to; nothing if it has not."""
        ...

    def via(self, job: str, message: wire.Register) -> str:
        """Return ``host:port`` where the proxy finds a workspace; nothing: where it says itself.

        Raises:
            UnusableAddress: it must not be pointed there.
            OldImage: the workspace does not do its part.
        """
        ...

    def another(self, job: str, taken: int) -> str:
        """Return the same, instead of a port that somebody else has."""
        ...

    def keep(self, job: str, via: str) -> str:
        """Take over what an earlier hub has given a job; return it as it is now."""
        ...

    def release(self, job: str) -> None:
        """Note that a job has ended."""
        ...

    async def answering(self, where: Callable[[], str]) -> None:
        """Return when the server at a URL, which may change meanwhile, has answered."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class Probe:
    """Waits for a server's first answer."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._session: aiohttp.ClientSession | None = None

    async def answering(self, where: Callable[[], str]) -> None:
        """Return when the server at a URL has answered any HTTP request.

        It listens since before it registered, so a connection waits in its backlog; a try ends
        only where packets are lost.
        """
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_TRY_SECONDS)
            connector = aiohttp.TCPConnector(ssl=_own_certificate())
            self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        while True:
            url = where()
            try:
                async with self._session.get(url, allow_redirects=False) as answer:
                    if answer.status not in _NOT_YET:
                        return
                    self._log.debug("No answer yet from %s: HTTP %s", url, answer.status)
            except (aiohttp.ClientError, TimeoutError) as error:
                self._log.debug("No answer yet from %s: %r", url, error)
            await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Direct(Probe):
    """The proxy connects to the job's address: its security group lets the hub's in.

    Args:
        networks: where jobs may be; a workspace that names another address could make the proxy
            speak to the instance's metadata service or to the hub's own ports.
        port: the port that workspaces listen on; 0: any.
    """

    listens_on = "0.0.0.0"

    def __init__(self, networks: Sequence[str], port: int, log: logging.Logger) -> None:
        super().__init__(log)
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._port = port

    def tunnel_url(self) -> str:
        """Return nothing."""
        return ""

    def via(self, job: str, message: wire.Register) -> str:
        """Make sure that a registered address is one that jobs have."""
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
        return ""

    def another(self, job: str, taken: int) -> str:
        """Return nothing."""
        return ""

    def keep(self, job: str, via: str) -> str:
        """Return nothing."""
        return ""

    def release(self, job: str) -> None:
        """Nothing was given."""


class Tunnel(Probe):
    """The workspace dials out to the gateway, and has one of the gateway's ports.

    A port belongs to one job, and to no other for ten minutes afterwards: a proxy whose table is
    old must not lead one person to another's workspace. (The gateway looks at that as well.)

    Args:
        url: of the gateway, as workspaces reach it.
        host: of the gateway, as the proxy reaches it.
        ports: first and last.
    """

    listens_on = "127.0.0.1"

    def __init__(self, url: str, host: str, ports: tuple[int, int], log: logging.Logger) -> None:
        super().__init__(log)
        self._url, self._host, self._ports = url, host, ports
        self._given: dict[str, int] = {}
        self._resting: dict[int, float] = {}

    def tunnel_url(self) -> str:
        """Return the gateway's."""
        return self._url

    def via(self, job: str, message: wire.Register) -> str:
        """Return the port of the gateway that is this job's."""
        if message.transport != "tunnel":
            raise OldImage("The workspace did not say that it opens a tunnel.")
        if job not in self._given:
            self._given[job] = self._free()
        return f"{self._host}:{self._given[job]}"

    def another(self, job: str, taken: int) -> str:
        """Return another port, if the one that is taken is this job's."""
        if self._given.get(job) == taken:
            self._rest(taken)
            self._given[job] = self._free()
        return f"{self._host}:{self._given[job]}"

    def keep(self, job: str, via: str) -> str:
        """Take over the port that an earlier hub has given a job; the gateway may have moved."""
        if not via:
            return ""
        self._given[job] = int(via.rpartition(":")[2])
        return f"{self._host}:{self._given[job]}"

    def release(self, job: str) -> None:
        """Let the port rest."""
        if (port := self._given.pop(job, None)) is not None:
            self._rest(port)

    def _rest(self, port: int) -> None:
        now = time.monotonic()
        self._resting = {p: until for p, until in self._resting.items() if until > now}
        self._resting[port] = now + _QUARANTINE

    def _free(self) -> int:
        taken = {*self._given.values(), *self._resting}
        first, last = self._ports
        for _ in range(100):  # most are free, so a random one is
            if (port := random.randint(first, last)) not in taken:
                return port
        free: Iterable[int] = (p for p in range(first, last + 1) if p not in taken)
        for port in free:
            return port
        raise UnusableAddress(
            f"All ports of the gateway are in use ({first} to {last}; "
            "c.SageMakerPlatform.gateway_ports)."
        )


def _own_certificate() -> ssl.SSLContext | bool:
    """Return the hub's own certificate with ``internal_ssl``; else whatever is usual."""
    app = compat.running_app()
    return compat.internal_ssl_context(app) if app is not None and app.internal_ssl else True
