"""What runs inside the hub from its start to its end: platforms, reconciler, status messages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from . import compat
from .errors import DatalabError
from .instance import STATUS_FD
from .site import Site
from .spawner.reconcile import keep_reconciled

RECONCILE_EVERY = timedelta(minutes=5)
ORPHAN_AGE = timedelta(minutes=1)
"""How old something without an owner has to be before it is removed."""

_tasks: set[asyncio.Task[None]] = set()  # asyncio itself keeps only weak references


def schedule(site: Site) -> None:
    """Begin housekeeping as soon as the hub's event loop runs.

    JupyterHub reads its configuration inside its loop; its other commands (``jupyterhub token``,
    ``upgrade-db``) read it outside of any, and then there is nothing to keep.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    task = loop.create_task(_keep(site))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def tell_supervisor(event: str, **fields: Any) -> None:
    """Tell ``datalab up`` something that the person at the terminal should read, if it runs us."""
    descriptor = os.environ.get(STATUS_FD)
    if descriptor is None:
        return
    with contextlib.suppress(OSError):  # the supervisor is gone; the lifeline will say so
        os.write(int(descriptor), json.dumps({"event": event, **fields}).encode() + b"\n")


async def _keep(site: Site) -> None:
    # Before anything else: warming takes seconds, and JupyterHub's own start goes on meanwhile.
    await open_platforms(site)
    app = await compat.hub_started()
    if STATUS_FD in os.environ:
        _end_with_supervisor()
        tell_supervisor("ready")

    def owned(backend: str) -> Collection[str]:
        return compat.owned_keys(app, backend)

    try:
        await keep_reconciled(site, owned, RECONCILE_EVERY, ORPHAN_AGE)
    finally:
        for platform in site.platforms.values():
            await platform.close()


async def open_platforms(site: Site) -> None:
    """Open what the catalog's profiles run on; one that fails is logged, and the others go on."""
    for name in {profile.backend for profile in site.catalog.profiles}:
        try:
            await site.platform(name).open()
        except (OSError, DatalabError) as error:
            site.log.error("Backend %s is not usable: %s", name, error)
        except Exception:  # what the library of a platform raises must not end the rest
            site.log.exception("Backend %s is not usable", name)


def _end_with_supervisor() -> None:
    """Shut down in order when ``datalab up`` is gone: standard input is its lifeline."""

    def check() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            os.kill(os.getpid(), signal.SIGTERM)

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), check)
