"""The broker's HTTP interface: small, versioned, described by ``GET /openapi.json``."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web
from datalab_workspace import wire

from .broker import Broker
from .openapi import openapi
from .problems import BadRequest, CredentialProblem, NotAWorkspace, TooMany

M = TypeVar("M", bound=wire.Message)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_BODY_BYTES = 16 * 1024
_TOKEN_CHARS = 512
_JSON = "application/json"


def application(broker: Broker, log: logging.Logger) -> web.Application:
    """Return the service as an application of aiohttp."""

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def describe(request: web.Request) -> web.Response:
        return web.json_response(openapi())

    async def metrics(request: web.Request) -> web.Response:
        if not await broker.hub.may_read_metrics(token_of(request)):
            return _refusal(403, "scope", "This needs a token with the scope read:metrics.")
        return web.Response(body=broker.metrics.text(), content_type="text/plain")

    async def sources(request: web.Request) -> web.Response:
        return _message(await broker.sources(token_of(request)))

    async def alerts(request: web.Request) -> web.Response:
        alert = await _body(request, wire.AgentAlert)
        await broker.alert(token_of(request), alert)
        return _message(alert)

    async def credentials(request: web.Request) -> web.Response:
        began = time.perf_counter()
        token = token_of(request)
        asked = await _body(request, wire.CredentialRequest)
        return _message(await broker.credential(token, asked, began))

    @web.middleware
    async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except CredentialProblem as problem:
            if problem.detail:
                log.warning("%s", problem.detail)
            if not problem.audited:
                broker.knock(problem, _asked(request))
            answer = _refusal(problem.status, problem.reason, problem.message)
            if isinstance(problem, TooMany):
                answer.headers["Retry-After"] = str(max(1, round(problem.retry_after)))
        except web.HTTPException as error:
            broker.knock(BadRequest(f"{error.reason}."), _asked(request))
            answer = _refusal(error.status, "request", f"{error.reason}.")
        answer.headers["Cache-Control"] = "no-store"
        return answer

    app = web.Application(middlewares=[problems], client_max_size=_BODY_BYTES)
    app.router.add_get("/health", health)
    app.router.add_get("/openapi.json", describe)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/v1/sources", sources)
    app.router.add_post("/v1/credentials", credentials)
    app.router.add_post("/v1/alerts", alerts)
    return app


def token_of(request: web.Request) -> str:
    """Return the token that a request carries, in its header and nowhere else.

    Raises:
        NotAWorkspace: none, several, or something that is none.
    """
    headers = request.headers.getall("Authorization", [])
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    token = token.strip()
    plausible = token.isascii() and token.isprintable() and len(token) <= _TOKEN_CHARS
    if scheme.lower() not in ("token", "bearer") or not token or not plausible:
        raise NotAWorkspace("This needs the workspace's hub token as authorization.", reason="none")
    return token


async def _body(request: web.Request, wanted: type[M]) -> M:
    try:
        message = wire.decode(await request.read())
    except wire.WireError as error:
        raise BadRequest(f"{error}.") from None
    if not isinstance(message, wanted):
        raise BadRequest(f"Expected a {wanted.type}, got a {message.type}.")
    return message


def _message(message: wire.Message) -> web.Response:
    return web.Response(body=wire.encode(message), content_type=_JSON)


def _asked(request: web.Request) -> str:
    """Return which of our paths was asked for; others may hold anything, a token too."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "another path"


def _refusal(status: int, reason: str, message: str) -> web.Response:
    body = wire.encode(wire.Refusal(reason, message))
    return web.Response(status=status, body=body, content_type=_JSON)
