"""Every misuse has a named error that says what is wrong, with file and line."""

from __future__ import annotations

import linecache
import re
import sys
import types
from itertools import count
from typing import Any

import pytest
from datalab_pipelines import Pipeline, PipelineError
from datalab_pipelines.compile import generate
from datalab_pipelines.parameters import resolve

PROLOGUE = """\
from __future__ import annotations
from typing import *
from datalab_pipelines import *

class Pair(NamedTuple):
    low: int
    high: int

class Opaque: ...

@stage
def number(start: int = 1) -> int: return start
@stage
def text(value: str) -> str: return value
@stage
def pair(one: int) -> Pair: return Pair(one, one)
@stage
def listed(count: int) -> list[int]: return list(range(count))
@stage
def flag(one: int) -> bool: return one > 1
@stage
def measure(one: int) -> Metric: return Metric(one)
"""
LINES = PROLOGUE.count("\n")
NUMBERS = count()


def load(source: str) -> types.ModuleType:
    """Return ``source`` as a module with a file name of its own."""
    name = f"misuse_{next(NUMBERS)}"
    file = f"/scripts/{name}.py"
    code = PROLOGUE + source
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    module = types.ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    exec(compile(code, file, "exec"), vars(module))
    return module


def use(source: str) -> None:
    """Import the script and generate from it, as `python pipeline.py generate` does."""
    for value in list(vars(load(source)).values()):
        if isinstance(value, Pipeline):
            generate(value)


