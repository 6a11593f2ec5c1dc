"""Who dials in, and whether they may: the gateway's WebSocket side."""

from __future__ import annotations

import asyncio
import hashlib
import http
import json
import logging
import re

from datalab_workspace.tunnel.client import JOB_HEADER, OVER
from datalab_workspace.tunnel.mux import MESSAGE_BYTES
from datalab_workspace.tunnel.splice import AHEAD
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from .hub import AsksHub, NotExpected, Unreachable
from .link import Link

_JOB = re.compile(r"[A-Za-z0-9-]{1,63}")
_OPEN_SECONDS = 30  # for one handshake, the hub's answer included
_PORTS_TRIED = 4
MAX_LINKS = 2000


class Gateway:
    """All tunnels of one hub.

    Args:
        host: where to listen for the proxy; the ports are the hub's to choose.
        look_every: seconds between questions to the hub whether a job is still expected.
    """

    def __init__(
        self, hub: AsksHub, host: str, log: logging.Logger, *, look_every: float = 60.0
    ) -> None:
        self._hub, self._host, self._log = hub, host, log
        self._look_every = look_every
        self.links: dict[str, Link] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._server: Server | None = None
        self._looking: asyncio.Task[None] | None = None

    async def open(self, host: str, port: int) -> None:
        """Listen for workspaces."""
        self._server = await serve(
            self._handle,
            host,
            port,
            process_request=self._authorise,
            compression=None,
            max_size=MESSAGE_BYTES,
            write_limit=AHEAD,
            open_timeout=_OPEN_SECONDS,
        )
        self._looking = asyncio.create_task(self._look())

    @property
    def port(self) -> int:
        """Where it listens for workspaces."""
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def close(self) -> None:
        """End all tunnels. Workspaces dial in again as soon as somebody listens here."""
        if self._looking is not None:
            self._looking.cancel()
        if self._server is not None:
            self._server.close(code=1001, reason="the gateway is being restarted")
            await self._server.wait_closed()
        for link in self.links.values():
            await link.close()

    # -- workspaces -------------------------------------------------------------------------

    async def _authorise(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer instead of opening a WebSocket, where the caller may not have one."""
        if request.path.rstrip("/").endswith("/health"):
            return self._health(connection)
        job = request.headers.get(JOB_HEADER, "")
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not secret or not _JOB.fullmatch(job):
            return connection.respond(
                http.HTTPStatus.UNAUTHORIZED,
                f"This is Datalab's gateway. Expected: {JOB_HEADER} and Authorization: Bearer.\n",
            )
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        try:
            async with self._locks.setdefault(job, asyncio.Lock()):
                await self._link(job, hashed)
        except NotExpected as no:
            self._log.warning("A tunnel for %s was refused", job)
            return connection.respond(http.HTTPStatus.FORBIDDEN, f"{no}\n")
        except (Unreachable, OSError) as error:
            self._log.error("No tunnel for %s now: %s", job, error)
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n")
        finally:
            if job not in self.links:
                self._locks.pop(job, None)
        connection.datalab_job = job  # type: ignore[attr-defined]
        return None

    async def _link(self, job: str, secret_hash: str) -> None:
        """Have a link for a job, on the port that the hub wants.

        Raises:
            NotExpected, Unreachable: the hub says no, or nothing.
            OSError: none of the ports that it named is free.
        """
        grant = await self._hub.grant(job, secret_hash)
        link = self.links.get(job)
        if link is not None and link.grant == grant:
            link.secret_hash = secret_hash
            return
        if link is None and len(self.links) >= MAX_LINKS:
            raise Unreachable(f"The gateway carries {MAX_LINKS} tunnels already.")
        if link is not None:
            await self._drop(job)
        for attempt in range(_PORTS_TRIED):
            fresh = Link(job, grant, secret_hash, self._log)
            try:
                await fresh.listen(self._host)
                break
            except OSError as error:
                self._log.warning("Port %s for %s: %s", grant.port, job, error.strerror)
                if attempt == _PORTS_TRIED - 1:
                    raise
            grant = await self._hub.grant(job, secret_hash, grant.port)
        self.links[job] = fresh
        self._log.info("%s is reached through port %s", job, grant.port)

    async def _handle(self, connection: ServerConnection) -> None:
        link = self.links.get(connection.datalab_job)  # type: ignore[attr-defined]
        if link is None:  # given up between the handshake and now
            await connection.close(OVER, "this workspace is not expected any more")
            return
        await link.serve(connection)

    # -- what has become of them ------------------------------------------------------------

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._look_every)
            for job in list(self.links):
                async with self._locks.setdefault(job, asyncio.Lock()):
                    await self._still_expected(job)

    async def _still_expected(self, job: str) -> None:
        link = self.links.get(job)
        if link is None:
            return
        try:
            await self._hub.grant(job, link.secret_hash)
        except NotExpected:
            self._log.info("%s is not expected any more", job)
            await self._drop(job)
        except Unreachable as error:  # then nothing changes: tunnels outlive a hub's restart
            self._log.warning("Whether %s is still expected is not known: %s", job, error)

    async def _drop(self, job: str) -> None:
        await self.links.pop(job).close()
        self._locks.pop(job, None)

    def _health(self, connection: ServerConnection) -> Response:
        links = list(self.links.values())
        numbers = {
            "tunnels": sum(link.connected for link in links),
            "connections": sum(link.connections for link in links),
        }
        return connection.respond(http.HTTPStatus.OK, json.dumps(numbers) + "\n")
