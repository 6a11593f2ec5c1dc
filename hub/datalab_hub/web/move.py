"""Start a workspace on another card: end what is under way, wait for its end, begin anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from jupyterhub.utils import url_path_join
from tornado import web
from tornado.httputil import url_concat

from .. import compat
from ..audit import clean_text
from ..catalog import Profile
from ..site import site_of
from ..spawner.problems import StartProblem
from .handlers import WorkspaceBase

_MOVES = "datalab_moves"  # key in tornado's settings
_PATIENCE = 5.0  # seconds that a page waits before it says that it still waits


@dataclass
class Move:
    """One workspace on its way to another card.

    Attributes:
        profile: where to; whoever clicks again before the start has begun changes it.
        task: ends when the start on the other card has begun, or failed.
    """

    profile: Profile
    task: asyncio.Task[None] | None = None


class MoveHandler(WorkspaceBase):
    """``/hub/datalab/workspaces/move``: the same workspace, on another card, now.

    ``POST`` begins it. ``GET`` is where a browser waits that finds it still going on; both lead to
    the progress page, or into the workspace, when the start has begun.
    """

    @web.authenticated
    async def post(self) -> None:
        """Move it; fields ``server``, ``profile`` and, for administrators, ``user``."""
        user, server = self.target()
        if user.name != self.current_user.name and not self.has_for_all("servers"):
            raise web.HTTPError(
                403, f"You may not start workspaces of {clean_text(user.name, 40)}."
            )
        row = user.orm_user.orm_spawners.get(server)
        if row is None:
            raise web.HTTPError(
                404,
                f"There is no workspace called {clean_text(server, 40)!r} any more. "
                "Start one from a card on the start page.",
            )
        spawner = user.spawners[server]
        name = self.get_body_argument("profile", "")
        if not name:
            raise web.HTTPError(400, "Which card? The form came without its name; click one again.")
        profile = spawner.admit({"profile": name})  # before anything is ended
        moves, key = self._moves(), (user.name, server)
        if (going := moves.get(key)) is not None and going.task and not going.task.done():
            going.profile = profile
        elif spawner.ready:
            raise web.HTTPError(
                409,
                f"{spawner.title} is running meanwhile. Open it from your workspaces, or stop it "
                f"there and start it on {profile.title} then.",
            )
        else:
            move = moves[key] = Move(profile)
            move.task = asyncio.create_task(self._move(user, server, move))
        await self._lead(user, server)

    @web.authenticated
    async def get(self) -> None:
        """Wait a little longer; arguments ``server`` and, for administrators, ``user``."""
        user, server = self.named(self.get_query_argument)
        await self._lead(user, server)

    def _moves(self) -> dict[tuple[str, str], Move]:
        """Return the moves of this hub that go on, by (person, workspace)."""
        moves: dict[tuple[str, str], Move] = self.settings.setdefault(_MOVES, {})
        return moves

    async def _move(self, user: Any, server: str, move: Move) -> None:
        spawner = user.spawners[server]
        spawner.cancel_start()
        await compat.at_rest(spawner)
        if spawner.ready:  # it was past cancelling
            await self.stop_single_user(user, server)
            await compat.at_rest(spawner)
        if user.spawners[server].active:
            return  # somebody was faster, in another window
        row = user.orm_user.orm_spawners[server]
        options = {**(row.user_options or {}), "profile": move.profile.name}
        if user.name != self.current_user.name:
            site_of(self.settings).audit.record(
                "admin", user=user.name, actor=self.current_user.name, server=server, reason="move"
            )
        await self.spawn_single_user(user, server, options=options)

    async def _lead(self, user: Any, server: str) -> None:
        """Answer with the next page: still waiting, under way, running, or what went wrong."""
        moves, key = self._moves(), (user.name, server)
        move = moves.get(key)
        if move is not None and move.task is not None:
            await asyncio.wait([move.task], timeout=_PATIENCE)
            if not move.task.done():
                here = url_path_join(self.hub.base_url, "datalab/workspaces/move")
                who = {} if user.name == self.current_user.name else {"user": user.name}
                html = await self.render_template(
                    "moving.html",
                    again=url_concat(here, {"server": server, **who}),
                    profile=move.profile,
                    spawner=user.spawners[server],
                )
                self.finish(html)
                return
            if moves.get(key) is move:
                del moves[key]
            error = move.task.exception()
            # What a platform said about a start is on the progress page.
            if error is not None and not isinstance(error, StartProblem):
                raise error
        self.go_to(user, server)
