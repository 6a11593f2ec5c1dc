"""Where jobs find what other workspaces find elsewhere: the hub's API and the credential broker."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from ...errors import DatalabError
from ...site import BROKER_URL

_SETTING = "c.SageMakerPlatform.broker_url"


def lead_to_hub(hub: str, env: dict[str, str]) -> None:
    """Make a workspace's environment name the hub at the address at which a job reaches it."""
    known = env["JUPYTERHUB_API_URL"].rstrip("/")
    for name in ("JUPYTERHUB_API_URL", "JUPYTERHUB_ACTIVITY_URL"):  # those that get_env() makes
        if name in env:
            env[name] = f"{hub.rstrip('/')}/api{env[name].removeprefix(known)}"


def lead_to_broker(broker: str, env: dict[str, str]) -> None:
    """Do the same for the credential broker, where there is one."""
    if BROKER_URL in env:
        env[BROKER_URL] = broker


def checked_broker_url(url: str) -> str:
    """Return what an operator has set as the broker's address; nothing is fine.

    Raises:
        DatalabError: no workspace could use it.
    """
    if not url:
        return url
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises as well
    except ValueError as error:
        raise _unusable(url, str(error)) from None
    if parts.username is not None or parts.password is not None:
        # Not repeated: it would be in the log.
        raise _unusable(f"…@{parts.hostname}", "it has a name or a password in it")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _unusable(url, "it has to begin with http:// or https:// and name a host")
    if parts.query or parts.fragment or any(letter.isspace() for letter in url):
        raise _unusable(url, "nothing may follow the path, and no spaces may be in it")
    return url


def _unusable(url: str, why: str) -> DatalabError:
    return DatalabError(
        f"{_SETTING} is {url!r}: {why}. Set it to the credential broker as jobs reach it, "
        "https://datalab-broker.example.com for example. See docs/how-to/sagemaker.md."
    )


def broker_out_of_reach(broker: str, networks: Sequence[str]) -> str | None:
    """Return why jobs reach no data source, in a sentence for the operator, where that is certain.

    Args:
        broker: where workspaces find the broker when nothing else is said; empty without one.
        networks: that jobs are in.
    """
    host = (urlsplit(broker).hostname or "") if broker else ""
    if not host or not (_of_a_cluster(host) or _of_this_machine(host, networks)):
        return None
    return (
        f"Workspaces on SageMaker reach no data sources: {broker}, where others find the "
        f"credential broker, leads nowhere from a job. Set {_SETTING} (sagemaker.broker.url in the "
        "chart's values) to an address that their subnets reach. See docs/how-to/sagemaker.md."
    )


def _of_a_cluster(host: str) -> bool:
    """Return whether only a pod can resolve a name: ``broker``, ``broker.lab.svc``, with a domain.

    (A Service's names: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/.)
    """
    labels = host.rstrip(".").split(".")
    if ":" in host or host == "localhost":
        return False
    return len(labels) == 1 or "svc" in labels[2:] or labels[-2:] == ["cluster", "local"]


def _of_this_machine(host: str, networks: Sequence[str]) -> bool:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return False
    if address.is_unspecified:
        return True
    # A stand-in for AWS may run its jobs on this machine.
    return address.is_loopback and not any(
        address in ipaddress.ip_network(network) for network in networks
    )
