"""Which states run a stage, by its kind of compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import DefinitionError
from ..graph import StageNode
from ..settings import (
    Compute,
    DatabricksJob,
    Lambda,
    SageMakerEndpoint,
    SageMakerProcessing,
    SageMakerTraining,
    SageMakerTransform,
    SageMakerTuning,
)
from . import databricks, jobs, limits, serving
from .asl import Fragment
from .tasks import Tasks

MAKERS: dict[type[Compute], Callable[[Tasks, StageNode, Any], Fragment]] = {
    Lambda: jobs.on_lambda,
    SageMakerProcessing: jobs.processing,
    SageMakerTraining: jobs.training,
    SageMakerTuning: jobs.tuning,
    SageMakerTransform: serving.transform,
    SageMakerEndpoint: serving.endpoint,
    DatabricksJob: databricks.databricks,
}


def fragment(tasks: Tasks, node: StageNode, compute: Compute) -> Fragment:
    """Return the states that run ``node`` on ``compute``."""
    maker = MAKERS.get(type(compute))
    if maker is None:
        raise DefinitionError(
            f"the stage {node.name} has the compute {compute!r}, which cannot be compiled",
            place=node.place,
        )
    tasks.kinds.add(type(compute))
    limits.state_name(node.name, node.place)
    return maker(tasks, node, compute)
