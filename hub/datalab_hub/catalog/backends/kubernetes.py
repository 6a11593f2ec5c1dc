"""The ``kubernetes:`` block of a profile."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..base import Model
from ..units import Size


class KubernetesOptions(Model):
    """A pod, made by KubeSpawner."""

    cpu_guarantee: float | None = Field(
        None,
        gt=0,
        le=1024,
        description="Cores that are reserved; as many as resources.cpu when left out.",
    )
    memory_guarantee: Size | None = Field(
        None, description="Memory that is reserved; as much as resources.memory when left out."
    )
    gpu_resource: str | None = Field(
        None, description="What a GPU is called in the cluster; nvidia.com/gpu when left out."
    )
    node_selector: dict[str, str] = Field(
        default_factory=dict, description="Labels that the node must have."
    )
    tolerations: list[dict[str, Any]] = Field(
        default_factory=list, description="Tolerations of the pod, as in Kubernetes."
    )
    volumes: list[dict[str, Any]] = Field(
        default_factory=list, description="Further volumes of the pod, as in Kubernetes."
    )
    volume_mounts: list[dict[str, Any]] = Field(
        default_factory=list, description="Where the further volumes are mounted."
    )
    kubespawner: dict[str, Any] = Field(
        default_factory=dict,
        description="KubeSpawner settings for this profile alone, by their names there.",
    )
