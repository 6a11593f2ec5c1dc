"""The agent's HTTP interface, for programs of this workspace alone."""

from __future__ import annotations

import hmac
import logging
import time
from typing import Any

from tornado import web

from .. import wire
from .cache import Credentials
from .client import BrokerClient, Problem

LOOPBACK = "127.0.0.1"
DEFAULT = "default"

_ALERT_EVERY = 10  # seconds between two alerts to the hub's audit
_NAME = r"([a-z0-9-]{1,63})"
_AWS = ("AccessKeyId", "SecretAccessKey", "Token")


class Door:
    """Who may come in, and a bell for who may not.

    Args:
        token: what a caller has to know.
        port: where the agent listens; requests for another host are not for us.
    """

    def __init__(self, token: str, port: int, client: BrokerClient, log: logging.Logger) -> None:
        self._token = token.encode()
        self._hosts = {f"{LOOPBACK}:{port}", f"localhost:{port}"}
        self._client = client
        self._log = log
        self._refused = 0
        self._last_alert = float("-inf")

    def obstacle(self, handler: web.RequestHandler) -> str | None:
        """Return why a request is refused; ``None`` when it is welcome."""
        headers = handler.request.headers
        # A page that a browser was lured to, under a name that leads to loopback.
        if handler.request.host not in self._hosts:
            return "host"
        if "Origin" in headers or "Sec-Fetch-Site" in headers:
            return "browser"
        given = headers.get_list("Authorization")
        # botocore sends the token file's content verbatim.
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(), self._token):
            return "token"
        return None

    async def ring(self, reason: str) -> None:
        """Let the hub's audit know, now and then."""
        self._refused += 1
        if time.monotonic() - self._last_alert < _ALERT_EVERY:
            return
        self._last_alert = time.monotonic()
        count, self._refused = self._refused, 0
        self._log.warning("The credential agent refused %s requests (%s).", count, reason)
        try:
            await self._client.alert(wire.AgentAlert(reason, count))
        except Problem as problem:
            self._log.warning("The hub could not be told: %s", problem)


class _Handler(web.RequestHandler):
    def initialize(self, door: Door, credentials: Credentials, default: str) -> None:
        """Take what the application holds."""
        self.door = door
        self.credentials = credentials
        self.default = default

    def set_default_headers(self) -> None:
        """Let nobody keep an answer."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")

    async def prepare(self) -> None:
        """Refuse whoever does not know the token."""
        obstacle = self.door.obstacle(self)
        if obstacle is not None:
            self.refuse(403, obstacle, "This is another workspace's credential agent.")
            await self.door.ring(obstacle)

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer with a sentence, under the names that AWS programs show."""
        self.set_status(status)
        self.finish({"code": code, "message": message})

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer in the same form whatever happens, and say nothing of the inside."""
        self.refuse(status_code, "request", f"HTTP {status_code}")

    async def credential(self, name: str) -> wire.Credential | None:
        """Return a credential; ``None`` after a refusal has been answered."""
        try:
            return await self.credentials.get(name)
        except Problem as problem:
            self.refuse(problem.status, problem.reason, problem.message)
            return None


class AwsHandler(_Handler):
    """AWS's container-credentials protocol."""

    async def get(self, name: str) -> None:
        """Answer as AWS programs expect."""
        name = self.default if name == DEFAULT else name
        if not name:
            self.refuse(404, "unknown", "No AWS data source is offered to you.")
            return
        credential = await self.credential(name)
        if credential is None:
            return
        if credential.kind != "s3":
            self.refuse(404, "kind", f"{name} is no AWS data source.")
            return
        values = {key: credential.values[key] for key in _AWS}
        self.finish({**values, "Expiration": credential.expires})


class CredentialHandler(_Handler):
    """Any source's credential."""

    async def get(self, name: str) -> None:
        """Answer with the wire protocol's credential."""
        credential = await self.credential(name)
        if credential is not None:
            self.finish(wire.encode(credential))


class SourcesHandler(_Handler):
    """What the person may use."""

    async def get(self) -> None:
        """Answer with the list."""
        try:
            sources = await self.credentials.sources()
        except Problem as problem:
            self.refuse(problem.status, problem.reason, problem.message)
            return
        self.finish(wire.encode(wire.Sources(sources)))


class NothingHandler(_Handler):
    """Every other path."""

    async def get(self) -> None:
        """Say that there is nothing."""
        self.refuse(404, "path", "The credential agent has no such path.")


def application(door: Door, credentials: Credentials, default: str) -> web.Application:
    """Return the agent as an application of tornado."""
    have = {"door": door, "credentials": credentials, "default": default}
    return web.Application(
        [
            (rf"/v1/aws/{_NAME}", AwsHandler, have),
            (rf"/v1/credentials/{_NAME}", CredentialHandler, have),
            (r"/v1/sources", SourcesHandler, have),
        ],
        default_handler_class=NothingHandler,
        default_handler_args=have,
        # No request is logged: what is not written cannot leak.
        log_function=lambda handler: None,
    )
