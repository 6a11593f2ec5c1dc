"""One watch: a stream of changes, bookmarks in between, an error object at a bad end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from aiohttp import web

from .selectors import Matcher
from .store import BOOKMARK, KINDS, ApiError, Object

if TYPE_CHECKING:
    from .server import FakeKubernetes

_LONGEST = 1800  # seconds


async def serve_watch(
    cluster: FakeKubernetes,
    request: web.Request,
    plural: str,
    namespace: str | None,
    matches: Matcher,
) -> web.StreamResponse:
    """Answer a watch request, until its time is over or somebody hangs up."""
    if cluster.faults.refuse_watches:
        raise ApiError(500, "InternalError", "watches are broken")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    assert request.transport is not None
    transport = request.transport
    cluster.watches.add(transport)
    try:
        async with asyncio.timeout(float(request.query.get("timeoutSeconds") or _LONGEST)):
            await _stream(cluster, request, response, plural, namespace, matches)
    except TimeoutError:
        pass  # as promised in timeoutSeconds: the stream ends in good order
    except ApiError as error:
        await _send(response, "ERROR", error.body())
    except ConnectionError:
        return response  # the client has gone, or the test cut it off
    finally:
        cluster.watches.discard(transport)
    with contextlib.suppress(ConnectionError):
        await response.write_eof()
    return response


async def _stream(
    cluster: FakeKubernetes,
    request: web.Request,
    response: web.StreamResponse,
    plural: str,
    namespace: str | None,
    matches: Matcher,
) -> None:
    store, faults = cluster.store, cluster.faults
    since = int(request.query.get("resourceVersion") or 0)
    if not since:  # "any version": what there is comes first
        since = store.version
        for obj in store.list(plural, namespace, matches):
            await _send(response, "ADDED", obj)
    changes = store.watch(plural, namespace, matches, since)
    # Bookmarks come from the watch cache, which the API server does not keep for events.
    bookmarks = (
        request.query.get("allowWatchBookmarks", "").lower() == "true" and plural != "events"
    )
    upcoming = asyncio.ensure_future(anext(changes))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=faults.bookmarks_every)
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError
            if faults.mute_watches:
                await asyncio.sleep(cluster.step)
            elif done:
                await _send(response, *upcoming.result())
                upcoming = asyncio.ensure_future(anext(changes))
            elif bookmarks:
                metadata = {"resourceVersion": str(store.version)}
                mark = {"kind": KINDS[plural], "apiVersion": "v1", "metadata": metadata}
                await _send(response, BOOKMARK, mark)
    finally:
        upcoming.cancel()


async def _send(response: web.StreamResponse, kind: str, obj: Object) -> None:
    await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
