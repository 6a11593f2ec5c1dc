"""The pages: start page, progress, sign-in, administration, on JupyterHub's templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..site import Site
from .handlers import (
    AdminHandler,
    AssetHandler,
    ForgetHandler,
    LedgerHandler,
    StopHandler,
    WorkspacesHandler,
)
from .move import MoveHandler
from .orphans import OrphansHandler
from .register import RegisterHandler
from .tunnel import TunnelHandler
from .view import View

TEMPLATE_PATHS = [Path(__file__).with_name("templates")]
STATIC_PATH = Path(__file__).with_name("static")


def handlers(site: Site) -> list[tuple[Any, ...]]:
    """Return what goes into ``c.JupyterHub.extra_handlers``; paths are below ``/hub``."""
    return [
        (r"/datalab/workspaces", WorkspacesHandler),
        (r"/datalab/workspaces/stop", StopHandler),
        (r"/datalab/workspaces/move", MoveHandler),
        (r"/datalab/workspaces/forget", ForgetHandler),
        (r"/datalab/orphans", OrphansHandler),
        (r"/datalab/register", RegisterHandler),
        (r"/datalab/tunnel", TunnelHandler),
        (r"/datalab/admin", AdminHandler),
        (r"/datalab/admin/ledger.csv", LedgerHandler),
        (r"/datalab/static/(.*)", AssetHandler, {"path": str(STATIC_PATH)}),
    ]


def template_vars(site: Site) -> dict[str, Any]:
    """Return what goes into ``c.JupyterHub.template_vars``."""
    return {"datalab": View(site, STATIC_PATH)}
