"""The broker's only view of the hub; see :mod:`datalab_hub.credentials.introspect`."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from .introspect import TOKENS_AT_ONCE
from .problems import HubAway, NotAWorkspace, Refused
from .who import Workspace

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_WHY_NOT = {
    "unknown": "This workspace's token is not known (any more). Stop the workspace and start it "
    "again.",
    "person": "This token is not a workspace's. Credentials are only for running workspaces.",
    "stopped": "This workspace has been stopped, so it gets no credentials any more.",
}


class Hub:
    """Asks the hub with the broker's own token.

    Args:
        url: the hub's API, ``JUPYTERHUB_API_URL``.
        token: the service's own, ``JUPYTERHUB_API_TOKEN``.
    """

    def __init__(self, url: str, token: str) -> None:
        self._api = url.rstrip("/")
        self._base = self._api.removesuffix("/api") + "/datalab/api/credentials"
        self._headers = {"Authorization": f"token {token}"}
        self._session: aiohttp.ClientSession | None = None
        self._waiting: list[tuple[str, asyncio.Future[dict[str, Any]]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def workspace(self, token: str) -> Workspace:
        """Return the live workspace that a token belongs to.

        Raises:
            NotAWorkspace: there is none; says why.
            HubAway: the hub does not answer.
        """
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((token, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        body: dict[str, Any] = await answer
        if "reason" in body:
            reason = str(body["reason"])
            raise NotAWorkspace(_WHY_NOT.get(reason, _WHY_NOT["unknown"]), reason=reason)
        return _workspace(body)

    async def _ask(self) -> None:
        """Ask about all tokens that wait, and about those that came meanwhile.

        Most of what a question costs the hub is the same for one token and for a hundred. So
        when all workspaces come at once, the hub is asked a few times and not hundreds of times;
        a single one does not wait.
        """
        while self._waiting:
            batch = self._waiting[:TOKENS_AT_ONCE]
            del self._waiting[:TOKENS_AT_ONCE]
            try:
                _, body = await self._post("workspaces", {"tokens": [token for token, _ in batch]})
                for (_, answer), found in zip(batch, body["workspaces"], strict=True):
                    if not answer.done():  # who asked may have gone
                        answer.set_result(found)
            except Exception as problem:  # noqa: BLE001  # whoever asked has to hear of it
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(problem)

    async def runs(self) -> dict[int, Workspace]:
        """Return the workspaces that live now, by their run.

        Raises:
            HubAway: the hub does not answer.
        """
        _, body = await self._post("runs", {})
        return {entry["run"]: _workspace(entry) for entry in body["runs"]}

    async def personal_tokens(self, who: Workspace) -> dict[str, Any]:
        """Return what the person's sign-in left: ``access_token``, ``id_token``, ``expires_at``.

        Raises:
            NotAWorkspace: stopped meanwhile.
            HubAway: the hub does not answer.
        """
        status, body = await self._post("person", {"run": who.run})
        if status == 404:
            raise NotAWorkspace(_WHY_NOT["stopped"], reason="stopped")
        return body

    async def may_read_metrics(self, token: str) -> bool:
        """Return whether a token has the hub's scope ``read:metrics``."""
        async with self._open().get(
            f"{self._api}/user", headers={"Authorization": f"token {token}"}
        ) as answer:
            if answer.status != 200:
                return False
            return "read:metrics" in (await answer.json()).get("scopes", [])

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            async with self._open().post(
                f"{self._base}/{path}", json=body, headers=self._headers
            ) as answer:
                if answer.status in (200, 404):
                    return answer.status, await answer.json()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise HubAway(
                "Datalab's hub does not answer just now; try again in a minute.",
                reason="hub",
                detail=f"{path}: {type(error).__name__}",
            ) from None
        if status == 403:
            raise Refused(
                "Datalab's credential broker is not known to the hub. Tell the person who runs "
                "Datalab: the hub and its broker have to be started together.",
                reason="broker",
            )
        raise HubAway(
            "Datalab's hub cannot answer just now; try again in a minute.",
            reason="hub",
            detail=f"{path}: HTTP {status}",
        )


def _workspace(body: dict[str, Any]) -> Workspace:
    return Workspace(body["user"], body["server"], body["run"], frozenset(body["groups"]))
