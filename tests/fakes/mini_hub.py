"""A hub with one person and one workspace, to be killed: ``python -m fakes.mini_hub DIRECTORY``.

It does in this order what JupyterHub 6.1 does (``User.spawn``, ``JupyterHub.init_spawners``) and
then what Datalab adds, so that a round of kills takes seconds and not minutes:

* Is there a saved state? ``load_state``, then ``poll``. ``None``: ``resume``, and ``stop`` if that
  fails. Anything else: the state is forgotten.
* One pass of the reconciler.
* ``--start``: if no workspace runs, start one.

``database.json`` is its database: the state, and the workspace's token. It prints one line of JSON
when it has settled, then obeys ``stop`` on standard input, and ends at its end.
"""

from __future__ import annotations

from datalab_workspace import lean  # noqa: F401  # first: saves a second of every start

# isort: split

import argparse
import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from datalab_hub.spawner.backend import WorkspaceContext
from datalab_hub.spawner.names import workspace_key
from datalab_hub.spawner.problems import StartFailed
from datalab_hub.spawner.reconcile import reconcile
from datalab_hub.spawner.sagemaker import SageMakerPlatform
from sagemaker_site import IMAGE, Hub, make_site, profile

_START_TIMEOUT = 40


class MiniHub:
    """See the module."""

    def __init__(
        self, directory: Path, instance: str, settings: dict[str, Any], spot: bool
    ) -> None:
        self.path = directory / "database.json"
        chosen = profile(sagemaker={"spot": spot})
        self.site = make_site(directory, chosen, instance=instance)
        self.platform = SageMakerPlatform(site=self.site, **settings)
        self.site.platforms["sagemaker"] = self.platform
        self.hub = Hub(self.site)
        self.key = workspace_key("ann", "")
        self.database: dict[str, Any] = (
            json.loads(self.path.read_text()) if self.path.exists() else {"token": "hub-token-0"}
        )
        context = WorkspaceContext(
            user="ann",
            server="",
            key=self.key,
            profile=chosen,
            image=IMAGE,
            log=self.site.log,
            bind=lambda ip, port: None,
            environment=lambda: self.hub.environment(self.database["token"]),
            arguments=lambda: [],
            save=self.save,
            report=lambda *_, **__: None,
            recognises=lambda token: token == self.database["token"],
            renew_token=self._renew,
        )
        self.backend = self.platform.backend(context)

    def save(self) -> None:
        self._write(state=self.backend.get_state())

    def _renew(self) -> None:
        name, _, number = self.database["token"].rpartition("-")
        self._write(token=f"{name}-{int(number) + 1}")

    def _write(self, **changes: Any) -> None:
        self.database |= changes
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.database))
        draft.replace(self.path)

    async def run(self, port: int, start: bool) -> None:
        self.hub.fixed_port = port
        async with self.hub.listening():
            url = await self._settle(start)
            print(json.dumps({"url": url, "state": self.database.get("state")}), flush=True)
            gone = asyncio.create_task(self.backend.gone())
            line = await asyncio.to_thread(sys.stdin.readline)
            gone.cancel()
            if line.strip() == "stop":
                await self.backend.stop()
                self._write(state=None)
                await reconcile(self.site, lambda backend: [])
                print(json.dumps({"stopped": True}), flush=True)
            await self.platform.close()

    async def _settle(self, start: bool) -> str | None:
        url = None
        if self.database.get("state"):
            self.backend.load_state(self.database["state"])
            if await self.backend.poll() is None:
                try:
                    url = await asyncio.wait_for(self.backend.resume(), _START_TIMEOUT)
                except (StartFailed, TimeoutError) as error:
                    self.site.log.warning("Not adopted: %s", error)
                    await self.backend.stop()
            if url is None:
                self._write(state=None)
        owned = [self.key] if self.database.get("state") else []
        for finding in await reconcile(self.site, lambda backend: owned):
            self.site.log.warning("%s", finding)
        if start and url is None:
            try:
                url = await asyncio.wait_for(self.backend.start(), _START_TIMEOUT)
            except (StartFailed, TimeoutError) as error:
                self.site.log.warning("Not started: %s", error)
                self._write(state=None)
        return url


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--instance", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--spot", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    hub = MiniHub(arguments.directory, arguments.instance, arguments.settings, arguments.spot)
    asyncio.run(hub.run(arguments.port, arguments.start))
