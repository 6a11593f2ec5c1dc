"""What the pages post to, and the administrator's page."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import Scope, needs_scope
from jupyterhub.utils import url_path_join
from tornado import web

from ..audit import clean_text
from ..site import site_of
from ..spawner.problems import StartFailed

_SLUG_CHARS = 24  # of JupyterHub's 30, so that there is room for a number
_TITLE_CHARS = 80
_LEDGER_COLUMNS = (
    *("user", "server", "title", "profile", "backend", "began", "ready", "ended"),
    *("outcome", "reason", "price_per_hour", "cost"),
)


def choose_server_name(title: str, profile: str, taken: set[str], default_free: bool) -> str:
    """Return the name for a new workspace: the default one if it is free, else a fresh slug.

    JupyterHub wants 1 to 30 lowercase letters, digits and ``-``, the last not at the ends.
    """
    if default_free:
        return ""
    slug = re.sub(r"[^a-z0-9]+", "-", (title or profile).lower())[:_SLUG_CHARS].strip("-")
    slug = slug or "workspace"
    number, name = 1, slug
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    return name


class WorkspaceBase(BaseHandler):
    """Finds the person and the workspace that a form names."""

    def target(self) -> tuple[Any, str]:
        """Return (user, server name). Naming somebody else needs the right to stop servers there.

        Raises:
            HTTPError: 404 for somebody unknown, or who is not yours to manage.
        """
        return self.named(self.get_body_argument)

    def named(self, argument: Callable[[str, str], str]) -> tuple[Any, str]:
        """Do the same for arguments that this function finds."""
        server = argument("server", "")
        name = argument("user", self.current_user.name)
        user = self.current_user if name == self.current_user.name else self.find_user(name)
        if user is None or not self.may_stop(user):
            raise web.HTTPError(404, f"There is no workspace of {clean_text(name, 40)} here.")
        return user, server

    def may_stop(self, user: Any) -> bool:
        """Return whether the signed-in person may stop this person's workspaces."""
        if user.name == self.current_user.name:
            return True
        return self.has_for_all("delete:servers")

    def has_for_all(self, scope: str) -> bool:
        """Return whether the signed-in person has a scope for everybody."""
        return bool(self.parsed_scopes.get(scope) is Scope.ALL)

    def go_to(self, user: Any, server: str) -> None:
        """Go into a workspace that runs, else to the page about its start."""
        row = user.orm_user.orm_spawners.get(server)
        if row is not None and user.spawners[server].ready:
            self.redirect(user.server_url(server) + "lab")
        else:
            path = url_path_join("spawn-pending", user.escaped_name, server)
            self.redirect(url_path_join(self.hub.base_url, path))

    def back(self) -> None:
        """Go back to the page that the form was on."""
        to_admin = self.get_body_argument("back", "") == "admin"
        self.redirect(url_path_join(self.hub.base_url, "datalab/admin" if to_admin else "home"))


class WorkspacesHandler(WorkspaceBase):
    """``POST /hub/datalab/workspaces``: start a workspace."""

    @web.authenticated
    async def post(self) -> None:
        """Start what the card says, and go there as soon as it answers.

        Fields: ``profile``, ``title`` (optional), ``server`` (to start a stopped one again).
        """
        user = self.current_user
        title = clean_text(self.get_body_argument("title", ""), _TITLE_CHARS).strip()
        profile = self.get_body_argument("profile", "")
        server = self.get_body_argument("server", None)
        options: dict[str, Any] | None = {"profile": profile}
        if title:
            options = {"profile": profile, "title": title}
        known = dict(user.orm_user.orm_spawners)
        if server is None:
            server = choose_server_name(
                title, profile, set(known), default_free=not user.get_spawner("").active
            )
        elif server in known:
            options = None  # as it was
        if server and server not in known:
            await self._check_limit(known)
        spawner = user.get_or_create_spawner(server, "", replace_failed=True)
        if not spawner.ready and not spawner.pending:
            # Waits up to `slow_spawn_timeout` (set by configure) and raises what went wrong.
            # A platform that could not is no error of this page: the next one says why, and
            # offers the other cards.
            with contextlib.suppress(StartFailed):
                await self.spawn_single_user(user, server, options=options)
        self.go_to(user, server)

    async def _check_limit(self, known: dict[str, Any]) -> None:
        limit = await self.get_current_user_named_server_limit()
        count = sum(1 for name in known if name)
        if limit and count >= limit:
            raise web.HTTPError(
                400,
                f"You have {count} named workspaces, and {limit} is the limit here. "
                "Remove one from the list on the start page, then try again.",
            )


class StopHandler(WorkspaceBase):
    """``POST /hub/datalab/workspaces/stop``: stop a workspace, one's own or (admins) anybody's."""

    @web.authenticated
    async def post(self) -> None:
        """Stop it; fields ``server`` and, for administrators, ``user``."""
        user, server = self.target()
        spawner = user.spawners.get(server)
        if spawner is not None and spawner.pending in {"spawn", "check"}:
            # A start in progress is cancelled by ending its task; the backend cleans up. "check"
            # is one that an earlier hub began.
            spawner.cancel_start()
        elif spawner is not None and spawner.active and not spawner.pending:
            await self.stop_single_user(user, server)
        if user.name != self.current_user.name:
            site_of(self.settings).audit.record(
                "admin", user=user.name, actor=self.current_user.name, server=server, reason="stop"
            )
        self.back()


class ForgetHandler(WorkspaceBase):
    """``POST /hub/datalab/workspaces/forget``: drop a stopped named workspace from the list."""

    @web.authenticated
    async def post(self) -> None:
        """Forget it. The home, with all files, is not touched."""
        user, server = self.target()
        orm_spawner = user.orm_user.orm_spawners.get(server)
        if server and orm_spawner is not None and not user.get_spawner(server).active:
            user.spawners.pop(server, None)
            self.db.delete(orm_spawner)
            self.db.commit()
        self.back()


class AdminHandler(BaseHandler):
    """``GET /hub/datalab/admin``: who runs what, since when, at which cost."""

    @web.authenticated
    @needs_scope("admin-ui")
    async def get(self) -> None:
        """Show the page."""
        html = await self.render_template("datalab_admin.html", everybody=self.users.values())
        self.finish(html)


class LedgerHandler(BaseHandler):
    """``GET /hub/datalab/admin/ledger.csv?first=…&last=…``: the usage ledger as CSV."""

    @web.authenticated
    @needs_scope("admin-ui")
    def get(self) -> None:
        """Send the runs of a range of days (ISO dates, both included; this month by default)."""
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        first = self._date("first", today.replace(day=1))
        last = self._date("last", today) + timedelta(days=1)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(_LEDGER_COLUMNS)
        for run in site_of(self.settings).ledger.between(first, last):
            values = {**vars(run), "cost": run.cost()}
            writer.writerow([_safe(values[column]) for column in _LEDGER_COLUMNS])
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="datalab-ledger.csv"')
        self.finish(text.getvalue())

    def _date(self, name: str, default: datetime) -> datetime:
        text = self.get_query_argument(name, "")
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else default
        except ValueError:
            raise web.HTTPError(400, f"{name}: expected a date such as 2026-01-31") from None


def _safe(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


class AssetHandler(web.StaticFileHandler):
    """Our own static files; a ``v=`` in the address lets browsers keep them."""
