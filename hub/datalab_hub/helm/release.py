"""The configuration of a hub that the chart installed; runs after zero-to-jupyterhub's own."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from traitlets.config import Config

from ..config import configure
from ..errors import DatalabError
from ..site import Site
from . import sagemaker
from .values import Kubernetes, SageMaker

DIRECTORY = Path("/etc/datalab")
"""Where the chart mounts its ConfigMap."""
DATA_DIR = Path("/srv/jupyterhub/datalab")
"""On the hub's claim, beside the hub's database."""
PASSWORD = "DATALAB_LOGIN_PASSWORD"
ADMINISTRATOR = "admin"
BROKER_PORT = 8082
"""Of the hub's pod, behind the chart's Service ``datalab-broker``."""


class Settings(BaseModel):
    """``settings.json`` of the ConfigMap.

    Attributes:
        instance: of namespace and release: the labels of workspaces stay the same, even when the
            hub's claim is lost.
    """

    model_config = ConfigDict(extra="forbid")

    instance: str
    kubernetes: Kubernetes
    sagemaker: SageMaker = SageMaker()


def configure_release(c: Config, directory: Path = DIRECTORY, data_dir: Path = DATA_DIR) -> Site:
    """Turn the hub of a Helm release into Datalab.

    Args:
        c: as zero-to-jupyterhub has left it.
        directory: with ``settings.json`` and ``datalab.yaml``.

    Raises:
        DatalabError: the ConfigMap does not fit this release; names what is wrong. The hub does
            not start then, and Helm keeps the old one running until it does.
    """
    path = directory / "settings.json"
    try:
        settings = Settings.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise DatalabError(
            f"{path} is not what this hub expects ({error}). Chart and hub image have to be of the "
            "same release: see jupyterhub.hub.image.tag."
        ) from error
    home = settings.kubernetes.home
    c.KubernetesPlatform.home = home.kind
    c.KubernetesPlatform.home_path = home.path
    c.KubernetesPlatform.shared_claim = home.shared_claim
    c.KubernetesPlatform.shared_directory = home.shared_directory
    c.KubernetesPlatform.gpu_resource = settings.kubernetes.gpu_resource
    c.KubernetesPlatform.see_nodes = settings.kubernetes.see_nodes
    if home.kind == "claim":
        c.KubeSpawner.storage_capacity = home.size
        c.KubeSpawner.storage_access_modes = list(home.access_modes)
        if home.storage_class is not None:
            c.KubeSpawner.storage_class = home.storage_class
    sagemaker.configure(c, settings.sagemaker)
    # Loopback, the broker's own choice, would be the workspace's in another pod.
    c.CredentialBroker.bind_url = f"http://0.0.0.0:{BROKER_PORT}"
    c.CredentialBroker.workspace_url = f"http://datalab-broker:{BROKER_PORT}"
    _first_administrator(c)
    return configure(
        c,
        catalog=directory / "datalab.yaml",
        data_dir=data_dir,
        instance=settings.instance,
        culler_url=_this_pod(c),
    )


def _this_pod(c: Config) -> str:
    """Return the hub's API as its own pod reaches it.

    The address that other pods use is the Service's: it leads nowhere until Kubernetes has found
    the hub ready, and to the old pod during an upgrade.
    """
    port = str(c.JupyterHub.get("hub_bind_url", "")).rpartition(":")[2].strip("/") or "8081"
    base_url = str(c.JupyterHub.get("base_url", "/")).rstrip("/")
    return f"http://localhost:{port}{base_url}/hub/api"


def _first_administrator(c: Config) -> None:
    """Let one person in with the generated password, until an identity provider is configured."""
    if c.JupyterHub.get("authenticator_class") != "shared-password":
        return
    password = os.environ.get(PASSWORD)
    if not password:
        raise DatalabError(
            f"The shared-password sign-in has no password: ${PASSWORD} is empty. Set "
            "login.generate: true, or configure an identity provider in jupyterhub.hub.config."
        )
    c.SharedPasswordAuthenticator.admin_password = password
    c.Authenticator.admin_users = {ADMINISTRATOR}
    c.Authenticator.allowed_users = {ADMINISTRATOR}
