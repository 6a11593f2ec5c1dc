"""What runs here is what runs there: every pipeline locally, and as the deployed state machine.

The machine is generated, deployed to moto's CloudFormation, read back, and executed; its tasks
start the real stage entry point. Artifacts and metrics have to be those of the local run.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from datalab_pipelines import Pipeline
from datalab_pipelines.compile import generate, to_yaml
from datalab_pipelines.results import Reference, read_result
from datalab_pipelines.run import Outcome, run_pipeline
from datalab_pipelines.stores import FolderStore
from fakes.states import Execution, Interpreter, deploy
from fakes.states.services import Services

from .conftest import IMAGE, PROJECT, Region

sys.path.insert(0, str(PROJECT))
import proofs

PIPELINES: dict[str, Pipeline[..., Any]] = {
    one.name: one for one in vars(proofs).values() if isinstance(one, Pipeline)
}
FAILING = {"timed-out", "parallel-failure", "failing-job"}
INPUTS: dict[str, list[dict[str, Any]]] = {
    "choice": [{}, {"limit": 1000}],
    "chosen": [{}, {"count": 3}, {"count": 12, "loud": True}],
    "scheduled": [{"count": 4}],
    "mapped": [{}, {"count": 0, "extra": []}],
}


def execute(region: Region, name: str, given: dict[str, Any]) -> Execution:
    """Deploy the pipeline and run its machine."""
    template = to_yaml(generate(PIPELINES[name]))
    parameters = {
        "ArtifactBucket": region.bucket,
        "LogRetentionDays": "90",
        "Image": IMAGE,
        "ImageRepository": "proofs",
        "DatabricksHost": "dbc-test.cloud.databricks.com",
        "DatabricksConnection": "arn:aws:events:eu-central-1:123456789012:connection/databricks/1",
    }
    known = generate(PIPELINES[name])["Parameters"]
    stack = deploy(
        region.moto,
        f"{name}-{uuid.uuid4().hex[:8]}",
        template,
        {key: value for key, value in parameters.items() if key in known},
    )
    services = Services(
        PROJECT, region.environment, {"dbc-test.cloud.databricks.com": region.databricks.url}
    )
    return Interpreter(services).run(stack.definition, given)


def run_here(name: str, given: dict[str, Any], folder: Path) -> Outcome:
    return run_pipeline(PIPELINES[name], given, folder=folder)


def results(documents: dict[str, Any]) -> dict[str, Any]:
    """Return what a run gave: node → artifacts and metrics."""
    return {
        key.removesuffix("/result.json"): (
            {name: one.get("artifact") for name, one in document["outputs"].items()},
            document["metrics"],
        )
        for key, document in documents.items()
        if key.endswith("/result.json") and "/trials/" not in key
    }


def results_here(outcome: Outcome) -> dict[str, Any]:
    """Return what the local run gave, choices included (which are aliases here)."""
    folder = outcome.folder / "runs" / outcome.run
    documents = {
        str(path.relative_to(folder)): json.loads(path.read_text())
        for path in folder.rglob("result.json")
    }
    for alias in folder.rglob("alias.json"):
        node = str(alias.parent.relative_to(folder))
        store = FolderStore(outcome.folder)
        documents[f"{node}/result.json"] = read_result(store, outcome.run, Reference.parse(node))[0]
    return results(documents)


# Many tasks, each of which starts a process; what each is made of is in the others, too.
LONG = {"nested", "nested-loops", "not-series-parallel", "tuning"}
CASES = [
    pytest.param(name, given, marks=[pytest.mark.slow] if name in LONG else [])
    for name in PIPELINES
    if name not in FAILING
    for given in INPUTS.get(name, [{}])
]


@pytest.mark.parametrize(("name", "given"), CASES, ids=lambda value: str(value))
def test_the_machine_gives_what_the_local_run_gives(
    name: str, given: dict[str, Any], region: Region, tmp_path: Path
) -> None:
    here = run_here(name, given, tmp_path)
    assert here.error is None
    there = execute(region, name, given)
    assert there.status == "SUCCEEDED", f"{there.error} {there.cause} {there.visited}"
    documents = region.objects(f"{name}/runs/{there.name}/")
    found, wanted = results(documents), results_here(here)
    for node in ("serve",):  # an endpoint's result is the name that the machine wrote
        if node in found:
            assert documents[f"{node}/result.json"]["values"] == {
                "value": {"endpoint": "proof-endpoint"}
            }
            del found[node], wanted[node]
    assert found == wanted
    assert region.aws.broken == []


def test_a_failure_arrives_with_class_message_stage_trace_and_log(region: Region) -> None:
    there = execute(region, "parallel-failure", {})
    assert there.status == "FAILED"
    assert there.error == "ValueError"
    cause = json.loads(there.cause)
    assert cause["message"] == "it's {broken} \\ here"
    assert (cause["stage"], cause["node"]) == ("proofs:fail", "fail")
    assert "raise ValueError(message)" in cause["trace"]
    assert cause["log"].startswith("https://eu-central-1.console.aws.amazon.com/cloudwatch/")


def test_a_failed_job_is_explained_by_its_stage_and_leads_to_its_log(region: Region) -> None:
    there = execute(region, "failing-job", {})
    assert (there.status, there.error) == ("FAILED", "ValueError")
    cause = json.loads(there.cause)
    assert cause["message"] == "in a job"
    [job] = [one for one in region.aws.processing.jobs.values() if "failing-job" in one.name]
    assert f"ProcessingJobs/log-events/{job.name}" in cause["log"]
    assert job.reason is not None
    assert "ValueError: in a job" in job.reason


def test_a_timeout_ends_the_job_and_is_named(region: Region, tmp_path: Path) -> None:
    here = run_here("timed-out", {}, tmp_path)
    assert here.status == "failed"
    assert "Timeout: not finished after 0:00:02" in str(here.error)
    there = execute(region, "timed-out", {})
    assert there.status == "FAILED"
    job = json.loads(there.cause)
    assert job["ProcessingJobStatus"] == "Stopped"


def test_an_unfit_parameter_ends_the_execution_before_any_stage(region: Region) -> None:
    there = execute(region, "linear", {"count": "many"})
    assert (there.status, there.error) == ("FAILED", "ParameterError")
    assert "many" in there.cause
    assert "numbers" not in there.visited
    missing = execute(region, "scheduled", {})
    assert (missing.status, missing.error) == ("FAILED", "ParameterError")


def test_the_endpoint_answers_with_the_model_of_the_run(region: Region) -> None:
    import urllib.request

    there = execute(region, "training", {"rate": 0.5})
    assert there.status == "SUCCEEDED", (there.error, there.cause)
    container = region.aws.models.containers["proof-endpoint"]
    request = urllib.request.Request(f"{container.url}/invocations", data=b'{"x": 4}')
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer) == {"answer": 2.0}
