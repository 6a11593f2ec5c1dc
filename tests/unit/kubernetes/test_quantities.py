"""Quantities as Kubernetes writes them, and what a pod asks for."""

from __future__ import annotations

import pytest
from datalab_hub.spawner.kubernetes.quantities import parse_quantity, requested


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("500m", 0.5), ("1.5Gi", 1.5 * 2**30), ("100M", 1e8), ("1e3", 1000), ("5k", 5000)],
)
def test_quantities(text, number):
    assert parse_quantity(text) == pytest.approx(number)


def test_a_wrong_quantity_is_refused():
    with pytest.raises(ValueError, match="quantity"):
        parse_quantity("a lot")


def test_a_pod_asks_for_the_sum_or_for_its_largest_init_container():
    asked = {
        "spec": {
            "containers": [
                {"resources": {"requests": {"cpu": "1"}}},
                {"resources": {"limits": {"cpu": "500m"}}},
                {},
            ],
            "initContainers": [{"resources": {"requests": {"cpu": "3"}}}],
        }
    }
    assert requested(asked, "cpu") == 3
    assert requested({"spec": {"containers": asked["spec"]["containers"]}}, "cpu") == 1.5
