"""**File → Stop this workspace**: a person ends their workspace from within.

The server asks the hub, as its owner would on the start page, so that the hub knows of a stop that
was wanted: the ledger closes, the pod or instance goes, nothing looks like a crash. For that its
hub token may stop this one server (``WorkspaceSpawner.server_token_scopes``).

``DELETE <base>/datalab/api/workspace``   202 when the stop has begun
"""

from __future__ import annotations

import asyncio
import os
from urllib.parse import quote

import aiohttp
from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from jupyterhub.httpclient import fetch
from tornado import web

from . import announcement, hub

_PATIENCE = 20  # seconds for the hub to begin; it usually takes a tenth of one
_ELSEWHERE = "Stop it on the start page instead: File → Hub Control Panel."


class WorkspaceHandler(APIHandler):
    """This workspace."""

    auth_resource = "api"

    @web.authenticated
    async def delete(self) -> None:
        """Ask the hub to stop this workspace, and answer as soon as the stop has begun.

        The hub answers when all is over, and that this server does not live to say.
        """
        asking = asyncio.ensure_future(self._ask())
        # Once the stop has begun nobody reads how this ends: most likely with the connection.
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        begun = asyncio.ensure_future(announcement.begun(self.settings))
        done, _ = await asyncio.wait(
            {asking, begun}, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED
        )
        begun.cancel()
        if not done:
            asking.cancel()
            raise web.HTTPError(504, f"The hub does not answer. {_ELSEWHERE}")
        if asking in done:
            asking.result()  # raises what the hub said
        self.set_status(202)
        self.finish()

    async def _ask(self) -> None:
        app = hub.app_of(self.serverapp)
        if app is None:
            raise web.HTTPError(404, "No hub started this server; stop it where it was started.")
        auth = app.hub_auth
        which = f"servers/{quote(app.server_name, safe='')}" if app.server_name else "server"
        url = url_path_join(
            auth.api_url, "users", quote(os.environ["JUPYTERHUB_USER"], safe=""), which
        )
        try:
            await fetch(
                url,
                method="DELETE",
                headers={"Authorization": f"token {auth.api_token}"},
                **app.hub_http_client_opts,
            )
        except aiohttp.ClientResponseError as error:
            self.log.warning("The hub did not stop this workspace: %s %s", error.status, url)
            reason = (
                "this workspace may not ask for that, as one that was started before an upgrade"
                if error.status in (403, 404)
                else f"it answered {error.status}"
            )
            raise web.HTTPError(
                502, f"The hub did not stop this workspace: {reason}. {_ELSEWHERE}"
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            self.log.warning("The hub was asked to stop this workspace: %r", error)
            raise web.HTTPError(
                502, "The hub cannot be reached now. Save your work and try again."
            ) from error


def install(server: ServerApp) -> None:
    """Add the handler to a server."""
    path = url_path_join(server.web_app.settings["base_url"], "datalab/api/workspace")
    server.web_app.add_handlers(".*$", [(path, WorkspaceHandler)])
