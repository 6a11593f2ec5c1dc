"""``CreateHyperParameterTuningJob``: trials are training jobs, the best one by its log's metric."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import time
from typing import Any

from . import model
from .errors import ApiError, not_found, validation


class Tuning:
    """The tuning jobs of one account and region. A grid is walked, other strategies draw."""

    def __init__(self, account: Any) -> None:
        self.account = account
        self.jobs: dict[str, dict[str, Any]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def create(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        name = request["HyperParameterTuningJobName"]
        if name in self.jobs:
            raise ApiError("ResourceInUse", f"There is a tuning job {name} already")
        config = request["HyperParameterTuningJobConfig"]
        limits = config["ResourceLimits"]
        if config["Strategy"] == "Grid":
            extra = set(config["ParameterRanges"]) - {"CategoricalParameterRanges"}
            if extra or "MaxNumberOfTrainingJobs" in limits:
                raise validation(["Grid takes categorical ranges and no number of training jobs"])
        elif "MaxNumberOfTrainingJobs" not in limits:
            raise validation(["MaxNumberOfTrainingJobs is required for this strategy"])
        metric = config["HyperParameterTuningJobObjective"]["MetricName"]
        definition = request["TrainingJobDefinition"]
        named = definition["AlgorithmSpecification"].get("MetricDefinitions", [])
        if metric not in [one["Name"] for one in named]:
            raise validation([f"The objective metric {metric} is not one of MetricDefinitions"])
        arn = self.account.arn("hyper-parameter-tuning-job", name)
        self.jobs[name] = {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": arn,
            "HyperParameterTuningJobConfig": config,
            "TrainingJobDefinition": definition,
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": time.time(),
            "TrainingJobStatusCounters": {},
            "ObjectiveStatusCounters": {},
        }
        task = asyncio.create_task(self._live(name, request, caller))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return {"HyperParameterTuningJobArn": arn}

    def describe(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        return self._find(request)

    def stop(self, request: dict[str, Any], caller: Any) -> None:
        self._find(request)["HyperParameterTuningJobStatus"] = "Stopped"

    def _find(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs.get(request["HyperParameterTuningJobName"])
        if job is None:
            raise not_found("tuning job")
        return job

    async def _live(self, name: str, request: dict[str, Any], caller: Any) -> None:
        job, best = self.jobs[name], None
        config = request["HyperParameterTuningJobConfig"]
        objective = config["HyperParameterTuningJobObjective"]
        maximize = objective["Type"] == "Maximize"
        for number, values in enumerate(_trials(config), 1):
            if job["HyperParameterTuningJobStatus"] != "InProgress":
                return
            trial = self._trial(f"{name}-{number:03d}", request["TrainingJobDefinition"], values)
            found = model.operation("sagemaker", "CreateTrainingJob")
            assert found is not None
            self.account.broken += model.problems(found.input_shape, trial)
            self.account.training.create(trial, caller)
            running = self.account.training.jobs[trial["TrainingJobName"]]
            while not running.over:
                await running.changed.wait()
            if running.status != "Completed":
                job["FailureReason"] = f"a training job failed: {running.reason}"
                continue
            metrics = request["TrainingJobDefinition"]["AlgorithmSpecification"]
            [pattern] = [
                one["Regex"]
                for one in metrics["MetricDefinitions"]
                if one["Name"] == objective["MetricName"]
            ]
            scores = re.findall(pattern, running.log())
            if scores:
                score = float(scores[-1])
                if best is None or (score > best[0] if maximize else score < best[0]):
                    best = (score, running, values)
        if best is None:
            job["HyperParameterTuningJobStatus"] = "Failed"
            return
        job["BestTrainingJob"] = {
            "TrainingJobName": best[1].name,
            "TrainingJobArn": best[1].arn,
            "CreationTime": best[1].created,
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": best[2],
            "FinalHyperParameterTuningJobObjectiveMetric": {
                "MetricName": objective["MetricName"],
                "Value": best[0],
            },
        }
        job["HyperParameterTuningJobStatus"] = "Completed"

    @staticmethod
    def _trial(name: str, definition: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
        kept = {
            key: value
            for key, value in definition.items()
            if key not in ("StaticHyperParameters", "AlgorithmSpecification")
        }
        return {
            **kept,
            "TrainingJobName": name,
            "AlgorithmSpecification": definition["AlgorithmSpecification"],
            "HyperParameters": {**definition.get("StaticHyperParameters", {}), **values},
        }


def _trials(config: dict[str, Any]) -> list[dict[str, str]]:
    ranges = config["ParameterRanges"]
    if config["Strategy"] == "Grid":
        lists = {one["Name"]: one["Values"] for one in ranges["CategoricalParameterRanges"]}
        return [dict(zip(lists, one, strict=True)) for one in itertools.product(*lists.values())]
    draw = random.Random(1)
    found = []
    for _ in range(config["ResourceLimits"]["MaxNumberOfTrainingJobs"]):
        values = {}
        for one in ranges.get("CategoricalParameterRanges", []):
            values[one["Name"]] = draw.choice(one["Values"])
        for one in ranges.get("IntegerParameterRanges", []):
            values[one["Name"]] = str(draw.randint(int(one["MinValue"]), int(one["MaxValue"])))
        for one in ranges.get("ContinuousParameterRanges", []):
            low, high = float(one["MinValue"]), float(one["MaxValue"])
            values[one["Name"]] = repr(draw.uniform(low, high))
        found.append(values)
    return found
