"""``@pipeline``: a function that wires stages, and everything that can be done with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, cast

from . import hints, tracing
from .errors import DefinitionError, FlowError, ParameterError, PipelineError, WiringError
from .graph import Constant, Parameter, Region, StageNode
from .parameters import parameters_of, resolve
from .settings import Compute, Notify, SageMakerProcessing, Schedule
from .stages import Stage, module_name
from .tracing import Ref, Trace

P = ParamSpec("P")
R = TypeVar("R")

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 40
TAG = re.compile(r"[\w .:/=+@-]{1,128}")


@dataclass(frozen=True)
class Graph:
    """A pipeline as data: what it is called, what it takes, what it does."""

    name: str
    parameters: list[Parameter]
    body: Region

    def stages(self) -> list[StageNode]:
        """Return every stage node, branches and loops included, in the script's order."""
        return [node for node in self.body.walk() if isinstance(node, StageNode)]


@dataclass(frozen=True)
class Options:
    """What ``@pipeline(…)`` was given."""

    name: str
    compute: Compute = field(default_factory=SageMakerProcessing)
    schedule: Schedule | None = None
    notify: Notify | None = None
    timeout: timedelta | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class Pipeline(Generic[P, R]):
    """A pipeline. ``main()`` is its command line; ``graph`` its wiring, checked."""

    def __init__(self, function: Callable[P, R], options: Options) -> None:
        update_wrapper(self, function)
        self.function = function
        self.options = options
        self.name = options.name
        self.place = hints.place_of(function)
        self.parameters = parameters_of(function)
        if options.schedule:
            try:
                resolve(self.parameters, options.schedule.parameters)
            except ParameterError as error:
                raise DefinitionError(
                    f"the schedule of {self.name} cannot run it: {error.message}",
                    hint=error.hint,
                    place=self.place,
                ) from None

    @property
    def root(self) -> Path:
        """Return the project's folder: where the script lies, and where stages import from."""
        return Path(self.place.file).resolve().parent

    @property
    def address(self) -> str:
        """Return ``module:name`` of the pipeline."""
        return f"{module_name(self.function)}:{self.function.__qualname__}"

    @cached_property
    def graph(self) -> Graph:
        """Return the wiring; raises a ``PipelineError`` naming the line that is wrong."""
        trace = Trace(self.name)
        trace.follow(self.function, tracing.parameter_refs(trace, self.parameters))
        graph = Graph(self.name, self.parameters, trace.body)
        if not graph.stages():
            raise DefinitionError(f"the pipeline {self.name} has no stage", place=self.place)
        return graph

    def compute_of(self, stage: Stage[..., Any]) -> Compute:
        """Return where ``stage`` runs on AWS: its own choice, or the pipeline's."""
        return stage.settings.compute or self.options.compute

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        trace = tracing.current()
        if trace is None:
            raise FlowError(
                f"the pipeline {self.name} is called like a function",
                hint=f"Run it with `python {Path(self.place.file).name} run`; a stage can be "
                "called.",
            )
        return cast(R, self._inside(trace, args, kwargs))

    def _inside(self, trace: Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Wire this pipeline's stages into the one that calls it."""
        import inspect

        place = PipelineError("").place
        try:
            bound = inspect.signature(self.function).bind(*args, **kwargs)
        except TypeError as error:
            raise WiringError(f"{self.name}: {error}", place=place) from None
        bound.apply_defaults()
        if trace.prefix.count("-") > 8:
            raise FlowError(f"the pipeline {self.name} calls itself", place=place)
        refs: dict[str, Any] = {}
        for parameter in self.parameters:
            value = bound.arguments[parameter.name]
            what = f"{self.name}({parameter.name}=…)"
            source = trace.source(value, parameter.hint, what, place)
            refs[parameter.name] = (
                value
                if isinstance(value, Ref)
                else Ref(trace, cast(Constant, source), parameter.hint, None, what)
            )
        outer, trace.prefix = trace.prefix, f"{trace.prefix}{self.name}-"
        try:
            return cast(Callable[..., Any], self.function)(**refs)
        finally:
            trace.prefix = outer

    def main(self, arguments: list[str] | None = None) -> NoReturn:
        """Run the command line (``run``, ``generate``, ``graph``, ``runs``, ``show``) and exit."""
        from .cli import pipeline_main

        raise SystemExit(pipeline_main(self, arguments))

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"


def pipeline(
    name: str,
    *,
    compute: Compute | None = None,
    schedule: Schedule | None = None,
    notify: Notify | None = None,
    timeout: timedelta | None = None,
    tags: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], Pipeline[P, R]]:
    """Make a function a pipeline called ``name``.

    ``compute`` is where its stages run on AWS unless they say otherwise (a SageMaker processing
    job by default), ``timeout`` the longest an execution may take.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise DefinitionError(
            f"@pipeline(name={name!r}): not a name for a pipeline"
            if isinstance(name, str)
            else "@pipeline without a name",
            hint=f'Write @pipeline("churn"): lowercase letters, digits and single dashes, at most '
            f"{LONGEST_NAME}.",
        )
    for what, wanted in (
        (compute, Compute),
        (schedule, Schedule),
        (notify, Notify),
        (timeout, timedelta),
    ):
        if what is not None and not isinstance(what, wanted):
            raise DefinitionError(f"@pipeline was given {what!r} where it takes {wanted.__name__}")
    for key, value in (tags or {}).items():
        if not TAG.fullmatch(key) or key.lower().startswith("aws:") or not TAG.fullmatch(value):
            raise DefinitionError(
                f"the tag {key!r}: {value!r} is not one that AWS takes",
                hint="Letters, digits, spaces and _ . : / = + - @; at most 128; not aws:…",
            )
    options = Options(
        name=name,
        compute=compute or SageMakerProcessing(),
        schedule=schedule,
        notify=notify,
        timeout=timeout,
        tags=dict(tags or {}),
    )
    return lambda function: Pipeline(function, options)
