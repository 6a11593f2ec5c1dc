"""The stages: ordinary functions, which `pytest` and a notebook can call as they are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
from datalab_pipelines import (
    Lambda,
    Metric,
    Retry,
    SageMakerEndpoint,
    SageMakerTraining,
    hours,
    report,
    stage,
)
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split


class Split(NamedTuple):
    """The rows to learn from, and those to be judged by."""

    train: pd.DataFrame
    test: pd.DataFrame


@stage(retry=Retry(attempts=2))
def load() -> pd.DataFrame:
    """Load the data; the column ``target`` is what is to be predicted."""
    return load_breast_cancer(as_frame=True).frame


@stage
def split(data: pd.DataFrame, seed: int) -> Split:
    """Keep a fifth of the rows for the evaluation."""
    train, test = train_test_split(data, test_size=0.2, random_state=seed)
    return Split(train, test)


@stage(compute=SageMakerTraining(instance="ml.m5.xlarge"), timeout=hours(2))
def train(data: pd.DataFrame, trees: int, seed: int) -> RandomForestClassifier:
    """Fit a random forest."""
    model = RandomForestClassifier(n_estimators=trees, random_state=seed)
    return model.fit(data.drop(columns="target"), data["target"])


@stage
def evaluate(model: RandomForestClassifier, data: pd.DataFrame) -> Metric:
    """Return the share of rows that the model gets right."""
    predicted = model.predict(data.drop(columns="target"))
    report(pd.DataFrame(confusion_matrix(data["target"], predicted)), "confusion matrix")
    return Metric(accuracy_score(data["target"], predicted))


@stage(compute=SageMakerEndpoint())
def deploy(model: RandomForestClassifier) -> Callable[[Any], Any]:
    """Answer requests of the form ``{"rows": [[…], …]}``."""
    columns = list(model.feature_names_in_)

    def answer(request: Any) -> Any:
        rows = pd.DataFrame(request["rows"], columns=columns)
        return {"predicted": model.predict(rows).tolist()}

    return answer


@stage(compute=Lambda(memory=512))
def reject(accuracy: Metric, threshold: float) -> str:
    """Say why nothing was deployed."""
    return f"not deployed: the accuracy is {accuracy:.3f}, below {threshold}"
