"""A person leaves: stop their workspaces, end their account, decide about their home."""

from __future__ import annotations

import logging
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx

from .audit import AuditLog
from .errors import DatalabError
from .signin.passwords import Passwords
from .spawner.names import path_name

_STOP_SECONDS = 120
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class HomeFate:
    """What happens to the home: kept where it is, removed, or given to somebody."""

    kind: Literal["keep", "remove", "give"]
    other: str = ""

    @classmethod
    def parse(cls, text: str) -> HomeFate:
        """Read ``keep``, ``remove`` or ``give:NAME``.

        Raises:
            ValueError: anything else.
        """
        kind, _, other = text.partition(":")
        if text in ("keep", "remove"):
            return cls("remove" if text == "remove" else "keep")
        if kind == "give" and other:
            return cls("give", other.lower())
        raise ValueError(f"{text!r}: expected keep, remove or give:NAME")


class Offboarding:
    """One person's leaving, on the machine where Datalab runs.

    Args:
        user: the person's name.
        data_dir: Datalab's data directory.
        api_url: of the hub, ending in ``/hub/api``.
        token: the operator's, see ``instance.operator_token``.
        fate: of the home.
    """

    def __init__(self, user: str, data_dir: Path, api_url: str, token: str, fate: HomeFate) -> None:
        self.user = user
        self.fate = fate
        self._homes = data_dir / "homes"
        self._passwords = Passwords(data_dir / "hub" / "passwords.json")
        self._audit_path = data_dir / "logs" / "audit.jsonl"
        self._path = f"users/{quote(user, safe='')}"
        self._hub = httpx.Client(
            base_url=api_url, headers={"Authorization": f"token {token}"}, timeout=60
        )

    def plan(self) -> list[str]:
        """Return what :meth:`apply` will do, one sentence each; changes nothing.

        Raises:
            DatalabError: nobody of that name, an administrator, a home that cannot be given, or
                a hub that does not answer.
        """
        user = self._get(self.user)
        has_password = self.user in self._passwords.users()
        if user is None and not has_password and not self._home.exists():
            raise DatalabError(f"There is nobody called {self.user!r} here.")
        if user is not None and user["admin"]:
            raise DatalabError(
                f"{self.user} administrates this Datalab. Make them an ordinary person first "
                "(Admin → JupyterHub's own administration), then try again."
            )
        steps = [f"stop the workspace {self._title(name)}" for name in self._active(user)]
        if user is not None:
            steps.append(f"delete the account of {self.user} with its tokens and sessions")
        if has_password:
            steps.append("take the password away")
        return [*steps, self._plan_home()]

    def apply(self) -> None:
        """Do it. What has been done stays done if a later step fails; running it again goes on.

        Raises:
            DatalabError: names the step that failed, and why; or what :meth:`plan` raises, and
                then nothing has been done.
        """
        self.plan()  # its checks hold for now, not for when the person read the plan
        self._passwords.remove(self.user)  # first: nobody signs in again meanwhile
        self._stop_workspaces()
        answer = self._ask("DELETE", self._path)
        if answer.status_code not in (204, 404):
            raise DatalabError(f"The account of {self.user} was not deleted: {answer.text}")
        self._settle_home()
        AuditLog(self._audit_path, logging.getLogger("datalab")).record(
            "admin",
            user=self.user,
            actor=f"uid {os.getuid()}",
            reason="offboard",
            detail={"home": self.fate.kind, "given_to": self.fate.other},
        )

    # -- the hub ----------------------------------------------------------------------------

    def _stop_workspaces(self) -> None:
        for name in self._active(self._get(self.user)):
            path = f"{self._path}/servers/{quote(name)}" if name else f"{self._path}/server"
            answer = self._ask("DELETE", path)
            # 404 and 400: it stopped, or is stopping, by itself; the loop below sees.
            if answer.status_code >= 500:
                raise DatalabError(f"{self._title(name)} was not stopped: {answer.text}")
        deadline = time.monotonic() + _STOP_SECONDS
        while left := self._active(self._get(self.user)):
            if time.monotonic() > deadline:
                names = ", ".join(map(self._title, left))
                raise DatalabError(
                    f"Still running after {_STOP_SECONDS} seconds: {names}. The account is "
                    "untouched. Look into the hub's log, then try again."
                )
            time.sleep(_POLL_SECONDS)

    def _get(self, user: str) -> dict[str, Any] | None:
        answer = self._ask("GET", f"users/{quote(user, safe='')}")
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise DatalabError(f"The hub did not tell about {user!r}: {answer.text}")
        found: dict[str, Any] = answer.json()
        return found

    def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            return self._hub.request(method, path)
        except httpx.TransportError as error:
            raise DatalabError(
                f"The hub does not answer ({error}). Start it with `datalab up`, then try again."
            ) from error

    @staticmethod
    def _active(user: dict[str, Any] | None) -> list[str]:
        return [
            name
            for name, server in ((user and user["servers"]) or {}).items()
            if server["ready"] or server["pending"]
        ]

    @staticmethod
    def _title(name: str) -> str:
        return repr(name) if name else "without a name"

    # -- the home ---------------------------------------------------------------------------

    @property
    def _home(self) -> Path:
        return self._homes / path_name(self.user)

    @property
    def _gift(self) -> Path:
        return self._homes / path_name(self.fate.other) / f"from-{path_name(self.user)}"

    def _plan_home(self) -> str:
        if not self._home.exists():
            return "there is no home"
        if self.fate.kind == "keep":
            return f"keep the home {self._home}"
        if self.fate.kind == "remove":
            return f"remove the home {self._home} with everything in it, for good"
        if self._get(self.fate.other) is None:
            raise DatalabError(f"There is nobody called {self.fate.other!r} here.")
        if not self._gift.parent.is_dir():
            raise DatalabError(
                f"{self.fate.other} has no home yet, so nothing can be put there. They get one "
                "with their first workspace."
            )
        if self._gift.exists():
            raise DatalabError(f"{self._gift} exists already. Move it away, then try again.")
        return f"move the home to {self._gift}"

    def _settle_home(self) -> None:
        home = self._home
        try:
            if not home.exists() or self.fate.kind == "keep":
                return
            if self.fate.kind == "remove":
                shutil.rmtree(home)
                return
            owner = self._gift.parent.stat()
            home.rename(self._gift)
            for path in (self._gift, *self._gift.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        except OSError as error:
            raise DatalabError(
                f"The account is deleted, but the home is not settled: {error}. "
                f"It is {home} or {self._gift if self.fate.other else 'gone in part'}."
            ) from error
