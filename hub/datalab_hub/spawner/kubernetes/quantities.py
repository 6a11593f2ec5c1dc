"""Quantities as Kubernetes writes them: ``500m``, ``2``, ``1.5Gi``, ``100M``, ``1e3``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]?|[KMGTPE]i)")
_FACTORS = (
    {"": Decimal(1)}
    | {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)}
    | {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)}
    | {unit: Decimal(1000) ** -power for power, unit in enumerate("mun", start=1)}
)


def parse_quantity(text: str | int | float) -> float:
    """Return a quantity as a number.

    Raises:
        ValueError: it is none.
    """
    match = _QUANTITY.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"not a Kubernetes quantity: {text!r}")
    return float(Decimal(match[1]) * _FACTORS[match[2]])


def requested(pod: dict[str, Any], resource: str) -> float:
    """Return how much of a resource a pod asks the scheduler for.

    As the scheduler counts: the sum over containers, or the largest init container if that is more.
    """

    def of(container: dict[str, Any]) -> float:
        asked = container.get("resources") or {}
        amounts = {**(asked.get("limits") or {}), **(asked.get("requests") or {})}
        return parse_quantity(amounts.get(resource, 0))

    spec = pod.get("spec") or {}
    running = sum(of(container) for container in spec.get("containers") or [])
    return max([running, *(of(container) for container in spec.get("initContainers") or [])])
