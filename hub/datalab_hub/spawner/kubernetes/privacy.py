"""The environment of a workspace holds its hub token: it goes into a Secret, not into the pod.

Whoever may read pods in the namespace (dashboards, log shippers, colleagues) would read it there.
"""

from __future__ import annotations

import re
from typing import Any

from .ends import CONTAINER

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def take_environment(pod: dict[str, Any], secret: str) -> dict[str, str]:
    """Take the main container's plain variables out of a pod and refer to a secret instead.

    What refers to something (``valueFrom``, ``$(OTHER)``) stays: a secret's values are taken
    literally, and a variable of the pod may refer to one of the secret.

    Args:
        pod: the manifest; changed in place.
        secret: name of the secret that is going to hold what is returned.

    Returns:
        what belongs into the secret.
    """
    container = next(c for c in pod["spec"]["containers"] if c["name"] == CONTAINER)
    taken, stays = {}, []
    for variable in container.get("env") or []:
        name, value = variable["name"], str(variable.get("value") or "")
        if "valueFrom" in variable or "$(" in value or not _NAME.fullmatch(name):
            stays.append(variable)
        else:
            taken[name] = value
    container["env"] = stays
    container["envFrom"] = [{"secretRef": {"name": secret}}, *(container.get("envFrom") or [])]
    return taken
