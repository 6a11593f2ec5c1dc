"""The authenticator of a Datalab on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers.base import BaseHandler
from tornado import web
from traitlets import Bool, Unicode

from ..site import site_of
from . import links
from .passwords import FailureLimit, Passwords


class LocalAuthenticator(Authenticator):
    """Admits the person who started Datalab by a one-time link, and others by password."""

    links_directory = Unicode(help="Where one-time codes are kept, as hashes.").tag(config=True)
    passwords_file = Unicode(
        help="Hashed passwords of further people; empty: only one person is admitted."
    ).tag(config=True)
    owner = Unicode(help="The person who started Datalab; always an administrator.").tag(
        config=True
    )
    obstacle = Unicode(help="Why only one person is admitted; shown on the sign-in page.").tag(
        config=True
    )
    any_allow_config = Bool(True)  # who is admitted is decided by links and passwords

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._failures = FailureLimit()

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """Return the page behind the one-time link; the sign-in form is JupyterHub's own route."""
        return [*super().get_handlers(app), (r"/datalab/signin", LinkHandler)]

    def check_allowed(self, username: str, authentication: Any = None) -> bool:
        """Admit whoever :meth:`authenticate` let through."""
        return True

    async def authenticate(self, handler: Any, data: Any) -> dict[str, Any] | str | None:
        """Check a one-time code (``data["code"]``) or name and password.

        Returns:
            the person, or ``None``.
        """
        audit, address = site_of(handler.settings).audit, handler.request.remote_ip
        if "code" in data:
            user = links.redeem(Path(self.links_directory), data["code"])
            if user is None:
                audit.record("sign_in", user="unknown", outcome="refused", reason="code")
                return None
            audit.record("sign_in", user=user, reason="link")
            return {"name": user, "admin": user == self.owner or None}
        if not self.passwords_file:
            return None
        name = self.normalize_username(data.get("username", ""))
        for key in (f"user {name}", f"address {address}"):
            if seconds := self._failures.wait(key):
                audit.record("sign_in", user=name, outcome="refused", reason="too_many")
                raise web.HTTPError(
                    429, f"Too many wrong passwords. Try again in {round(seconds)} seconds."
                )
        if Passwords(Path(self.passwords_file)).check(name, data.get("password", "")):
            audit.record("sign_in", user=name, reason="password")
            return {"name": name, "admin": name == self.owner or None}
        for key in (f"user {name}", f"address {address}"):
            self._failures.failed(key)
        audit.record("sign_in", user=name, outcome="refused", reason="password")
        return None


class LinkHandler(BaseHandler):
    """Exchanges the code in the link's fragment for a session."""

    async def get(self) -> None:
        """Show the page whose script reads the fragment and posts it."""
        self.set_header("Referrer-Policy", "no-referrer")
        await self._show()

    async def post(self) -> None:
        """Sign in with the posted code. Tornado has checked the XSRF token before."""
        user = await self.login_user({"code": self.get_body_argument("code", "")})
        if user is None:
            self.set_status(403)
            await self._show(
                "This link has been used already or is too old. Run `datalab link` in a terminal, "
                "or `make run` again, for a fresh one."
            )
            return
        self.redirect(self.get_next_url(user))

    async def _show(self, problem: str = "") -> None:
        self.finish(await self.render_template("datalab_signin.html", problem=problem))
