"""Pipelines in typed Python: they run here, and generate CloudFormation for Step Functions.

A stage is a function with type hints; a pipeline is a function that calls stages::

    @stage
    def load(rows: int) -> pd.DataFrame: ...

    @stage
    def train(data: pd.DataFrame) -> RandomForestClassifier: ...

    @pipeline("churn")
    def churn(rows: int = 1000) -> None:
        train(load(rows))

    if __name__ == "__main__":
        churn.main()
"""

from .artifacts import checkpoints, report
from .errors import (
    ArtifactError,
    DefinitionError,
    FlowError,
    LimitError,
    ParameterError,
    PipelineError,
    StageFailed,
    WiringError,
)
from .flow import all_of, any_of, attempt, choose, for_each, not_, otherwise, when
from .pipelines import Pipeline, pipeline
from .settings import (
    Between,
    Compute,
    DatabricksJob,
    Lambda,
    Notify,
    OneOf,
    Retry,
    SageMakerEndpoint,
    SageMakerProcessing,
    SageMakerTraining,
    SageMakerTransform,
    SageMakerTuning,
    Schedule,
    days,
    hours,
    minutes,
    seconds,
)
from .stages import Metric, Stage, stage

__version__ = "0.1.0"

__all__ = [
    "ArtifactError",
    "Between",
    "Compute",
    "DatabricksJob",
    "DefinitionError",
    "FlowError",
    "Lambda",
    "LimitError",
    "Metric",
    "Notify",
    "OneOf",
    "ParameterError",
    "Pipeline",
    "PipelineError",
    "Retry",
    "SageMakerEndpoint",
    "SageMakerProcessing",
    "SageMakerTraining",
    "SageMakerTransform",
    "SageMakerTuning",
    "Schedule",
    "Stage",
    "StageFailed",
    "WiringError",
    "all_of",
    "any_of",
    "attempt",
    "checkpoints",
    "choose",
    "days",
    "for_each",
    "hours",
    "minutes",
    "not_",
    "otherwise",
    "pipeline",
    "report",
    "seconds",
    "stage",
    "when",
]
