"""How to reach the cluster: a pod's service account, or a kubeconfig."""

from __future__ import annotations

from pathlib import Path

from kubernetes_asyncio import client, config
from kubernetes_asyncio.config import ConfigException

from ...errors import DatalabError

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


async def load_configuration(
    kubeconfig: str | None, context: str | None
) -> tuple[client.Configuration, str | None]:
    """Return how to reach the cluster, and the namespace to work in if that is said there.

    Inside a pod that is the pod's service account and namespace, unless a kubeconfig is named.

    Raises:
        DatalabError: neither a service account nor a usable kubeconfig; says where it looked.
    """
    settings = client.Configuration()
    if kubeconfig is None:
        try:
            config.load_incluster_config(client_configuration=settings)
            return settings, _own_namespace()
        except ConfigException:
            pass  # not inside a pod: the kubeconfig of whoever runs the hub
    try:
        await config.load_kube_config(kubeconfig, context, client_configuration=settings)
        contexts, active = config.list_kube_config_contexts(kubeconfig)
    except (ConfigException, OSError) as error:
        raise DatalabError(
            f"No way to reach Kubernetes: this is no pod with a service account, and the "
            f"kubeconfig {kubeconfig or '($KUBECONFIG, ~/.kube/config)'} is not usable ({error}). "
            "Set c.KubernetesPlatform.kubeconfig."
        ) from error
    chosen = next((entry for entry in contexts if entry["name"] == context), active)
    return settings, chosen["context"].get("namespace") if chosen else None


def _own_namespace() -> str | None:
    try:
        return _NAMESPACE.read_text().strip()
    except OSError:
        return None
