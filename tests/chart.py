"""The Helm chart as Helm renders it, for tests.

The zero-to-jupyterhub chart is fetched where its repository can be reached. Where it cannot, our
own templates are rendered without it; they only read its values.
"""

from __future__ import annotations

import functools
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import helm_python as helm
from fakes.kubernetes.rbac import Grants
from ruamel.yaml import YAML

CHART = Path(__file__).parents[1] / "helm" / "datalab"
RELEASE, NAMESPACE = "lab", "datalab"


@functools.cache
def prepared() -> tuple[Path, bool]:
    """Return a chart that can be rendered, and whether its dependency is in it."""
    copy = Path(tempfile.mkdtemp(prefix="datalab-chart-")) / "datalab"
    shutil.copytree(CHART, copy)
    if _reachable("hub.jupyter.org"):
        helm.dependency_update(str(copy))
        return copy, True
    definition = copy / "Chart.yaml"
    text = definition.read_text()
    definition.write_text(text[: text.index("dependencies:")])
    return copy, False


def render(values: dict[str, Any] | None = None) -> dict[str, str]:
    """Return the rendered files by the names of their templates."""
    path, _ = prepared()
    with helm.Chart.load(str(path)) as chart:
        return dict(chart.render(values or {}, name=RELEASE, namespace=NAMESPACE))


def manifests(values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return our own rendered manifests."""
    found = []
    for name, text in sorted(render(values).items()):
        if name.startswith("datalab/templates/") and name.endswith(".yaml"):
            found += [manifest for manifest in YAML(typ="safe").load_all(text) if manifest]
    return found


def named(kind: str, name: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return one of our rendered manifests."""
    (found,) = (
        manifest
        for manifest in manifests(values)
        if (manifest["kind"], manifest["metadata"]["name"]) == (kind, name)
    )
    return found


@functools.cache
def grants_of_chart() -> Grants:
    """Return what the chart lets the hub do, with everything optional switched on."""
    return Grants.of(NAMESPACE, manifests({"kubernetes": {"seeNodes": True}}))


def _reachable(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True
