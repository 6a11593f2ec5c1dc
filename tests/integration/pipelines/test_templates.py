"""The templates: the same text every time, and clean under each of the ecosystem's validators."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from datalab_pipelines import (
    DatabricksJob,
    Lambda,
    LimitError,
    Notify,
    Pipeline,
    Schedule,
    pipeline,
    stage,
)
from datalab_pipelines.compile import generate, to_yaml
from datalab_pipelines.compile.arrange import Parallel, Sequence, arrange
from datalab_pipelines.graph import Node, Region, StageNode, needs
from hypothesis import given
from hypothesis import strategies as st
from policy_sentry.querying.actions import get_actions_for_service

from .conftest import PROJECT

sys.path.insert(0, str(PROJECT))
import proofs

GOLDEN = Path(__file__).parent / "golden"
PIPELINES: dict[str, Pipeline[..., Any]] = {
    one.name: one for one in vars(proofs).values() if isinstance(one, Pipeline)
}


@stage
def step(number: int) -> int:
    return number


@stage(compute=DatabricksJob(cluster={"num_workers": 2}, notebook="/Shared/report"))
def notebook(number: int) -> None: ...


@stage(compute=DatabricksJob(cluster="c", wheel="proofs"))
def wheel(number: int) -> None: ...


@pipeline(
    "everything",
    compute=Lambda(),
    schedule=Schedule("cron(0 6 * * ? *)", timezone="Europe/Berlin", parameters={"start": 3}),
    notify=Notify("team@example.org", succeeded=True),
    timeout=timedelta(hours=6),
    tags={"cost-centre": "4711"},
)
def everything(start: int) -> None:
    """What the other pipelines leave out."""
    notebook(start)
    wheel(step(start))


PIPELINES["everything"] = everything


def fifty() -> Pipeline[..., Any]:
    @pipeline("fifty")
    def made() -> None:
        last = step.named("s0")(0)
        for number in range(1, 50):
            last = step.named(f"s{number}")(last if number % 3 else number)

    return made


@pytest.mark.parametrize("name", PIPELINES)
def test_a_template_is_clean_under_cfn_lint(name: str) -> None:
    found = lint(to_yaml(generate(PIPELINES[name])))
    assert [str(one) for one in found] == []


@pytest.mark.parametrize("name", PIPELINES)
def test_a_state_machine_is_clean_under_statelint(name: str, tmp_path: Path) -> None:
    machine = generate(PIPELINES[name])["Resources"]["StateMachine"]["Properties"]["Definition"]
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine))
    statelint = Path(sys.executable).parent / "statelint"
    done = subprocess.run([statelint, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == ""


def test_statelint_would_find_a_dangling_next(tmp_path: Path) -> None:
    machine = generate(PIPELINES["linear"])["Resources"]["StateMachine"]["Properties"]["Definition"]
    machine["States"]["total"]["Next"] = "Nowhere"
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine))
    statelint = Path(sys.executable).parent / "statelint"
    done = subprocess.run([statelint, path], capture_output=True, text=True)
    assert "Nowhere" in done.stdout + done.stderr


def statements(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in template["Resources"].items():
        for policy in resource["Properties"].get("Policies", []):
            for one in policy["PolicyDocument"]["Statement"]:
                yield name, one


# Actions for which IAM knows no resource; each is needed for what the comment says.
WITHOUT_RESOURCE = {
    "logs:CreateLogDelivery",  # logs of executions, for Step Functions itself
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "ecr:GetAuthorizationToken",  # the token is for the registry
    "cloudwatch:PutMetricData",  # bound by its namespace
}


@pytest.mark.parametrize("name", PIPELINES)
def test_every_permission_exists_and_is_bound_to_a_resource(name: str) -> None:
    for role, one in statements(generate(PIPELINES[name])):
        for action in one["Action"]:
            service = action.split(":")[0]
            known = {known.lower() for known in get_actions_for_service(service)}
            assert action.lower() in known, f"{role}: there is no {action}"
            assert "*" not in action
            if "*" in one["Resource"]:
                assert action in WITHOUT_RESOURCE, f"{role}: {action} on everything"


def test_a_pipeline_without_sagemaker_may_do_nothing_with_it() -> None:
    text = to_yaml(generate(PIPELINES["linear"]))
    assert "sagemaker" not in text
    assert "StageRole" not in text


@pytest.mark.parametrize("name", ["choice", "mapped", "tuning", "everything"])
def test_a_template_is_what_it_was(name: str) -> None:
    """DATALAB_UPDATE_GOLDEN=1 writes the files anew; review the difference."""
    text = to_yaml(generate(PIPELINES[name]))
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("DATALAB_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def test_another_process_with_another_hash_seed_writes_the_same(tmp_path: Path) -> None:
    def text(seed: str) -> bytes:
        code = (
            "import proofs; from datalab_pipelines.compile import *; "
            "print(to_yaml(generate(proofs.nested)))"
        )
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(PROJECT)}
        return subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=tmp_path)

    assert text("1") == text("2")


def test_fifty_stages_stay_readable_and_within_limits() -> None:
    template = generate(fifty())
    assert len(json.dumps(template)) < 1_000_000


def test_a_template_beyond_the_limit_is_refused_with_the_line() -> None:
    @pipeline("huge")
    def huge() -> None:
        for number in range(900):
            step.named(f"step-{number}")(number)

    with pytest.raises(LimitError, match="takes 1,000,000"):
        generate(huge)


def nodes_of(plan: Any) -> list[str]:
    if isinstance(plan, Node):
        return [plan.name]
    return [name for part in plan.parts for name in nodes_of(part)]


def orders(plan: Any) -> list[tuple[str, str]]:
    """Return the pairs of nodes of which the first surely ends before the second begins."""
    if isinstance(plan, Node):
        return []
    found = [pair for part in plan.parts for pair in orders(part)]
    if isinstance(plan, Sequence):
        for number, part in enumerate(plan.parts):
            for later in plan.parts[number + 1 :]:
                found += [(one, two) for one in nodes_of(part) for two in nodes_of(later)]
    return found


def region_of(edges: list[set[int]]) -> Region:
    from datalab_pipelines.graph import Output, Several

    region = Region()
    for number, before in enumerate(edges):
        node = StageNode(
            name=f"s{number}",
            place=everything.place,
            stage=step,
            arguments={
                "number": Several(tuple(Output(f"s{one % number}") for one in sorted(before)))
                if number
                else Several(())
            },
        )
        region.nodes.append(node)
    return region


@given(st.lists(st.sets(st.integers(0, 11), max_size=3), min_size=1, max_size=12))
def test_any_graph_is_arranged_so_that_what_is_needed_comes_first(edges: list[set[int]]) -> None:
    region = region_of(edges)
    plan = arrange(region)
    assert sorted(nodes_of(plan)) == sorted(node.name for node in region.nodes)
    before = set(orders(plan))
    for node in region.nodes:
        for name in needs(node, region):
            assert (name, node.name) in before


def test_what_is_independent_runs_at_once() -> None:
    region = region_of([set(), {0}, {0}, {1, 2}])
    plan = arrange(region)
    assert isinstance(plan, Sequence)
    assert [type(part) for part in plan.parts] == [StageNode, Parallel, StageNode]


def test_constants_of_the_person_reach_the_stage_unchanged() -> None:
    text = to_yaml(generate(PIPELINES["strange-text"]))
    assert not re.search(r"\$\{NotASubstitution\}", text)
