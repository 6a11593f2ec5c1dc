"""The Helm chart as Helm renders it, for tests.

The zero-to-jupyterhub chart is fetched where its repository can be reached, or taken from the
directory or archive that ``$DATALAB_JUPYTERHUB_CHART`` names. Where there is none, our own
templates are rendered without it; they only read its values.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
from datalab_hub.helm.release import configure_release
from datalab_hub.site import Site
from fakes.kubernetes.rbac import Grants
from ruamel.yaml import YAML
from traitlets.config import Config

CHART = Path(__file__).parents[1] / "helm" / "datalab"
RELEASE, NAMESPACE = "lab", "datalab"


@functools.cache
def prepared() -> tuple[Path, bool]:
    """Return a chart that can be rendered, and whether its dependency is in it."""
    scratch = tempfile.mkdtemp(prefix="datalab-chart-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    copy = Path(scratch) / "datalab"
    shutil.copytree(CHART, copy)
    if given := os.environ.get("DATALAB_JUPYTERHUB_CHART"):
        (copy / "charts").mkdir()
        if Path(given).is_dir():
            shutil.copytree(given, copy / "charts" / "jupyterhub")
        else:
            shutil.copy(given, copy / "charts")
        return copy, True
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
    return _manifests_below("datalab/templates/", values)


def whole(values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return what an install makes: ours and zero-to-jupyterhub's. Skips where there is none."""
    if not prepared()[1]:
        pytest.skip("the zero-to-jupyterhub chart is not here: hub.jupyter.org cannot be reached")
    return _manifests_below("datalab/", values)


def one_of(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the one manifest with this kind and name."""
    (one,) = (each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return one


def _manifests_below(folder: str, values: dict[str, Any] | None) -> list[dict[str, Any]]:
    found = []
    for name, text in sorted(render(values).items()):
        if name.startswith(folder) and name.endswith(".yaml"):
            found += [manifest for manifest in YAML(typ="safe").load_all(text) if manifest]
    return found


def named(kind: str, name: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return one of our rendered manifests."""
    return one_of(manifests(values), kind, name)


def yaml(path: Path) -> Any:
    """Return what a YAML file says."""
    return YAML(typ="safe").load(path.read_text())


def hub_of(directory: Path, values: dict[str, Any] | None = None, **config: Any) -> Site:
    """Configure a hub with what the chart's ConfigMap holds, and the services of its values.

    Args:
        directory: empty, for the ConfigMap's files and the hub's data.
        config: sections of the hub's configuration, as zero-to-jupyterhub leaves them.
    """
    services = yaml(CHART / "values.yaml")["jupyterhub"]["hub"]["services"]
    config.setdefault("JupyterHub", {})["services"] = [
        {"name": name, "api_token": name * 3} for name in services
    ]
    data = named("ConfigMap", "datalab", values)["data"]
    for name, text in data.items():
        (directory / name).write_text(text)
    return configure_release(Config(config), directory, directory / "data")


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
