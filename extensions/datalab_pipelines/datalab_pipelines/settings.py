"""What a stage or a pipeline may ask for: compute, retries, schedule, notifications.

Plain frozen dataclasses, checked when they are made, so that a mistake shows its line.
Times are ``datetime.timedelta``; ``seconds``, ``minutes``, ``hours`` and ``days`` make them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import DefinitionError

INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
SCHEDULE = re.compile(
    r"cron\((\S+ ){5}\S+\)|rate\(1 (minute|hour|day)\)|rate\([2-9]\d* (minutes|hours|days)\)"
    r"|rate\(1\d+ (minutes|hours|days)\)"
)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MIB, GIB = "MiB", "GiB"


def seconds(number: float) -> timedelta:
    """Return ``number`` seconds."""
    return timedelta(seconds=number)


def minutes(number: float) -> timedelta:
    """Return ``number`` minutes."""
    return timedelta(minutes=number)


def hours(number: float) -> timedelta:
    """Return ``number`` hours."""
    return timedelta(hours=number)


def days(number: float) -> timedelta:
    """Return ``number`` days."""
    return timedelta(days=number)


@dataclass(frozen=True)
class Compute:
    """Where a stage runs on AWS. Locally every stage is a process."""

    longest: ClassVar[timedelta] = timedelta(days=5)

    def _instance(self, instance: str, count: int = 1, volume: int = 1) -> None:
        name = type(self).__name__
        if not INSTANCE.fullmatch(instance):
            raise DefinitionError(
                f"{name}(instance={instance!r}): not a SageMaker instance type",
                hint='Instance types look like "ml.m5.xlarge" or "ml.g5.2xlarge".',
            )
        _between(f"{name}(count=…)", count, 1, 100)
        _between(f"{name}(volume=…)", volume, 1, 16384, GIB)


@dataclass(frozen=True)
class Lambda(Compute):
    """A Lambda function, for short stages: at most 15 minutes. ``memory`` in MiB."""

    memory: int = 1024
    longest: ClassVar[timedelta] = timedelta(minutes=15)

    def __post_init__(self) -> None:
        _between("Lambda(memory=…)", self.memory, 128, 10240, MIB)


@dataclass(frozen=True)
class SageMakerProcessing(Compute):
    """A SageMaker processing job. ``volume`` in GiB."""

    instance: str = "ml.m5.xlarge"
    volume: int = 30
    longest: ClassVar[timedelta] = timedelta(days=5)

    def __post_init__(self) -> None:
        self._instance(self.instance, 1, self.volume)


@dataclass(frozen=True)
class SageMakerTraining(Compute):
    """A SageMaker training job; any ``ml.g*`` or ``ml.p*`` instance brings its GPUs.

    ``spot``: managed spot capacity; the stage must then write what it has to
    ``datalab_pipelines.checkpoints()`` and begin from there. ``volume`` in GiB.
    """

    instance: str = "ml.m5.xlarge"
    count: int = 1
    volume: int = 30
    spot: bool = False
    checkpoints: bool = False
    longest: ClassVar[timedelta] = timedelta(days=28)

    def __post_init__(self) -> None:
        self._instance(self.instance, self.count, self.volume)
        if self.spot and not self.checkpoints:
            raise DefinitionError(
                "SageMakerTraining(spot=True) without checkpoints",
                hint="An interruption would lose everything: set checkpoints=True and save to "
                "checkpoints(), or leave spot away.",
            )


@dataclass(frozen=True)
class SageMakerTransform(Compute):
    """A SageMaker batch transform job: the stage's function answers one batch per request."""

    instance: str = "ml.m5.xlarge"
    longest: ClassVar[timedelta] = timedelta(days=5)

    def __post_init__(self) -> None:
        self._instance(self.instance)


@dataclass(frozen=True)
class SageMakerEndpoint(Compute):
    """A SageMaker endpoint.

    The stage's function takes artifacts (the model) and returns the function that answers one
    request: ``def serve(model: Model) -> Callable[[Any], Any]``.
    """

    name: str = ""
    instance: str = "ml.m5.large"
    count: int = 1

    def __post_init__(self) -> None:
        self._instance(self.instance, self.count)
        if self.name and not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", self.name):
            raise DefinitionError(
                f"SageMakerEndpoint(name={self.name!r}): not an endpoint name",
                hint="Use letters, digits and single dashes, at most 63.",
            )


@dataclass(frozen=True)
class Between:
    """A number's range, both ends included.

    In ``Annotated[int, Between(1, 9)]`` it bounds a parameter; in ``SageMakerTuning`` it is what
    the tuning searches (integers when both ends are).
    """

    low: float
    high: float
    scale: str = "linear"

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise DefinitionError(f"Between({self.low}, {self.high}) is empty")
        if self.scale not in ("linear", "log"):
            raise DefinitionError(f'Between(scale={self.scale!r}): "linear" or "log"')
        if self.scale == "log" and self.low <= 0:
            raise DefinitionError('Between(scale="log") must begin above 0')


