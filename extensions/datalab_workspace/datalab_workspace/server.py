"""The single-user server as Datalab runs it: JupyterHub's own, told where it already listens."""

from __future__ import annotations

from . import lean  # first: see there

# isort: split

import asyncio
import os
import shutil
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from jupyter_server.config_manager import BaseJSONConfigManager
from jupyter_server.serverapp import ServerApp
from jupyterhub.singleuser.extension import JupyterHubSingleUser
from traitlets import default
from traitlets.config import Config

from . import announcement, blame, refuge, usersite
from .idle import Limits
from .usersite import SAFE_MODE

_ACTIVITY_INTERVAL = 300  # seconds, JupyterHub's own default
_REPORTS_PER_TIMEOUT = 5

_NO_USER_CONFIG = "JUPYTERHUB_DISABLE_USER_CONFIG"

# Weaker than every configuration file: what a workspace behind a hub has no use for.
_DEFAULTS = Config(
    {
        "ServerApp": {
            "no_browser_open_file": True,
            # Asking whether Lab should be built anew starts Node each time a page opens.
            "tornado_settings": {
                "page_config_data": {"buildAvailable": False, "buildCheck": False}
            },
        },
        "LabApp": {
            # The environment is the operator's: installing from the side bar would fail, or
            # change it for everybody. Its HTTP client also costs a fifth of a warm start.
            "extension_manager": "readonly",
            # A workspace does not call home.
            "news_url": None,
            "check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
        },
    }
)


def _defaults_of_this_home() -> Config:
    """Return what others compute at import, when a standby has no home, or at a high price."""
    from jupyterlab.commands import get_app_dir, get_user_settings_dir, get_workspaces_dir

    # jupyter_lsp asks npm for its prefix: a Node process in every start.
    node_roots = [Path.cwd(), Path(get_app_dir(), "staging")]
    for prefix in (Path(sys.prefix), _npm_prefix()):
        node_roots += [prefix / "lib", prefix] if prefix is not None else []
    return Config(
        {
            "LabApp": {
                "user_settings_dir": get_user_settings_dir(),
                "workspaces_dir": get_workspaces_dir(),
            },
            "LanguageServerManager": {"node_roots": node_roots},
            "HubAuth": _hub_of_this_workspace(),
            # The trash is in the home: a full one would stay full.
            "FileContentsManager": {"delete_to_trash": refuge.PROBLEM not in os.environ},
            "SchedulerApp": {"db_url": f"sqlite:///{refuge.database('scheduler.sqlite')}"},
        }
    )


def _hub_of_this_workspace() -> dict[str, str]:
    """Return what ``jupyterhub.services.auth.HubAuth`` reads from the environment at import.

    In a standby that is nobody's environment: the sign-in cookie would be set for ``/`` and so
    be sent to every other workspace (read in JupyterHub 6.1.1; a test compares all of them).
    """
    variables = {
        "base_url": "JUPYTERHUB_SERVICE_PREFIX",
        "api_url": "JUPYTERHUB_API_URL",
        "keyfile": "JUPYTERHUB_SSL_KEYFILE",
        "certfile": "JUPYTERHUB_SSL_CERTFILE",
        "client_ca": "JUPYTERHUB_SSL_CLIENT_CA",
    }
    return {
        name: os.environ[variable]
        for name, variable in variables.items()
        if os.environ.get(variable)
    }