def wired(body: str, signature: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"@pipeline('p')\ndef p({signature}) -> None:\n{lines}\n"


# (name, script, line of the script counted from 1 after the prologue, class, part of the message)
MISUSES: list[tuple[str, str, int, str, str]] = [
    # -- declaring a stage
    ("no return hint", "@stage\ndef s(a: int): ...\n", 1, "DefinitionError", "what it returns"),
    ("a lambda", "s = stage(lambda a: a)\n", 1, "DefinitionError", "cannot be a stage"),
    (
        "a local function",
        "def outer():\n    @stage\n    def s() -> int: ...\nouter()\n",
        2,
        "DefinitionError",
        "cannot be a stage",
    ),
    ("a coroutine", "@stage\nasync def s() -> int: ...\n", 1, "DefinitionError", "coroutine"),
    ("a generator", "@stage\ndef s() -> int:\n    yield 1\n", 1, "DefinitionError", "generator"),
    ("star arguments", "@stage\ndef s(*a: int) -> int: ...\n", 1, "DefinitionError", "takes *a"),
    (
        "an unknown type",
        "@stage\ndef s(a: Missing) -> int: ...\n",
        1,
        "DefinitionError",
        "'Missing' is not defined",
    ),
    (
        "a name that is too long",
        f"@stage\ndef {'s' * 61}() -> int: ...\n",
        1,
        "DefinitionError",
        "longer than 60",
    ),
    (
        "compute that is a text",
        "@stage(compute='lambda')\ndef s() -> int: ...\n",
        1,
        "DefinitionError",
        "a Compute",
    ),
    (
        "a timeout that is a number",
        "@stage(timeout=60)\ndef s() -> int: ...\n",
        1,
        "DefinitionError",
        "a timedelta",
    ),
    (
        "a folder outside",
        "@stage(folder='../data')\ndef s() -> int: ...\n",
        1,
        "DefinitionError",
        "is not in the project",
    ),
    (
        "a timeout beyond Lambda's",
        "@stage(compute=Lambda(), timeout=hours(1))\ndef s() -> int: ...\n",
        1,
        "DefinitionError",
        "at most 0:15:00",
    ),
    ("little memory", "Lambda(memory=64)\n", 1, "DefinitionError", "128 to 10240 MiB"),
    (
        "an EC2 instance type",
        "SageMakerTraining(instance='m5.large')\n",
        1,
        "DefinitionError",
        "not a SageMaker instance type",
    ),
    (
        "spot without checkpoints",
        "SageMakerTraining(spot=True)\n",
        1,
        "DefinitionError",
        "without checkpoints",
    ),
    (
        "tuning nothing",
        "SageMakerTuning(objective='m')\n",
        1,
        "DefinitionError",
        "nothing to search",
    ),
    (
        "tuning an unknown parameter",
        "@stage(compute=SageMakerTuning(objective='value', ranges={'b': OneOf(1)}))\n"
        "def s(a: int = 1) -> Metric: ...\n",
        1,
        "DefinitionError",
        "not one of its parameters",
    ),
    (
        "tuning for what is no metric",
        "@stage(compute=SageMakerTuning(objective='value', ranges={'a': OneOf(1)}))\n"
        "def s(a: int = 1) -> float: ...\n",
        1,
        "DefinitionError",
        "no Metric",
    ),
    ("an empty range", "Between(3, 1)\n", 1, "DefinitionError", "is empty"),
    (
        "an endpoint that returns a value",
        "@stage(compute=SageMakerEndpoint())\ndef s() -> int: ...\n",
        1,
        "DefinitionError",
        "return the function",
    ),
    (
        "Databricks with nothing to run",
        "DatabricksJob(cluster='c')\n",
        1,
        "DefinitionError",
        "exactly one of",
    ),
    (
        "Databricks without a cluster",
        "DatabricksJob(notebook='/n')\n",
        1,
        "DefinitionError",
        "no cluster",
    ),
    ("no attempts", "Retry(attempts=0)\n", 1, "DefinitionError", "1 to 99"),
    ("a wait below a second", "Retry(wait=seconds(0.1))\n", 1, "DefinitionError", "at least 1"),
    # -- declaring a pipeline
    (
        "a pipeline's name",
        "@pipeline('Churn Model')\ndef p() -> None: ...\n",
        1,
        "DefinitionError",
        "not a name for a pipeline",
    ),
    ("no stage", wired("pass"), 1, "DefinitionError", "has no stage"),
    (
        "a parameter without a type",
        wired("number(a)", "a"),
        1,
        "DefinitionError",
        "has no type",
    ),
    (
        "a parameter that no run can be given",
        wired("number()", "a: Opaque"),
        1,
        "DefinitionError",
        "Opaque",
    ),
    (
        "a default that does not fit",
        wired("number(a)", "a: int = 'x'"),
        1,
        "DefinitionError",
        "is given 'x'",
    ),
    (
        "a default out of range",
        wired("number(a)", "a: Annotated[int, Between(1, 5)] = 9"),
        1,
        "DefinitionError",
        "from 1 to 5",
    ),
    (
        "a wrong schedule",
        "Schedule('every day')\n",
        1,
        "DefinitionError",
        "not a schedule expression",
    ),
    (
        "a time zone that is none",
        "Schedule('rate(1 day)', timezone='Berlin')\n",
        1,
        "DefinitionError",
        "no such time zone",
    ),
    (
        "a schedule that gives too little",
        "@pipeline('p', schedule=Schedule('rate(1 day)'))\ndef p(a: int) -> None:\n    number(a)\n",
        1,
        "DefinitionError",
        "no value and no default",
    ),
    ("a wrong address", "Notify('everyone')\n", 1, "DefinitionError", "not a mail address"),
    (
        "a tag of AWS's own",
        "@pipeline('p', tags={'aws:x': 'y'})\ndef p() -> None: ...\n",
        1,
        "DefinitionError",
        "not one that AWS takes",
    ),
    # -- wiring
    ("a missing argument", wired("text()"), 3, "WiringError", "missing a required argument"),
    ("an unknown argument", wired("number(stop=1)"), 3, "WiringError", "unexpected keyword"),
    (
        "a wrong type",
        wired("text(number())"),
        3,
        "WiringError",
        "wants str, and number() gives int",
    ),
    ("a wrong constant", wired("number('a')"), 3, "WiringError", "wants int, and is given 'a'"),
    (
        "a value made in the script",
        wired("number(Opaque())"),
        3,
        "WiringError",
        "made in the script itself",
    ),
    ("a wrong list", wired("text([number()])"), 3, "WiringError", "is given a list"),
    ("an unknown output", wired("number(pair(1).middle)"), 3, "WiringError", "no output 'middle'"),
    ("an attribute of a value", wired("number().real"), 3, "WiringError", "no output 'real'"),
    ("arithmetic", wired("number(number() + 1)"), 3, "WiringError", "__add__"),
    (
        "the whole of several",
        wired("number(pair(1))"),
        3,
        "WiringError",
        "wants int, and pair() gives Pair",
    ),
    (
        "a comparison as an argument",
        wired("flag(number() > 1)"),
        3,
        "WiringError",
        "given a comparison",
    ),
    (
        "comparing with another type",
        wired("with when(number() > 'a'):\n    number()"),
        3,
        "WiringError",
        "is compared with 'a'",
    ),
    (
        "a tuned parameter that is given",
        "@stage(compute=SageMakerTuning(objective='value', ranges={'a': OneOf(1)}))\n"
        "def s(a: int = 1) -> Metric: ...\n" + wired("s(3)"),
        5,
        "WiringError",
        "cannot be given as well",
    ),
    # -- flow
    ("if", wired("if flag(1):\n    number()"), 3, "FlowError", "used as a condition"),
    (
        "if with a comparison",
        wired("if number() > 1:\n    number()"),
        3,
        "FlowError",
        "used as a Python condition",
    ),
    ("for", wired("for one in listed(3):\n    number(one)"), 3, "FlowError", "looped over"),
    (
        "a condition that is known",
        wired("with when(True):\n    number()"),
        3,
        "FlowError",
        "known already",
    ),
    (
        "a condition that is a number",
        wired("with when(number()):\n    number()"),
        3,
        "WiringError",
        "which is int",
    ),
    ("an empty branch", wired("with when(flag(1)):\n    pass"), 3, "FlowError", "has no stage"),
    (
        "otherwise without when",
        wired("number()\nwith otherwise():\n    number()"),
        4,
        "FlowError",
        "right below",
    ),
    (
        "a value out of its branch",
        wired("with when(flag(1)):\n    a = number()\ntext.after(a)('x')\nnumber(a)"),
        5,
        "FlowError",
        "may not have run",
    ),
    (
        "branches that give different types",
        wired("choose(flag(1), lambda: number(), lambda: text('a'))"),
        3,
        "WiringError",
        "Both have to give the same type",
    ),
    (
        "one branch gives nothing",
        wired("def nothing() -> None: number()\nchoose(flag(1), lambda: number(), nothing)"),
        4,
        "FlowError",
        "returns nothing",
    ),
    (
        "looping over no list",
        wired("for_each(number(), lambda one: number(one))"),
        3,
        "WiringError",
        "not a list",
    ),
    (
        "looping over nothing",
        wired("for_each([], lambda one: number(one))"),
        3,
        "FlowError",
        "empty list",
    ),
    (
        "a loop's item outside of it",
        wired(
            "kept: list[Any] = []\n"
            "for_each([1], lambda one: (kept.append(one), number(one))[1])\n"
            "number(kept[0])"
        ),
        5,
        "FlowError",
        "a loop that has ended",
    ),
    (
        "one turn's value outside of the loop",
        wired(
            "kept: list[Any] = []\n"
            "def turn(one: int) -> int:\n    kept.append(number(one))\n    return kept[-1]\n"
            "for_each([1], turn)\n"
            "number(kept[0])"
        ),
        8,
        "FlowError",
        "outside of the loop",
    ),
    (
        "a loop that gives nothing of its own",
        wired("a = number()\nfor_each([1], lambda one: (number(one), a)[1])"),
        4,
        "FlowError",
        "outside the loop",
    ),
    ("attempting nothing", wired("attempt(lambda: None, lambda: None)"), 3, "FlowError", "nothing"),
    ("after what is no stage", wired("number.after(3)()"), 3, "FlowError", "not the result"),
    ("when outside of a pipeline", "with when(True):\n    pass\n", 1, "FlowError", "@pipeline"),
    (
        "calling a pipeline",
        wired("number()") + "p()\n",
        4,
        "FlowError",
        "called like a function",
    ),
    # -- limits
    (
        "a constant that SageMaker does not take",
        wired("text('x' * 300)"),
        3,
        "LimitError",
        "takes 256",
    ),
    (
        "a default that SageMaker does not take",
        wired("text(a)", f"a: str = {'x' * 300!r}"),
        3,
        "LimitError",
        "takes for one value",
    ),
    (
        "a tuning job's arguments",
        "@stage(compute=SageMakerTuning(objective='value', ranges={'a': OneOf(1)}))\n"
        "def s(names: list[str], a: int = 1) -> Metric: ...\n"
        + wired("s([text('x'), *['y' * 90] * 30])"),
        5,
        "LimitError",
        "a tuning job takes 2,500",
    ),
    (
        "too many items",
        wired("for_each(list(range(50_000)), lambda one: number(one))"),
        3,
        "LimitError",
        "carries 262,144",
    ),
    (
        "a default that CloudFormation would change",
        wired("text(a)", "a: str = '${Image}'"),
        1,
        "LimitError",
        "substitution",
    ),
    (
        "too large a machine",
        wired("for one in range(1200): number.named(f'n{one}')(one)"),
        1,
        "LimitError",
        "Step Functions takes",
    ),
]


@pytest.mark.parametrize("case", MISUSES, ids=lambda case: case[0].replace(" ", "-"))
def test_a_misuse_is_named_with_its_line(case: tuple[str, str, int, str, str]) -> None:
    _, script, line, kind, message = case
    with pytest.raises(PipelineError) as found:
        use(script)
    error = found.value
    assert type(error).__name__ == kind, error
    assert message in str(error)
    assert error.place.file.startswith("/scripts/misuse_")
    assert error.place.line == LINES + line, str(error)


def test_there_are_at_least_forty() -> None:
    assert len(MISUSES) >= 40


RUNS: list[tuple[dict[str, Any], str]] = [
    ({"colour": "red"}, "no parameter 'colour'"),
    ({"rows": "many"}, "is int, and is given 'many'"),
    ({"rows": "99"}, "from 1 to 9"),
    ({"kind": "c"}, "is given 'c'"),
    ({"on": "yes"}, "is bool"),
    ({"names": "a,b"}, "is given 'a,b'"),
    ({}, "no value and no default"),
]


@pytest.mark.parametrize(("given", "message"), RUNS)
def test_a_parameter_that_a_run_cannot_use_is_named(given: dict[str, Any], message: str) -> None:
    signature = (
        "needed: str, rows: Annotated[int, Between(1, 9)] = 2, kind: Literal['a', 'b'] = 'a', "
        "on: bool = True, names: list[str] = []"
    )
    module = load(wired("number(rows)", signature))
    full = given if message.startswith("no value") else {"needed": "x", **given}
    with pytest.raises(PipelineError, match=re.escape(message)):
        resolve(module.p.parameters, full)


def test_parameters_from_a_command_line_get_their_types() -> None:
    module = load(wired("number(rows)", "rows: int, share: float, on: bool, names: list[str]"))
    given = {"rows": "3", "share": "1", "on": "true", "names": '["a"]'}
    found = resolve(module.p.parameters, given)
    assert found == {"rows": 3, "share": 1.0, "on": True, "names": ["a"]}
    assert [type(one) for one in found.values()] == [int, float, bool, list]


def test_a_stage_stays_a_function_outside_of_a_pipeline() -> None:
    module = load("")
    assert module.number(4) == 4
    assert module.pair(2).high == 2


def test_an_output_may_have_any_name() -> None:
    names = ["trace", "source", "hint", "outputs", "what", "node", "field", "items"]
    fields = "\n".join(f"    {name}: int" for name in names)
    wiring = "made = many()\n" + "\n".join(f"number(made.{name})" for name in names)
    module = load(
        f"class Many(NamedTuple):\n{fields}\n\n@stage\ndef many() -> Many: ...\n" + wired(wiring)
    )
    found = [node.arguments["start"] for node in module.p.graph.stages()[1:]]
    assert [source.field for source in found] == names