@dataclass(frozen=True)
class OneOf:
    """The values that a tuning tries, in order."""

    values: tuple[str | float, ...]

    def __init__(self, *values: str | float) -> None:
        if not values:
            raise DefinitionError("OneOf() names no value")
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class SageMakerTuning(Compute):
    """A SageMaker tuning job: the stage is tried with many values, the best trial is its result.

    ``ranges`` names parameters of the stage; ``objective`` names a ``Metric`` that it returns.
    """

    objective: str
    ranges: dict[str, Between | OneOf] = field(default_factory=dict)
    maximize: bool = True
    trials: int = 10
    at_once: int = 2
    instance: str = "ml.m5.xlarge"
    volume: int = 30
    spot: bool = False
    longest: ClassVar[timedelta] = timedelta(days=28)

    def __post_init__(self) -> None:
        self._instance(self.instance, 1, self.volume)
        _between("SageMakerTuning(trials=…)", self.trials, 1, 750)
        _between("SageMakerTuning(at_once=…)", self.at_once, 1, 100)
        if not self.ranges:
            raise DefinitionError(
                "SageMakerTuning(ranges={}): nothing to search",
                hint='Name the parameters to tune: ranges={"depth": Between(2, 9)}.',
            )


@dataclass(frozen=True)
class DatabricksJob(Compute):
    """A one-time run on Databricks: exactly one of ``notebook``, ``wheel`` and ``python_file``.

    The stage's arguments arrive as they do everywhere: as the arguments of
    ``datalab_pipelines.stage``. A ``notebook`` gets them as base parameters; the stage's function
    is then what runs in its place on this machine. ``cluster`` is the ``new_cluster`` (or
    ``existing_cluster_id``) part of Databricks' jobs API.
    """

    cluster: dict[str, Any] | str = ""
    notebook: str = ""
    wheel: str = ""
    python_file: str = ""
    poll: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        if sum(map(bool, (self.notebook, self.wheel, self.python_file))) != 1:
            raise DefinitionError(
                "DatabricksJob: say exactly one of notebook, wheel and python_file"
            )
        if not self.cluster:
            raise DefinitionError(
                "DatabricksJob: no cluster",
                hint="Give the id of an existing cluster, or a new_cluster dictionary.",
            )
        if self.poll < timedelta(seconds=1):
            raise DefinitionError("DatabricksJob(poll=…): at least one second")


@dataclass(frozen=True)
class Retry:
    """Try a failed stage again, ``attempts`` times more, waiting ``wait`` × ``backoff``ⁿ."""

    attempts: int = 3
    wait: timedelta = timedelta(seconds=10)
    backoff: float = 2.0
    longest_wait: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        _between("Retry(attempts=…)", self.attempts, 1, 99)
        if self.wait < timedelta(seconds=1):
            raise DefinitionError("Retry(wait=…): Step Functions waits whole seconds, at least 1")
        if self.backoff < 1:
            raise DefinitionError(f"Retry(backoff={self.backoff}): at least 1.0")


@dataclass(frozen=True)
class Schedule:
    """Run on a schedule: ``cron(0 6 * * ? *)`` or ``rate(1 day)``, with these ``parameters``."""

    when: str
    timezone: str = "UTC"
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not SCHEDULE.fullmatch(self.when):
            raise DefinitionError(
                f"Schedule({self.when!r}): not a schedule expression",
                hint='Write "cron(0 6 * * ? *)" (six fields) or "rate(1 day)".',
            )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise DefinitionError(
                f"Schedule(timezone={self.timezone!r}): no such time zone",
                hint='Use a name of the IANA database, such as "Europe/Berlin".',
            ) from None


@dataclass(frozen=True)
class Notify:
    """Mail ``emails`` when an execution fails (and, if asked, when it succeeds)."""

    emails: tuple[str, ...]
    succeeded: bool = False

    def __init__(self, *emails: str, succeeded: bool = False) -> None:
        object.__setattr__(self, "emails", emails)
        object.__setattr__(self, "succeeded", succeeded)
        if not emails:
            raise DefinitionError("Notify() names nobody")
        for email in emails:
            if not EMAIL.fullmatch(email):
                raise DefinitionError(f"Notify({email!r}): not a mail address")


def _between(what: str, number: int, low: int, high: int, unit: str = "") -> None:
    if not isinstance(number, int) or not low <= number <= high:
        raise DefinitionError(f"{what} is {number!r}; it must be {low} to {high} {unit}".rstrip())
