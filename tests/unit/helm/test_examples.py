"""The example values: valid, and a hub understands them."""

from __future__ import annotations

import helm_python as helm
import kubernetes_validate
import pytest
from chart import CHART, hub_of, manifests, render, yaml

EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
SUBDOMAINS = yaml(CHART / "examples" / "subdomains.yaml")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_valid(example, tmp_path):
    values = yaml(example)
    for manifest in manifests(values):
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    assert hub_of(tmp_path, values).catalog.profiles


def test_a_list_that_replaces_the_charts_keeps_the_catalog():
    """Helm replaces lists: a hub without its ConfigMap does not start."""
    chart = yaml(CHART / "values.yaml")["jupyterhub"]["hub"]
    for example in EXAMPLES:
        hub = yaml(example).get("jupyterhub", {}).get("hub", {})
        for name in ("extraVolumes", "extraVolumeMounts"):
            for needed in chart[name]:
                assert needed in hub.get(name, [needed]), f"{example.name} drops {needed}"


@pytest.mark.parametrize("place", ["/srv/jupyterhub", "/srv/jupyterhub/datalab/"])
def test_with_postgresql_the_audit_log_has_to_have_a_volume(place):
    """Without one it would be in the container, and gone at the hub's next start."""
    hub = {"db": {"type": "postgres", "url": "postgresql+psycopg://datalab@db.example/datalab"}}
    with pytest.raises(helm.HelmError, match="keeps the audit log: mount a volume at /srv/jup"):
        render({"jupyterhub": {"hub": hub}})
    chart = yaml(CHART / "values.yaml")["jupyterhub"]["hub"]
    mounts = [*chart["extraVolumeMounts"], {"name": "state", "mountPath": place}]
    assert render({"jupyterhub": {"hub": {**hub, "extraVolumeMounts": mounts}}})


def subdomains(**ingress):
    own = SUBDOMAINS["jupyterhub"]
    return {"jupyterhub": {**own, "ingress": {**own["ingress"], **ingress}}}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (subdomains(hosts=["datalab.example.com"]), r"hosts has to name \*\.datalab\.example\.com"),
        (
            subdomains(tls=[{"hosts": ["datalab.example.com"], "secretName": "t"}]),
            r"ingress\.tls has \*\.datalab\.example\.com",
        ),
        (
            {"jupyterhub": {"hub": {"config": {"JupyterHub": {"subdomain_host": "lab.example"}}}}},
            "like https://",
        ),
        (
            {
                "jupyterhub": {
                    "hub": {"config": {"JupyterHub": {"subdomain_host": "https://lab.example"}}},
                    "proxy": {"https": {"enabled": True, "type": "letsencrypt"}},
                }
            },
            "no certificates for wildcards",
        ),
    ],
    ids=["no wildcard host", "no wildcard certificate", "no address", "letsencrypt"],
)
def test_subdomains_that_would_lead_nowhere_are_refused(values, says):
    with pytest.raises(helm.HelmError, match=says):
        render(values)


def test_a_load_balancer_may_hold_the_certificate():
    """On EKS it is in ACM, and the ingress names none."""
    assert render(subdomains(tls=[]))
