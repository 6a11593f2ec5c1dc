"""Trying a stage with many values: by SageMaker's tuning jobs there, by a seeded search here.

The local search is there to try a pipeline out; it draws other values than SageMaker's Bayesian
strategy. Where every range is a ``OneOf`` both walk the same grid, and choose the same trial.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from .artifacts import ML
from .errors import ArtifactError
from .settings import Between, OneOf, SageMakerTuning
from .stages import Stage

# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
HYPERPARAMETERS = ML / "input" / "config"
ARGUMENTS = "datalab_arguments"


def is_grid(compute: SageMakerTuning) -> bool:
    """Say whether every range is a list of values, so that all combinations are tried."""
    return all(isinstance(one, OneOf) for one in compute.ranges.values())


def tune(stage: Stage[..., Any], compute: SageMakerTuning, arguments: Mapping[str, Any]) -> Any:
    """Return what the best trial of ``stage`` returned.

    Inside a SageMaker trial that is the only one: its values come with the job.
    """
    trial = trial_values(stage)
    if trial is not None:
        value = stage.function(**{**arguments, **trial})
        # The tuning job reads the objective from the log, by this pattern.
        print(f"datalab-objective={float(objective(stage, compute, value))!r};", flush=True)
        return value
    best: tuple[float, Any] | None = None
    for number, values in enumerate(trials(compute), 1):
        value = stage.function(**{**arguments, **values})
        score = float(objective(stage, compute, value))
        print(f"trial {number}: {json.dumps(values)} → {compute.objective} {score:.6g}", flush=True)
        if best is None or (score > best[0] if compute.maximize else score < best[0]):
            best = (score, value)
    assert best is not None
    return best[1]


def trials(compute: SageMakerTuning) -> Iterator[dict[str, Any]]:
    """Yield the values of each local trial."""
    if is_grid(compute):
        lists = [one.values for one in compute.ranges.values() if isinstance(one, OneOf)]
        for values in itertools.islice(itertools.product(*lists), compute.trials):
            yield dict(zip(compute.ranges, values, strict=True))
        return
    draw = random.Random(0)
    for _ in range(compute.trials):
        yield {name: _draw(draw, one) for name, one in compute.ranges.items()}


def _draw(draw: random.Random, values: Between | OneOf) -> Any:
    if isinstance(values, OneOf):
        return draw.choice(values.values)
    if values.scale == "log":
        found = math.exp(draw.uniform(math.log(values.low), math.log(values.high)))
    else:
        found = draw.uniform(values.low, values.high)
    if isinstance(values.low, int) and isinstance(values.high, int):
        return min(max(round(found), values.low), values.high)
    return found


def objective(stage: Stage[..., Any], compute: SageMakerTuning, value: Any) -> float:
    """Return the metric that trials are compared by."""
    number = value
    if stage.outputs is not None:
        names = list(stage.outputs)
        if hasattr(value, compute.objective):
            number = getattr(value, compute.objective)
        else:
            number = value[names.index(compute.objective)]
    if number != number:
        raise ArtifactError(f"the objective {compute.objective} of {stage.name} is not a number")
    return float(number)


def trial_values(stage: Stage[..., Any]) -> dict[str, Any] | None:
    """Return the values of the SageMaker trial that this process is, or None."""
    given = _hyperparameters()
    if ARGUMENTS not in given:
        return None
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name in stage.parameters:
            kind = stage.parameters[name]
            values[name] = (
                kind(float(text)) if kind is int else kind(text) if kind is float else text
            )
    return values


def arguments_of_trial() -> list[str]:
    """Return the stage's arguments in a trial, where SageMaker allows no command line.

    The trial writes its result below its job's name; the state machine copies the best one's.
    """
    given = _hyperparameters()
    if ARGUMENTS not in given:
        print("There is no datalab_arguments hyperparameter.", file=sys.stderr)
        raise SystemExit(2)
    arguments: list[str] = json.loads(given[ARGUMENTS])
    node = arguments.index("--node") + 1
    arguments[node] = f"{arguments[node]}/trials/{os.environ['TRAINING_JOB_NAME']}"
    return arguments


def _hyperparameters() -> dict[str, str]:
    path = HYPERPARAMETERS / "hyperparameters.json"
    if not path.exists():
        return {}
    found: dict[str, str] = json.loads(path.read_text())
    return found
