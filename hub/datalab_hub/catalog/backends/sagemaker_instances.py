"""What SageMaker's instance types have: from data that ships with the package.

AWS has an API for EC2's types and one for prices; neither speaks of SageMaker's without further
rights and without the network, and a hub has to start without both.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from ..base import Model

_FILE = Path(__file__).with_suffix(".json")
_GIB = 1024**3


class InstanceFacts(Model):
    """One instance type."""

    vcpu: int = Field(ge=1, description="Virtual cores.")
    memory_gib: float = Field(gt=0, description="Memory, in GiB.")
    gpus: int = Field(0, ge=0, le=16, description="Graphics processors.")
    gpu: str | None = Field(None, description="Their type, for people.")
    gpu_memory_gib: int | None = Field(None, ge=1, description="Memory of each, in GiB.")
    usd_per_hour: Decimal | None = Field(None, ge=0, description="Price for training, in USD.")

    def resources(self) -> dict[str, Any]:
        """Return it as a profile's ``resources``."""
        found: dict[str, Any] = {"cpu": self.vcpu, "memory": int(self.memory_gib * _GIB)}
        if self.gpus:
            memory = f" {self.gpu_memory_gib} GB" if self.gpu_memory_gib else ""
            found["gpu"] = {"count": self.gpus, "type": f"{self.gpu or 'GPU'}{memory}"}
        return found


@cache
def shipped() -> dict[str, InstanceFacts]:
    """Return the facts that ship with this release, by instance type."""
    entries = json.loads(_FILE.read_text())["types"]
    return {name: InstanceFacts.model_validate(facts) for name, facts in entries.items()}
