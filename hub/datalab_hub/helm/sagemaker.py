"""The SageMaker backend of a hub that the chart installed: its settings, and its gateway."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from traitlets.config import Config

from ..errors import DatalabError
from ..gateway import SERVICE
from .values import SageMaker

GATEWAY_PORT = 8082
"""Of the gateway's pod, where workspaces dial in."""
_SCHEMES = {"http": "ws", "https": "wss"}
_PLAIN = (
    *("region", "role_arn", "creator_role_arn", "subnets", "security_groups", "networks"),
    *("file_system_id", "homes_directory", "homes_mount", "output_path", "kms_key"),
    *("hub_url", "transport"),
)


def configure(c: Config, settings: SageMaker) -> None:
    """Configure the platform with what the operator's values say; what they leave out stays.

    Raises:
        DatalabError: jobs would have no way to the gateway.
    """
    for name in _PLAIN:
        if value := getattr(settings, name):
            c.SageMakerPlatform[name] = value
    if settings.broker.url:
        c.SageMakerPlatform.broker_url = settings.broker.url
    if settings.transport == "tunnel":
        _configure_gateway(c, settings)


def _configure_gateway(c: Config, settings: SageMaker) -> None:
    """Point hub and workspaces at the gateway's pod."""
    service = next((one for one in c.JupyterHub.services if one["name"] == SERVICE), None)
    if service is None:
        raise DatalabError(
            "sagemaker.transport is 'tunnel', but the hub knows no service datalab-gateway, with "
            "whose token the gateway asks. Leave jupyterhub.hub.services.datalab-gateway: {} in "
            "the chart's values."
        )
    # Every port of the pod is behind this name: its Service has no address of its own.
    c.SageMakerPlatform.gateway_host = SERVICE
    url = settings.gateway.url
    if not url:
        if not settings.hub_url:
            raise DatalabError(
                "sagemaker.transport is 'tunnel': set sagemaker.hubUrl to the hub as jobs reach it "
                "(https://datalab.example.com/hub), or sagemaker.gateway.url to the gateway."
            )
        url = _through_the_proxy(settings.hub_url)
        # With an address JupyterHub's proxy leads /services/datalab-gateway/ to it. The gateway
        # itself looks at who comes: a registration secret, asked of the hub.
        service["url"] = f"http://{SERVICE}:{GATEWAY_PORT}"
    c.SageMakerPlatform.gateway_url = url


def _through_the_proxy(hub_url: str) -> str:
    parts = urlsplit(hub_url)
    path = f"{parts.path.removesuffix('/hub')}/services/{SERVICE}/"
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "", ""))
