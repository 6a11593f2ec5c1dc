"""The API server: HTTP, verbs, validation, and a record of every call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from .containers import Container, SmallServer
from .faults import Faults
from .kubelet import Kubelet
from .lives import Life, healthy
from .objects import encode_string_data, merge, validate
from .rbac import Grants
from .selectors import BadSelector, Matcher, field_matcher, label_matcher
from .store import KINDS, ApiError, Object, Store
from .watches import serve_watch

_TOKEN = "the-service-account-token"


@dataclass(frozen=True)
class Call:
    """One request, as RBAC sees it; ``resource`` may be ``pods/log``."""

    verb: str
    resource: str
    namespace: str | None
    group: str = ""


class FakeKubernetes:
    """``async with FakeKubernetes() as cluster``: listens on a free port of loopback.

    Attributes:
        step: seconds that each step of a pod's life takes.
        life: what becomes of the next pods.
        container: what runs in them.
        admission: functions (plural, object) that may raise an :class:`ApiError`, as quota and
            webhooks do.
        node_is_dead: pods that are deleted stay Terminating, until forced.
        token: what the hub has to present; written into the kubeconfig.
        grants: what the hub's service account may do; everything when ``None``.
        calls: every request, in order.
        denied: those that were not granted.
    """

    def __init__(self, step: float = 0.02, namespace: str = "datalab") -> None:
        self.step = step
        self.namespace = namespace
        self.store = Store()
        self.faults = Faults()
        self.life: Life = healthy
        self.container: Callable[[FakeKubernetes, Object, str], Container] = SmallServer
        self.admission: list[Callable[[str, Object], None]] = []
        self.node_is_dead = False
        self.token = _TOKEN
        self.grants: Grants | None = None
        self.storage_classes: list[Object] = []
        self.calls: list[Call] = []
        self.denied: list[Call] = []
        self.kubelet = Kubelet(self)
        self.storage_waits_for_pods = False
        self.port = 0
        self._runner: web.AppRunner | None = None
        self.watches: set[asyncio.Transport] = set()

    async def __aenter__(self) -> FakeKubernetes:
        application = web.Application(middlewares=[self._guard])
        place = "/api/v1/namespaces/{namespace}/{plural}"
        for path in (place, "/api/v1/{plural}"):
            application.router.add_get(path, self._list)
        application.router.add_post(place, self._create)
        application.router.add_get(place + "/{name}", self._get)
        application.router.add_patch(place + "/{name}", self._patch)
        application.router.add_delete(place + "/{name}", self._delete)
        application.router.add_get(place + "/{name}/log", self._log)
        application.router.add_get("/version{slash:/?}", self._version)
        application.router.add_get("/apis/storage.k8s.io/v1/storageclasses", self._classes)
        reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        application.router.add_post(reviews, self._review)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop_connections()
        await self.kubelet.close()
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, directory: Path) -> Path:
        """Write a kubeconfig for this cluster and return its path."""
        path = directory / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "hub", "user": {"token": self.token}}],
            "contexts": [
                {
                    "name": "fake",
                    "context": {"cluster": "fake", "user": "hub", "namespace": self.namespace},
                }
            ],
        }
        path.write_text(json.dumps(config))
        return path

    def set_reachable(self, reachable: bool) -> None:
        """Cut the network, or mend it."""
        self.faults.reachable = reachable
        if not reachable:
            self.drop_connections()

    def drop_connections(self) -> None:
        """End every running watch in the middle."""
        for transport in list(self.watches):
            transport.abort()

    def names(self, plural: str) -> list[str]:
        """Return the names of all objects of a kind."""
        return [obj["metadata"]["name"] for obj in self.store.list(plural, None, lambda _: True)]

    async def end_pod(self, name: str, *, delete: bool = False, **failure: Any) -> None:
        """End a pod behind the hub's back: failed, or deleted."""
        life = self.kubelet.pods[name]
        if delete:
            await life.end_container(grace=0)
            await self.store.remove("pods", life.namespace, name)
        else:
            await life.failed(**failure)

    # -- every request ----------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.faults.latency:
            await asyncio.sleep(self.faults.latency)
        if not self.faults.reachable:
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        try:
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                raise ApiError(401, "Unauthorized", "Unauthorized")
            if request.path.startswith("/apis/"):
                found: web.StreamResponse = await handler(request)
                return found
            call = self._note(request)
            if self.grants is not None and not self.grants.allow(call):
                self.denied.append(call)
                text = f'User "hub" cannot {call.verb} resource "{call.resource}"'
                raise ApiError(403, "Forbidden", text)
            self.faults.check(call.verb, call.resource)
            response: web.StreamResponse = await handler(request)
            if self.faults.answer_delay and call.verb in {"create", "delete"}:
                await asyncio.sleep(self.faults.answer_delay)
            return response
        except ApiError as error:
            return _status(error)
        except BadSelector as error:
            return _status(ApiError(400, "BadRequest", str(error)))

    def _note(self, request: web.Request) -> Call:
        match = request.match_info
        resource = match.get("plural", "version")
        if request.path.endswith("/log"):
            resource += "/log"
        verb = {"POST": "create", "DELETE": "delete", "PATCH": "patch"}.get(request.method, "get")
        if verb == "get" and "name" not in match and "plural" in match:
            verb = "watch" if _wants_watch(request) else "list"
        call = Call(verb, resource, match.get("namespace"))
        self.calls.append(call)
        if "plural" in match and match["plural"] not in KINDS:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        return call

    # -- verbs ------------------------------------------------------------------------------

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"major": "1", "minor": "31", "gitVersion": "v1.31.4"})

    async def _classes(self, request: web.Request) -> web.Response:
        return web.json_response({"kind": "StorageClassList", "items": self.storage_classes})

    async def _review(self, request: web.Request) -> web.Response:
        """Anybody may ask what they themselves may do."""
        body = await request.json()
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(part for part in (asked["resource"], asked.get("subresource")) if part)
        call = Call(asked["verb"], resource, asked.get("namespace") or None)
        allowed = self.grants is None or self.grants.allow(call)
        return web.json_response({**body, "status": {"allowed": allowed}}, status=201)

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self.store.get(*_place(request)))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        plural, namespace = request.match_info["plural"], request.match_info.get("namespace")
        matches = _matcher(request, plural)
        if _wants_watch(request):
            return await serve_watch(self, request, plural, namespace, matches)
        return web.json_response(
            {
                "kind": f"{KINDS[plural]}List",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": str(self.store.version)},
                "items": self.store.list(plural, namespace, matches),
            }
        )

    async def _create(self, request: web.Request) -> web.Response:
        body, plural = await request.json(), request.match_info["plural"]
        validate(plural, body)
        for check in self.admission:
            check(plural, body)
        if plural == "secrets":
            encode_string_data(body)
        if plural in {"pods", "persistentvolumeclaims"}:
            body["status"] = {"phase": "Pending"}
        obj = await self.store.create(plural, request.match_info["namespace"], body)
        if plural == "pods":
            self.kubelet.begin(obj)
        if plural == "persistentvolumeclaims":
            self.kubelet.provision(obj)
        return web.json_response(obj, status=201)

    async def _patch(self, request: web.Request) -> web.Response:
        obj = self.store.get(*_place(request))
        merged = merge(obj, await request.json())
        validate(request.match_info["plural"], merged)
        updated = await self.store.update(request.match_info["plural"], merged)
        return web.json_response(updated)

    async def _delete(self, request: web.Request) -> web.Response:
        plural, namespace, name = _place(request)
        obj = self.store.get(plural, namespace, name)
        options = await request.json() if request.can_read_body else {}
        uid = ((options or {}).get("preconditions") or {}).get("uid")
        if uid not in (None, obj["metadata"]["uid"]):
            raise ApiError(409, "Conflict", f"the UID in the precondition ({uid}) does not match")
        if plural == "pods":
            await self.kubelet.delete(obj, _grace(request, options))
        else:
            await self.store.remove(plural, namespace, name)
        return web.json_response(obj)

    async def _log(self, request: web.Request) -> web.Response:
        _, namespace, name = _place(request)
        self.store.get("pods", namespace, name)
        lines = self.kubelet.pods[name].log.splitlines(keepends=True)
        tail = int(request.query.get("tailLines", len(lines)))
        return web.Response(text="".join(lines[len(lines) - tail :] if tail else []))


def _place(request: web.Request) -> tuple[str, str, str]:
    match = request.match_info
    return match["plural"], match["namespace"], match["name"]


def _wants_watch(request: web.Request) -> bool:
    return request.query.get("watch", "").lower() in {"true", "1"}


def _matcher(request: web.Request, plural: str) -> Matcher:
    labels = label_matcher(request.query.get("labelSelector", ""))
    fields = field_matcher(plural, request.query.get("fieldSelector", ""))
    return lambda obj: labels(obj) and fields(obj)


def _grace(request: web.Request, options: Object | None) -> float:
    for found in (
        request.query.get("gracePeriodSeconds"),
        (options or {}).get("gracePeriodSeconds"),
    ):
        if found is not None:
            return float(found)
    return 30.0


def _status(error: ApiError) -> web.Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    return web.json_response(error.body(), status=error.status, headers=headers)
