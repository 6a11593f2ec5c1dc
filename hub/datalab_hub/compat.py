"""The only place that touches names which JupyterHub does not promise to keep.

Everything here was read in the source of the versions named in :data:`TESTED`, and the unit tests
of this module fail when one of the names moves.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyterhub import orm
from jupyterhub.utils import make_ssl_context
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from .errors import DatalabError

if TYPE_CHECKING:
    from jupyterhub.app import JupyterHub
    from jupyterhub.spawner import Spawner

TESTED = {
    "jupyterhub": SpecifierSet(">=6.1.1,<7"),
    "jupyterhub-kubespawner": SpecifierSet(">=7.1,<7.2"),
}

_ROUTE_SECONDS = 5  # for the proxy to take or forget a route


def check_version(distribution: str) -> None:
    """Refuse to run with a version that this release was not tested with.

    Raises:
        DatalabError: names the version found and the range wanted.
    """
    found, wanted = Version(version(distribution)), TESTED[distribution]
    if not wanted.contains(found, prereleases=True):
        raise DatalabError(
            f"Datalab works with {distribution} {wanted}; version {found} is installed. "
            f"Install a version in that range: pip install '{distribution}{wanted}'."
        )


def check_versions() -> None:
    """Refuse to run under a JupyterHub that this release was not tested with."""
    check_version("jupyterhub")


def save_state(spawner: Spawner) -> None:
    """Write the spawner's state to the hub's database now, not only after ``start()``.

    ``User.spawn`` itself does just this after ``start()`` returned (jupyterhub/user.py).
    """
    spawner.orm_spawner.state = spawner.get_state()
    spawner.db.commit()


def token_id(spawner: Spawner) -> int | None:
    """Return the database id of the workspace's own hub token, while the token is known.

    After a hub restart ``spawner.api_token`` reads back empty, and the token would outlive the
    workspace; its id allows :func:`delete_token` to find it.
    """
    if not spawner.api_token:
        return None
    found = orm.APIToken.find(spawner.db, spawner.api_token)
    return found.id if found else None


def delete_token(spawner: Spawner, id: int) -> None:
    """Delete a workspace's hub token by its id, if it still exists and is this person's."""
    token = spawner.db.get(orm.APIToken, id)
    if token is not None and token.user_id == spawner.orm_spawner.user_id:
        spawner.db.delete(token)
        spawner.db.commit()


def is_token(spawner: Spawner, token: str, id: int | None) -> bool:
    """Return whether a hub token is the one with this database id, and still valid."""
    if id is None or not token:
        return False
    found = orm.APIToken.find(spawner.db, token)
    return found is not None and found.id == id


def renew_token(spawner: Spawner, id: int | None) -> int | None:
    """Give a running workspace a fresh hub token in place of the one with this id.

    What ``User.spawn`` does for a start (jupyterhub/user.py): a token with the server's scopes,
    which is the OAuth client's secret as well.

    Returns:
        the fresh token's id. It is in ``spawner.api_token``, and so in ``get_env()``.
    """
    old = spawner.db.get(orm.APIToken, id) if id is not None else None
    base_url = spawner.server.base_url if spawner.server else spawner.user.base_url
    scopes = list(old.scopes) if old is not None else orm.Role.find(spawner.db, "server").scopes
    token = spawner.user.new_api_token(note=f"Server at {base_url}", scopes=scopes)
    spawner.api_token = token
    if (client := spawner.orm_spawner.oauth_client) is not None:
        client.secret = orm.hash_token(token)
    if old is not None:
        spawner.db.delete(old)
    spawner.db.commit()
    return token_id(spawner)


async def move_server(spawner: Spawner, url: str) -> None:
    """Point hub and proxy at a running workspace's new address.

    ``Proxy.add_user`` would do the second part, but not for a workspace that a starting hub is
    still checking; this is what it does for all others (jupyterhub/proxy.py).

    A starting hub adds the routes itself, but late: of those that it has adopted when all services
    have started, of others when it has checked *every* workspace (``start`` and
    ``finish_init_spawners`` in jupyterhub/app.py). With a proxy that started with it people would
    be led to the hub meanwhile, for seconds or, with machines that take minutes, for minutes.
    """
    parts = urlsplit(url)
    server = spawner.server
    server.proto, server.ip, server.port = parts.scheme, parts.hostname, parts.port
    spawner.db.commit()
    app = running_app()
    if app is None:
        return
    if getattr(app, "http_server", None) is not None:
        await _lead_to(app, spawner)
        return
    task = asyncio.create_task(_lead_there_soon(spawner))
    _led_soon.add(task)
    task.add_done_callback(_led_soon.discard)


_led_soon: set[asyncio.Task[None]] = set()


async def _lead_there_soon(spawner: Spawner) -> None:
    """Add a workspace's route as soon as there is a proxy: it runs when the hub listens."""
    app = await hub_started()
    if spawner.server is None or spawner.pending == "stop":
        return
    try:
        async with asyncio.timeout(_ROUTE_SECONDS):
            await _lead_to(app, spawner)
    except Exception:  # the hub's own check of all routes comes later, and tries again
        app.log.exception("%s gets its route later", spawner._log_name)


async def _lead_to(app: JupyterHub, spawner: Spawner) -> None:
    data = {"user": spawner.user.name, "server_name": spawner.name}
    await app.proxy.add_route(spawner.proxy_spec, spawner.server.host, data)