def _npm_prefix() -> Path | None:
    """Return where npm installs globally: as configured, else beside npm itself."""
    for variable in ("npm_config_prefix", "NPM_CONFIG_PREFIX"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    try:
        lines = Path("~/.npmrc").expanduser().read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition("=")
        if name.strip() == "prefix":
            return Path(os.path.expandvars(value.strip())).expanduser()
    npm = shutil.which("npm")
    return Path(npm).parents[1] if npm else None


class WorkspaceServer(ServerApp):
    """A server that may be given its listening socket."""

    listener: socket.socket | None = None

    @default("raise_config_file_errors")
    def _tell_the_person(self) -> bool:
        """A file that cannot be read is no detail: safe mode leaves it out and says why."""
        return not os.environ.get(SAFE_MODE)

    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Load the configuration files over our defaults."""
        self.update_config(_DEFAULTS)
        self.update_config(_defaults_of_this_home())
        super().load_config_file(suppress_errors and not self.raise_config_file_errors)

    def find_server_extensions(self) -> None:
        """Enable Lab and our own whatever the configuration says: the person came for them."""
        super().find_server_extensions()
        wanted = {"jupyterlab": True, "datalab_workspace": True}
        if not self._needs_notebook_shim():
            wanted["notebook_shim"] = False
        self.jpserver_extensions.update(wanted)

    def _needs_notebook_shim(self) -> bool:
        """Return whether something is enabled only in the way of Notebook 6.

        The shim is what reads that (``jupyter_notebook_config``); it compares all attributes of
        two applications to do so, a tenth of a warm start, and is installed with Notebook 7.
        """
        manager = BaseJSONConfigManager(config_dir=self.config_dir)
        for directory in self.config_file_paths:
            manager.config_dir = directory
            section = manager.get("jupyter_notebook_config").get("NotebookApp", {})
            enabled = section.get("nbserver_extensions", {})
            if any(on and name not in self.jpserver_extensions for name, on in enabled.items()):
                return True
        return False

    def _signal_stop(self, sig: Any, frame: Any) -> None:
        """Stop, after what is open in the browser has been saved; at once, if told twice.

        Nothing else is done here than to ask the loop for it. A signal may come while a line is
        being logged; who logs then gets ``RuntimeError: reentrant call`` from Python's buffered
        standard error, and the stop would be lost (seen with jupyter_server 2.21).
        """
        self.io_loop.add_callback_from_signal(self._stop_by_signal, sig, frame)

    async def _stop_by_signal(self, sig: Any, frame: Any) -> None:
        told = announcement.of(self) if sig == signal.SIGTERM else None
        try:
            if told is not None:
                self.log.info("Told to stop; open pages save first.")
                await told.make()
        finally:
            super()._signal_stop(sig, frame)

    def _find_http_port(self) -> None:
        if self.listener is None:
            super()._find_http_port()

    def _bind_http_server(self) -> None:
        if self.listener is None:
            super()._bind_http_server()
            return
        self.listener.setblocking(False)
        self.http_server.add_socket(self.listener)


class WorkspaceApp(JupyterHubSingleUser):
    """JupyterHub's extension, without waiting for the hub before listening."""

    serverapp_class = WorkspaceServer

    @classmethod
    def get_extension_package(cls) -> str:
        """Return this very module; the package itself holds what is not about JupyterHub."""
        return __name__

    @default("hub_activity_interval")
    def _often_enough(self) -> int:
        """Report often enough that the hub does not take somebody active for idle."""
        interval = int(os.environ.get("JUPYTERHUB_ACTIVITY_INTERVAL") or _ACTIVITY_INTERVAL)
        timeout = Limits.from_environment().idle_timeout
        if timeout is None:
            return interval
        return max(1, min(interval, int(timeout.total_seconds() / _REPORTS_PER_TIMEOUT)))

    async def check_hub_version(self) -> None:
        """Check beside the start. The hub waits for us to answer, not we for the hub."""
        self._version_check = asyncio.ensure_future(super().check_hub_version())


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": __name__, "app": WorkspaceApp}]


def build(argv: list[str], listener: socket.socket | None) -> WorkspaceServer:
    """Return a server that is ready to start.

    Args:
        argv: command-line arguments of ``jupyterhub-singleuser``.
        listener: a socket that listens already; otherwise ``JUPYTERHUB_SERVICE_URL`` says where.
    """
    usersite.append()
    lean.import_lab()
    WorkspaceServer.listener = listener
    server: WorkspaceServer = WorkspaceApp.initialize_server(argv=argv)
    return server


def run(argv: list[str], listener: socket.socket | None = None) -> None:
    """Run a server until it ends; see :func:`build`.

    A person's own configuration that breaks the start is left out in a second try: a workspace
    always opens, and says why it looks different.
    """
    refuge.prepare()
    try:
        server = build(argv, listener)
    except (Exception, SystemExit) as error:
        if os.environ.get(_NO_USER_CONFIG):
            raise
        traceback.print_exc()
        _restart_safely(argv, listener, blame.explain(error))
    server.start()


def _restart_safely(argv: list[str], listener: socket.socket | None, reason: str) -> NoReturn:
    """Replace this process by a fresh one that ignores the configuration in the home."""
    print(
        f"This workspace did not start. {reason} Details are above. Starting again without the "
        "configuration in the home directory (~/.jupyter); correct it and restart the workspace.",
        file=sys.stderr,
        flush=True,
    )
    os.environ[_NO_USER_CONFIG] = "1"
    os.environ[SAFE_MODE] = reason
    os.environ["PYTHONNOUSERSITE"] = "1"
    command = [sys.executable, "-s", "-m", "datalab_workspace.launch"]
    if listener is not None:
        os.set_inheritable(listener.fileno(), True)
        command += ["--listener-fd", str(listener.fileno())]
    os.execv(sys.executable, [*command, *argv])
