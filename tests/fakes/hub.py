"""A hub of a few endpoints: what a single-user server asks of JupyterHub, and nothing else.

It speaks real HTTP on loopback and keeps what it was told, so that a workspace runs against it
unchanged. Checked against ``jupyterhub.services.auth`` and ``jupyterhub.singleuser.extension``
of JupyterHub 6.1: the version check, the token check, OAuth's two steps, and activity.

What it may answer is what the real hub answers: 403 for an unknown token, 400 for an OAuth code
that was not issued or was used before. It never invents a user.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

VERSION = "6.1.1"
LOOPBACK = "127.0.0.1"


@dataclass
class Person:
    """Somebody with a server.

    Attributes:
        api_token: what the server itself authenticates with.
        user_token: what a client of the person's authenticates with.
    """

    name: str
    server: str = ""
    api_token: str = field(default_factory=lambda: secrets.token_hex(16))
    user_token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def prefix(self) -> str:
        """The path under which the proxy serves this person's server."""
        return f"/user/{self.name}/{self.server}/" if self.server else f"/user/{self.name}/"

    @property
    def scopes(self) -> list[str]:
        """What grants access to the server."""
        return [f"access:servers!server={self.name}/{self.server}"]

    @property
    def model(self) -> dict[str, Any]:
        """The answer of ``GET /hub/api/user``."""
        return {
            "kind": "user",
            "name": self.name,
            "admin": False,
            "groups": [],
            "scopes": [*self.scopes, "read:users:name!user=" + self.name],
            "session_id": None,
        }


class FakeHub:
    """``async with FakeHub() as hub``: listens on a free port of loopback.

    Attributes:
        activity: every activity report, as (user, body), in order.
        requests: ``METHOD path`` of every request, in order.
        stop_answer: the status with which it answers a server that asks for its own stop.
    """

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.activity: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[str] = []
        self.stop_answer = 204
        self._codes: dict[str, Person] = {}
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def __aenter__(self) -> FakeHub:
        application = web.Application(middlewares=[self._note])
        application.add_routes(
            [
                web.get("/hub/api", self._version),
                web.get("/hub/api/", self._version),
                web.get("/hub/api/user", self._user),
                web.post("/hub/api/users/{name}/activity", self._activity),
                web.delete("/hub/api/users/{name}/{server:server.*}", self._stop),
                web.get("/hub/api/oauth2/authorize", self._authorize),
                web.post("/hub/api/oauth2/token", self._token),
            ]
        )
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def add(self, name: str, server: str = "") -> Person:
        """Make somebody known."""
        person = self.people[name] = Person(name, server)
        return person

    def environment(self, person: Person, port: int, home: Path) -> dict[str, str]:
        """Return what ``Spawner.get_env`` of the real hub gives to this person's server."""
        api = f"http://{LOOPBACK}:{self.port}/hub/api"
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "USER": person.name,
            "JUPYTERHUB_ACTIVITY_URL": f"{api}/users/{person.name}/activity",
            "JUPYTERHUB_API_TOKEN": person.api_token,
            "JUPYTERHUB_API_URL": api,
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": f"jupyterhub-user-{person.name}",
            "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "0",
            "JUPYTERHUB_HOST": "",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps(person.scopes),
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{person.prefix}oauth_callback",
            "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": "[]",
            "JUPYTERHUB_OAUTH_SCOPES": json.dumps(person.scopes),
            "JUPYTERHUB_PUBLIC_HUB_URL": "",
            "JUPYTERHUB_PUBLIC_URL": "",
            "JUPYTERHUB_SERVER_NAME": person.server,
            "JUPYTERHUB_SERVICE_PREFIX": person.prefix,
            "JUPYTERHUB_SERVICE_URL": f"http://{LOOPBACK}:{port}{person.prefix}",
            "JUPYTERHUB_USER": person.name,
        }

    # -- what the hub answers ---------------------------------------------------------------

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        response: web.StreamResponse = await handler(request)
        response.headers["X-JupyterHub-Version"] = VERSION
        return response

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    def _person(self, request: web.Request) -> Person:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        for person in self.people.values():
            known = token in (person.api_token, person.user_token)
            if scheme.lower() in ("token", "bearer") and known:
                return person
        raise web.HTTPForbidden(text="unknown token")

    async def _user(self, request: web.Request) -> web.Response:
        return web.json_response(self._person(request).model)

    async def _activity(self, request: web.Request) -> web.Response:
        person = self._person(request)
        if request.match_info["name"] != person.name:
            raise web.HTTPForbidden(text="another person's activity")
        self.activity.append((person.name, await request.json()))
        return web.Response()

    async def _stop(self, request: web.Request) -> web.Response:
        self._person(request)
        return web.Response(status=self.stop_answer)

    async def _authorize(self, request: web.Request) -> web.Response:
        """Behave as if the owner were signed in and had agreed."""
        person = self.people.get(request.query["client_id"].removeprefix("jupyterhub-user-"))
        if person is None:
            raise web.HTTPBadRequest(text="unknown client")
        code = secrets.token_hex(8)
        self._codes[code] = person
        answer = urlencode({"code": code, "state": request.query["state"]})
        raise web.HTTPFound(f"{request.query['redirect_uri']}?{answer}")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        person = self._codes.pop(str(form.get("code")), None)
        if person is None or form.get("client_secret") != person.api_token:
            raise web.HTTPBadRequest(text="bad code or secret")
        return web.json_response({"access_token": person.user_token, "token_type": "Bearer"})
