"""Datalab on one machine: what ``datalab up`` adds to :func:`~datalab_hub.config.configure`."""

from __future__ import annotations

import os
from pathlib import Path

from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets.config import Config

from . import housekeeping
from .config import OPERATOR, ROLES, configure
from .demo_sagemaker import configure_demo
from .instance import (
    CATALOG,
    DATA_DIR,
    KEEP_WORKSPACES,
    OWNER,
    PORT,
    operator_token,
    private_directory,
)
from .ports import LOOPBACK, Ports
from .proxy import proxy_command
from .signin.uids import UidTable, multi_person_obstacle
from .spawner.local import LocalPlatform


class LocalProxy(ConfigurableHTTPProxy):
    """The Node proxy, looked after: a killed one is noticed within a second and said once."""

    async def check_running(self) -> None:
        """Start the proxy again if it is gone; routes are restored by the base class."""
        status = self.proxy_process.poll()
        if status is not None:
            housekeeping.tell_supervisor("proxy_restarted", status=status)
        await super().check_running()


def configure_local(c: Config) -> None:
    """Configure a hub for one machine, on loopback, from the environment of ``datalab up``."""
    data_dir = Path(os.environ[DATA_DIR])
    catalog = os.environ.get(CATALOG)
    hub_dir = private_directory(data_dir / "hub")
    run_dir = private_directory(data_dir / "run")

    c.JupyterHub.bind_url = f"http://{LOOPBACK}:{os.environ[PORT]}"
    ports = Ports(hub_dir / "ports.json")
    c.JupyterHub.hub_ip = LOOPBACK
    # Running workspaces know the hub by its address: it stays the same over restarts.
    c.JupyterHub.hub_port = ports.get("hub")
    c.JupyterHub.db_url = f"sqlite:///{hub_dir / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret_file = str(hub_dir / "cookie_secret")
    c.JupyterHub.pid_file = str(run_dir / "hub.pid")
    c.JupyterHub.cleanup_servers = not os.environ.get(KEEP_WORKSPACES)
    c.JupyterHub.proxy_class = LocalProxy
    c.ConfigurableHTTPProxy.api_url = f"http://{LOOPBACK}:{ports.get('proxy-api')}"
    c.ConfigurableHTTPProxy.pid_file = str(run_dir / "proxy.pid")
    c.ConfigurableHTTPProxy.command = proxy_command()
    c.ConfigurableHTTPProxy.check_running_interval = 1  # second

    owner = os.environ[OWNER]
    obstacle = multi_person_obstacle(data_dir)
    c.JupyterHub.authenticator_class = "datalab-local"
    c.Authenticator.admin_users = {owner}
    c.LocalAuthenticator.owner = owner
    c.LocalAuthenticator.links_directory = str(private_directory(run_dir / "links"))
    c.LocalAuthenticator.obstacle = obstacle or ""
    c.LocalAuthenticator.passwords_file = "" if obstacle else str(hub_dir / "passwords.json")

    c.JupyterHub.services.append({"name": OPERATOR, "api_token": operator_token(data_dir)})
    c.JupyterHub.load_roles.extend([role for role in ROLES if role["name"] == OPERATOR])

    configure_demo(c)
    site = configure(c, catalog=catalog, data_dir=data_dir)
    platform = site.platform("local")
    assert isinstance(platform, LocalPlatform)
    if obstacle is None:
        platform.give_each_person_a_uid(UidTable(hub_dir / "uids.json"))