def internal_ssl_context(app: JupyterHub) -> ssl.SSLContext:
    """Return what the hub speaks TLS to workspaces with: its own certificate and authority."""
    context: ssl.SSLContext = make_ssl_context(
        app.internal_ssl_key, app.internal_ssl_cert, cafile=app.internal_ssl_ca
    )
    return context


@asynccontextmanager
async def reachable(spawner: Spawner, wanted: bool) -> AsyncIterator[None]:
    """Lead people to a workspace while it is being stopped, so that open pages can save.

    ``stop_single_user`` takes the route away before it calls ``Spawner.stop``
    (jupyterhub/handlers/base.py). Here it comes back, and goes when the workspace has ended.
    """
    app = running_app()
    server = spawner.server
    if not wanted or server is None or app is None or getattr(app, "http_server", None) is None:
        yield
        return
    if _is_stopping(app.proxy):
        yield
        return
    spec = spawner.proxy_spec
    try:
        async with asyncio.timeout(_ROUTE_SECONDS):
            await _lead_to(app, spawner)
    except Exception:  # a proxy that does not answer is no reason not to stop
        app.log.exception("%s cannot be reached while it stops", spawner._log_name)
        yield
        return
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(_ROUTE_SECONDS):
                await app.proxy.delete_route(spec)
        except Exception:  # the hub's own check of all routes takes it away
            app.log.exception("The route of %s is left for now", spawner._log_name)


def _is_stopping(proxy: Any) -> bool:
    """Say whether the hub has ended its proxy, as it does while it ends the workspaces.

    ``JupyterHub.cleanup`` stops the proxy before the stops of the servers get to run, and a request
    to it would be tried again for many seconds (read in 6.1.1).
    """
    callback = getattr(proxy, "_check_running_callback", None)
    return callback is not None and not callback.is_running()


async def at_rest(spawner: Spawner) -> None:
    """Return when no start, stop or check of this workspace is under way any more.

    A start that fails is stopped by ``User.spawn`` before its future is done. Of the check after a
    hub restart (``init_spawners`` in jupyterhub/app.py) there is no future to wait for.
    """
    while True:
        known = (spawner._spawn_future, getattr(spawner, "_stop_future", None))
        going = [future for future in known if future is not None and not future.done()]
        if going:
            await asyncio.wait(going)
        elif spawner.pending:
            await asyncio.sleep(0.05)
        else:
            return


def find_token(db: Any, token: str) -> tuple[int, str | None] | None:
    """Return (database id, person's name or ``None`` for a service's) of a hub token that works."""
    found = orm.APIToken.find(db, token)
    return (found.id, found.user.name if found.user else None) if found else None


def is_service(asking: Any, name: str) -> bool:
    """Return whether ``handler.current_user`` is the service of that name."""
    return isinstance(asking, orm.Service) and asking.name == name


async def refresh_sign_in(handler: Any, user: Any, *, force: bool) -> bool:
    """Refresh what a person's sign-in left; return ``False`` when they have to sign in again.

    ``BaseHandler.refresh_auth`` answers a service that asks about another person with the person
    in either case (jupyterhub/handlers/base.py). Only ``_auth_refreshed`` tells: it is set when
    the authenticator said yes.

    Args:
        force: do not wait for ``auth_refresh_age``.
    """
    before = user._auth_refreshed
    await handler.refresh_auth(user, force=force)
    tried = user.name in getattr(handler, "_refreshed_users", ())
    return not tried or user._auth_refreshed != before


def running_app() -> JupyterHub | None:
    """Return the hub application of this process, or ``None`` outside a hub."""
    from jupyterhub.app import JupyterHub

    return JupyterHub.instance() if JupyterHub.initialized() else None


async def hub_started() -> JupyterHub:
    """Return the hub once it has loaded its spawners and listens.

    JupyterHub has no start hook. ``JupyterHub.start`` sets ``http_server`` right before it
    listens, after ``init_spawners`` has been awaited (jupyterhub/app.py).
    """
    while True:
        app = running_app()
        if app is not None and getattr(app, "http_server", None) is not None:
            return app
        await asyncio.sleep(0.02)


def state_of_all_spawners(app: JupyterHub) -> dict[str, Any]:
    """Return ``{workspace key: state}`` for every workspace that the database knows as begun."""
    from .spawner.names import workspace_key

    app.db.commit()  # end the open transaction, or SQLite and PostgreSQL show an older snapshot
    rows = (
        app.db.query(orm.User.name, orm.Spawner.name, orm.Spawner.state)
        .join(orm.Spawner, orm.Spawner.user_id == orm.User.id)
        .filter(orm.Spawner.server_id.is_not(None))
    )
    return {workspace_key(user, server): state or {} for user, server, state in rows}


def people(app: JupyterHub) -> list[str]:
    """Return the names of all people whom the database knows."""
    app.db.commit()
    return [name for (name,) in app.db.query(orm.User.name)]


def owned_keys(app: JupyterHub, backend: str) -> set[str]:
    """Return the keys of what has an owner in the database *now*, on one backend's platform.

    A workspace's resources are owned while its server has begun there, a home while its person
    exists. A start that has not said yet where it goes owns what there is under its key.
    """
    from .spawner.names import person_key
    from .spawner.reconcile import backend_of

    owned = {
        key
        for key, state in state_of_all_spawners(app).items()
        if backend_of(state) in {None, backend}
    }
    return owned | {person_key(name) for name in people(app)}
