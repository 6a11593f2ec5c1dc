"""The ``sagemaker:`` block of a profile."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from ..base import Model

InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")]


class SageMakerOptions(Model):
    """A single-instance training job that runs the workspace image."""

    instance_type: InstanceType = Field(description="For example ml.g5.xlarge.")
    fallbacks: list[InstanceType] = Field(
        default_factory=list,
        max_length=4,
        description="Other types, in order, when there is no capacity for the first. SageMaker "
        "takes five in all, and none together with spot.",
    )
    volume_size_gb: int = Field(30, ge=1, le=16384, description="Disk of the instance, in GB.")
    role_arn: str | None = Field(
        None,
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$",
        description="Execution role; the installation's default when left out.",
    )
    region: str | None = Field(None, description="AWS region; the hub's own when left out.")
    spot: bool = Field(False, description="Use managed spot capacity: cheaper, may be interrupted.")
    keep_alive: int = Field(
        0,
        ge=0,
        le=3600,
        description="Seconds that the instance stays warm after a stop, at its full price. "
        "SageMaker has no warm spot instances.",
    )

    @model_validator(mode="after")
    def _spot_excludes_much(self) -> Self:
        if self.spot and self.fallbacks:
            raise PydanticCustomError(
                "fallbacks", "expected either spot or fallbacks: SageMaker refuses both together"
            )
        if self.spot and self.keep_alive:
            raise PydanticCustomError(
                "keep_alive",
                "expected either spot or keep_alive: SageMaker keeps no spot instance warm",
            )
        return self
