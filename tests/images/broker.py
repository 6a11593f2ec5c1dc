"""A broker of two endpoints that gives every workspace the same credential of one S3 source."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from datalab_workspace import wire


def reply(message: wire.Message) -> web.Response:
    """Return a message of the wire protocol as the hub's services answer it."""
    return web.Response(body=wire.encode(message), content_type="application/json")


@asynccontextmanager
async def answers(*routes: web.RouteDef) -> AsyncIterator[str]:
    """Yield the address of a server with these routes."""
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def broker(source: str, access_key: str) -> AsyncIterator[str]:
    """Yield the address of a broker with one source, whose credentials are valid for an hour."""
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    values = {"AccessKeyId": access_key, "SecretAccessKey": "s", "Token": "t"}

    async def sources(request: web.Request) -> web.Response:
        return reply(wire.Sources([wire.SourceInfo(source, source.title(), "s3")]))

    async def credentials(request: web.Request) -> web.Response:
        asked: Any = wire.decode(await request.read())
        return reply(wire.Credential(asked.source, "s3", values, expires))

    routes = (web.get("/v1/sources", sources), web.post("/v1/credentials", credentials))
    async with answers(*routes) as url:
        yield url
