"""Pipelines that run here and in the state machine, and have to give the same.

Each exercises one way of wiring; the stages are small, so that what differs is the wiring.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
from datalab_pipelines import (
    DatabricksJob,
    Lambda,
    Metric,
    OneOf,
    Retry,
    SageMakerEndpoint,
    SageMakerProcessing,
    SageMakerTraining,
    SageMakerTransform,
    SageMakerTuning,
    Schedule,
    all_of,
    any_of,
    attempt,
    checkpoints,
    choose,
    for_each,
    not_,
    otherwise,
    pipeline,
    seconds,
    stage,
    when,
)

SMALL = Lambda(memory=512)


class Halves(NamedTuple):
    low: pd.DataFrame
    high: pd.DataFrame


class Fitted(NamedTuple):
    model: dict[str, float]
    score: Metric


@stage
def numbers(count: int) -> pd.DataFrame:
    """Make a table."""
    return pd.DataFrame({"n": range(count), "square": [n * n for n in range(count)]})


@stage
def halve(table: pd.DataFrame) -> Halves:
    middle = len(table) // 2
    return Halves(table[:middle], table[middle:].reset_index(drop=True))


@stage
def total(table: pd.DataFrame) -> int:
    return int(table.square.sum())


@stage
def ratio(one: int, other: int) -> Metric:
    return Metric(one / other)


@stage
def add(one: int, other: int) -> int:
    return one + other


@stage
def add_all(parts: list[int], also: list[int]) -> int:
    return sum(parts) + sum(also)


@stage
def say(text: str) -> str:
    return f"said {text}"


@stage
def show(what: str, count: int = 1) -> str:
    return what * count


@stage
def seeds(count: int) -> list[int]:
    return list(range(10, 10 + count))


@stage
def is_big(number: int) -> bool:
    return number > 100


@stage(compute=SageMakerTraining(instance="ml.g5.xlarge", spot=True, checkpoints=True))
def train(table: pd.DataFrame, rate: float) -> Fitted:
    (checkpoints() / "epoch").write_text("1")
    return Fitted({"rate": rate, "mean": float(table.square.mean())}, Metric(rate * 2))


@stage(retry=Retry(attempts=2, wait=seconds(1)))
def flaky(name: str) -> str:
    marker = checkpoints() / f"{name}-was-here"
    if not marker.exists():
        marker.touch()
        raise ConnectionError("the first time it is not there")
    return f"{name} at last"


@stage
def fail(message: str) -> str:
    raise ValueError(message)


@stage(timeout=seconds(2), compute=SageMakerProcessing(instance="ml.m5.large"))
def hang() -> str:
    import time

    time.sleep(60)
    return "never"


@stage(
    compute=SageMakerTuning(
        objective="score", ranges={"depth": OneOf(2, 3, 5), "kind": OneOf("a", "b")}, trials=6
    )
)
def tuned(table: pd.DataFrame, depth: int = 2, kind: str = "a") -> Fitted:
    score = -abs(depth - 3) + (0.5 if kind == "b" else 0.0)
    return Fitted({"depth": float(depth), "rows": float(len(table))}, Metric(score))


@stage(compute=SageMakerTransform())
def predict(model: dict[str, float], table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(predicted=table.n * model["rate"])


@stage(compute=SageMakerEndpoint(name="proof-endpoint"))
def serve(model: dict[str, float]) -> Callable[[Any], Any]:
    return lambda request: {"answer": request["x"] * model["rate"]}


@stage(compute=DatabricksJob(cluster="1234-567890-abcdef", python_file="dbfs:/stage.py"))
def on_databricks(table: pd.DataFrame, factor: int) -> int:
    return int(table.n.sum()) * factor


@pipeline("linear", compute=SMALL)
def linear(count: int = 6) -> None:
    total(numbers(count))


@pipeline("diamond", compute=SageMakerProcessing())
def diamond(count: int = 6) -> None:
    low, high = halve(numbers(count))
    ratio(total(low), total.named("total_high")(high))


@pipeline("choice", compute=SMALL)
def choice(count: int = 6, limit: int = 10) -> None:
    found = total(numbers(count))
    with when(found > limit):
        say("big")
    with otherwise():
        say.named("say_small")("small")


@pipeline("chosen", compute=SMALL)
def chosen(count: int = 6, loud: bool = False) -> None:
    found = total(numbers(count))
    big = is_big(found)
    text = choose(
        any_of(all_of(big, found != 7), not_(found >= 0), loud),
        lambda: say("yes"),
        lambda: say("no"),
    )
    show(text, 2)


@pipeline("mapped", compute=SMALL)
def mapped(count: int = 3, extra: list[int] = [1, 2]) -> None:  # noqa: B006
    table = numbers(count)
    found = for_each(seeds(count), lambda seed: add(seed, total(table)), at_once=2)
    also = for_each(extra, lambda number: add.named("add_extra")(number, 1))
    add_all(found, also)


@pipeline("nested-loops", compute=SMALL)
def nested_loops() -> None:
    def row(first: int) -> int:
        kept = for_each([1, 2], lambda second: add(first, second))
        return add_all(kept, [100])

    add_all.named("all")(for_each([10, 20], row), [])


@pipeline("retried", compute=SMALL)
def retried() -> None:
    say(flaky("lambda"))


@pipeline("rescued", compute=SMALL)
def rescued() -> None:
    text = attempt(lambda: fail("on purpose"), lambda: say("rescued"))
    show(text)


@pipeline("timed-out", compute=SMALL)
def timed_out() -> None:
    hang()


@pipeline("parallel-failure", compute=SMALL)
def parallel_failure() -> None:
    one = say("fine")
    fail("it's {broken} \\ here")
    show(one)


@pipeline("failing-job", compute=SageMakerProcessing())
def failing_job() -> None:
    fail("in a job")


@pipeline("tuning", compute=SMALL)
def tuning() -> None:
    best = tuned(numbers(4))
    with when(best.score > 0.4):
        show("good")


@pipeline("training", compute=SMALL)
def training(rate: float = 0.25) -> None:
    table = numbers(5)
    fitted = train(table, rate)
    predict(fitted.model, table)
    serve(fitted.model)


@pipeline("databricks", compute=SMALL)
def databricks(factor: int = 3) -> None:
    say(show("x", on_databricks(numbers(4), factor)))


@pipeline("scheduled", compute=SMALL, schedule=Schedule("rate(1 day)", parameters={"count": 4}))
def scheduled(count: int) -> None:
    total(numbers(count))


@pipeline("nested", compute=SMALL)
def nested(count: int = 4) -> None:
    linear(count)
    diamond(count=6)
    choice(count, limit=1000)


@pipeline("not-series-parallel", compute=SMALL)
def not_series_parallel() -> None:
    a, b = seeds.named("a")(1), seeds.named("b")(2)
    c = add_all.named("c")(a, [])
    d = add_all.named("d")(a, b)
    add.named("e")(c, d)


@pipeline("strange-text", compute=SMALL)
def strange_text(text: str = 'it\'s {odd} \\ "quoted" ü') -> None:
    say(text)
    say.named("constant")('it\'s {odd} \\ "quoted" ü ${NotASubstitution}')
