"""The agent's side of the broker's protocol."""

from __future__ import annotations

import os
from typing import TypeVar

from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from .. import wire

_SECONDS = 5
_TOKEN = "JUPYTERHUB_API_TOKEN"
_M = TypeVar("_M", bound=wire.Message)


class Problem(Exception):
    """No credential.

    Args:
        status: as HTTP counts; 503 when the broker cannot be asked.
        reason: one word.
        message: a sentence for the person.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def final(self) -> bool:
        """Whether somebody has decided; otherwise asking again may help."""
        return self.status in (400, 401, 403, 404)


class BrokerClient:
    """Asks the broker as this workspace.

    Args:
        url: where it listens; the only address that the agent ever calls.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http: SimpleAsyncHTTPClient = SimpleAsyncHTTPClient(force_instance=True)

    async def sources(self) -> list[wire.SourceInfo]:
        """Return what the person may use now.

        Raises:
            Problem: the broker refuses, or cannot be asked.
        """
        return (await self._ask("GET", "/v1/sources", None, wire.Sources)).sources

    async def credential(self, source: str, access: str) -> wire.Credential:
        """Return a fresh credential.

        Raises:
            Problem: the broker refuses, or cannot be asked.
        """
        request = wire.CredentialRequest(source, access)
        return await self._ask("POST", "/v1/credentials", request, wire.Credential)

    async def alert(self, alert: wire.AgentAlert) -> None:
        """Tell that somebody knocked at the agent who should not.

        Raises:
            Problem: the broker cannot be told.
        """
        await self._ask("POST", "/v1/alerts", alert, wire.AgentAlert)

    async def _ask(
        self, method: str, path: str, message: wire.Message | None, wanted: type[_M]
    ) -> _M:
        request = HTTPRequest(
            f"{self._url}{path}",
            method=method,
            # Read each time: a workspace may be given another token while it runs.
            headers={"Authorization": f"token {os.environ.get(_TOKEN, '')}"},
            body=wire.encode(message) if message is not None else None,
            connect_timeout=_SECONDS,
            request_timeout=_SECONDS,
            follow_redirects=False,
        )
        try:
            response = await self._http.fetch(request, raise_error=False)
        except HTTPClientError as error:  # too late, or the connection was closed on the way
            raise _away(error.message) from None
        except OSError as error:
            raise _away(error.strerror or type(error).__name__) from None
        return _read(response, wanted)


def _read(response: HTTPResponse, wanted: type[_M]) -> _M:
    try:
        answer = wire.decode(response.body)
    except wire.WireError as error:
        raise Problem(502, "protocol", f"Datalab's broker was not understood: {error}") from None
    if isinstance(answer, wire.Refusal):
        raise Problem(response.code, answer.reason, answer.message)
    if not isinstance(answer, wanted):
        raise Problem(502, "protocol", f"Datalab's broker answered with a {answer.type}.")
    return answer


def _away(why: str) -> Problem:
    return Problem(
        503,
        "broker",
        f"Datalab's credential broker does not answer ({why}). It may be starting again: try in a "
        "minute. If it goes on, tell the person who runs Datalab.",
    )
