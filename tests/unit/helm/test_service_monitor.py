"""The ServiceMonitor against the schema of its kind, which Kubernetes' own schemas do not have.

The schema below says of ``monitoring.coreos.com/v1`` what we use, strictly: a field that is not in
it is an error. Its names, types and patterns are those of the CRD of the Prometheus operator 0.93.
"""

from __future__ import annotations

import helm_python as helm
import jsonschema
import pytest
from chart import named, render

TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
DURATION = (
    r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"
)


def strict(required: list[str], **properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


CREDENTIALS = strict(["key"], name=TEXT, key=TEXT, optional={"type": "boolean"})
ENDPOINT = strict(
    [],
    port=TEXT,
    path=TEXT,
    scheme={"enum": ["http", "https", "HTTP", "HTTPS"]},
    interval={"type": "string", "pattern": DURATION},
    scrapeTimeout={"type": "string", "pattern": DURATION},
    authorization=strict([], type=TEXT, credentials=CREDENTIALS),
)
SCHEMA = strict(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "ServiceMonitor"},
    metadata=strict(["name"], name=TEXT, labels=TEXTS, annotations=TEXTS),
    spec=strict(
        ["endpoints", "selector"],
        endpoints={"type": "array", "items": ENDPOINT},
        selector=strict([], matchLabels=TEXTS),
        namespaceSelector=strict([], any={"type": "boolean"}, matchNames={"type": "array"}),
    ),
)


def monitor(**settings: object) -> dict[str, object]:
    values = {"monitoring": {"serviceMonitor": {"enabled": True, **settings}}}
    return named("ServiceMonitor", "datalab-hub", values)


@pytest.mark.parametrize(
    "settings",
    [{}, {"interval": "1m30s", "labels": {"release": "prometheus"}, "namespace": "watchers"}],
    ids=["defaults", "everything"],
)
def test_it_is_what_the_operator_accepts(settings):
    jsonschema.validate(monitor(**settings), SCHEMA)


def test_the_schema_sees_a_field_that_the_operator_does_not_know():
    wrong = monitor()
    wrong["spec"]["endpoints"][0]["bearerToken"] = "x"
    with pytest.raises(jsonschema.ValidationError, match="bearerToken"):
        jsonschema.validate(wrong, SCHEMA)


def test_it_scrapes_below_the_hubs_base_url():
    values = {
        "monitoring": {"serviceMonitor": {"enabled": True}},
        "jupyterhub": {"hub": {"baseUrl": "/lab/"}},
    }
    (endpoint,) = named("ServiceMonitor", "datalab-hub", values)["spec"]["endpoints"]
    assert endpoint["path"] == "/lab/hub/metrics"


def test_an_interval_that_the_operator_refuses_is_refused_before():
    with pytest.raises(helm.HelmError, match="interval"):
        render({"monitoring": {"serviceMonitor": {"interval": "30 seconds"}}})
