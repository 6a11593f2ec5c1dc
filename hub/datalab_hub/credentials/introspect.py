"""In the hub: whose token is this, and which runs live? For the broker alone.

A workspace's token and one that a person made with the same scopes look alike in the hub's API.
Only the spawner knows which token it gave to the workspace, so only the hub can tell. Asking
needs the broker's own token; it opens nothing else, since the service has no scopes.

``POST /hub/datalab/api/credentials/workspaces``  ``{"tokens": […]}`` → user, server, run, groups
``POST /hub/datalab/api/credentials/runs``        → the runs that live now
``POST /hub/datalab/api/credentials/person``      ``{"run": …}`` → that person's own tokens
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from .. import compat
from ..site import SETTING
from ..spawner import WorkspaceSpawner
from .limits import RateLimit
from .sign_in import end_of

SERVICE = "datalab-credentials"
PATH = r"/datalab/api/credentials"

# Of what a sign-in left: never a refresh token, which lives for months.
_PERSONAL = ("access_token", "id_token")
TOKENS_AT_ONCE = 100  # a question that takes the hub's only thread for tens of milliseconds

_NOBODY = "-"
# Anybody who reaches the hub can knock: that must not fill the disk.
_STRANGERS = RateLimit(burst=60, per_minute=60)
_SOON = 1  # second
_MOMENT = 60  # seconds that a token is taken to be good of which its provider says no end
# Person → (access token, when a refresh brought it): not every token says when it ends.
_ISSUED: dict[str, tuple[str | None, float]] = {}


class _BrokerHandler(APIHandler):
    """Lets the broker in, and nobody else."""

    async def prepare(self) -> None:
        """Check who asks, before the body is looked at.

        Raises:
            HTTPError: 403 for everybody but the broker.
        """
        await super().prepare()
        if not compat.is_service(self.current_user, SERVICE):
            name = getattr(self.current_user, "name", _NOBODY)
            if name != _NOBODY or not _STRANGERS.take(_NOBODY):
                audit = self.settings[SETTING].audit
                detail = {"asked": "introspection"}
                audit.record(
                    "credential", user=name, outcome="refused", reason="broker", detail=detail
                )
            raise web.HTTPError(403, "Only Datalab's credential broker may ask this.")

    def field(self, name: str, kind: type) -> Any:
        """Return a field of the request's body.

        Raises:
            HTTPError: 400, it is missing or of another type.
        """
        body = self.get_json_body()
        value = body.get(name) if isinstance(body, dict) else None
        if not isinstance(value, kind):
            raise web.HTTPError(400, f"expected a JSON object with {name!r}: {kind.__name__}")
        return value

    def live(self) -> Iterator[WorkspaceSpawner]:
        """Yield the workspaces that run or start; not those that stop."""
        for user in self.users.values():
            for spawner in user.spawners.values():
                if is_live(spawner):
                    yield spawner


class WorkspacesHandler(_BrokerHandler):
    """Whose tokens are these?"""

    def post(self) -> None:
        """Answer for each with the workspace, or ``{"reason": unknown | person | stopped}``."""
        tokens = self.field("tokens", list)[:TOKENS_AT_ONCE]
        self.finish({"workspaces": [self._of(str(token)) for token in tokens]})

    def _of(self, token: str) -> dict[str, Any]:
        found = compat.find_token(self.db, token)
        if found is None:
            return {"reason": "unknown"}
        token_id, name = found
        user = self.find_user(name) if name is not None else None
        if user is None:
            return {"reason": "person"}
        for spawner in user.spawners.values():
            if isinstance(spawner, WorkspaceSpawner) and spawner.holds_token(token_id):
                return describe(spawner) if is_live(spawner) else {"reason": "stopped"}
        return {"reason": "person"}


class RunsHandler(_BrokerHandler):
    """Which runs live?"""

    def post(self) -> None:
        """Answer with all of them."""
        self.finish({"runs": [describe(spawner) for spawner in self.live()]})


class PersonHandler(_BrokerHandler):
    """What did this person's sign-in leave, for a source that wants the person's own token?"""

    async def post(self) -> None:
        """Answer with the access and identity tokens, refreshed if the authenticator can.

        JupyterHub refreshes at most every ``auth_refresh_age``. A token that has ended, or of
        which nobody knows when it ends, does not wait for that.
        """
        run = self.field("run", int)
        spawner = next((found for found in self.live() if found.run_id == run), None)
        if spawner is None:
            self.set_status(404)
            self.finish({"reason": "stopped"})
            return
        self.finish(await self._tokens(spawner.user))

    async def _tokens(self, user: Any) -> dict[str, Any]:
        state = await user.get_auth_state() or {}
        if not state:
            return {}
        before = state.get("access_token")
        end = end_of(state, self._issued(user, before))
        forced = end is None or end <= time.time() + _SOON
        accepted = await compat.refresh_sign_in(self, user, force=forced)
        state = await user.get_auth_state() or {}
        token = state.get("access_token")
        if token != before:
            _ISSUED[user.name] = (token, time.time())
        end = end_of(state, self._issued(user, token))
        if not accepted:  # neither the token nor the refresh token is taken any more
            end = 0
        elif forced and (end is None or end <= time.time() + _SOON):
            # Still good by the provider's clock: it was asked just now.
            end = time.time() + _MOMENT
        answer = {name: state[name] for name in _PERSONAL if state.get(name)}
        return answer | {"expires_at": end}

    @staticmethod
    def _issued(user: Any, token: str | None) -> float | None:
        known, moment = _ISSUED.get(user.name, (None, 0.0))
        return moment if known == token else None


def is_live(spawner: Any) -> bool:
    """Return whether a workspace runs, or starts; one that is being stopped does not count."""
    return (
        isinstance(spawner, WorkspaceSpawner)
        and spawner.run_id is not None
        and bool(spawner.active)
        and spawner.pending != "stop"
    )


def describe(spawner: WorkspaceSpawner) -> dict[str, Any]:
    """Return what the broker may know of a workspace."""
    return {
        "user": spawner.user.name,
        "server": spawner.name,
        "run": spawner.run_id,
        "groups": spawner.groups,
    }


def handlers() -> list[tuple[str, type]]:
    """Return what goes into ``c.JupyterHub.extra_handlers``."""
    return [
        (f"{PATH}/workspaces", WorkspacesHandler),
        (f"{PATH}/runs", RunsHandler),
        (f"{PATH}/person", PersonHandler),
    ]
