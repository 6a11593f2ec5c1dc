"""Which instance types have disks of their own, for which SageMaker takes no KMS key."""

from __future__ import annotations

import re

# AWS marks families with instance store volumes with a `d` behind the generation (m5d, g4dn, p4d),
# but not all: these are those without, as "Instance store volumes" in EC2's documentation has them.
_UNMARKED = frozenset(
    {
        "g5",
        "g6",
        "g6e",
        "gr6",
        "g7e",
        "p5",
        "p5e",
        "p5en",
        "p6",
        "trn1",
        "trn1n",
        "trn2",
        "i3",
        "i4i",
    }
)
_FAMILY = re.compile(r"ml\.([a-z]+\d+)([a-z0-9]*)(?:-[a-z0-9]+)?\.")


def has_own_disks(instance_type: str) -> bool:
    """Return whether ``CreateTrainingJob`` refuses ``VolumeKmsKeyId`` for a type.

    Its API reference (``ResourceConfig``): "You can't request a VolumeKmsKeyId when using an
    instance type with local storage"; the hardware encrypts such disks with a key of its own.
    """
    found = _FAMILY.match(instance_type)
    if found is None:
        return False
    generation, attributes = found.groups()
    return "d" in attributes or generation in _UNMARKED or generation + attributes in _UNMARKED
