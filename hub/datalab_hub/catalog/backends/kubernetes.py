"""The ``kubernetes:`` block of a profile."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..base import Model


class KubernetesOptions(Model):
    """A pod, made by KubeSpawner."""

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
