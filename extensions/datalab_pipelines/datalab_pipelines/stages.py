"""``@stage``: a function that is a step of pipelines, and stays a function everywhere else."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import update_wrapper
from pathlib import Path, PurePosixPath
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from . import hints, tracing
from .errors import DefinitionError
from .graph import REQUIRED
from .settings import (
    Between,
    Compute,
    Retry,
    SageMakerEndpoint,
    SageMakerTuning,
)

P = ParamSpec("P")
R = TypeVar("R")

NODE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")


class Metric(float):
    """A number that the run record keeps and that conditions read: ``-> Metric``."""


@dataclass(frozen=True)
class Settings:
    """What ``@stage(…)`` was given."""

    compute: Compute | None = None
    retry: Retry | None = None
    timeout: timedelta | None = None
    cache: bool = True
    folder: str = ""


class Stage(Generic[P, R]):
    """A step of a pipeline.

    Called inside a ``@pipeline`` function it adds a node and returns what stands for its result;
    called anywhere else it runs. ``address`` is ``module:name``, how ``python -m
    datalab_pipelines.stage`` finds it.
    """

    def __init__(self, function: Callable[P, R], settings: Settings) -> None:
        update_wrapper(self, function)
        self.function = function
        self.settings = settings
        self.place = hints.place_of(function)
        self.name = getattr(function, "__name__", "")
        self._node_name = ""
        self._after: tuple[str, ...] = ()
        if not self.name.isidentifier() or "<locals>" in function.__qualname__:
            raise DefinitionError(
                f"{function.__qualname__} cannot be a stage",
                hint="A stage runs in a process of its own, which finds it by name: "
                "define it with def at the top level of a module.",
                place=self.place,
            )
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise DefinitionError(
                f"stage {self.name}() is a coroutine or a generator",
                hint="Return the finished value.",
                place=self.place,
            )
        self.signature = inspect.signature(function)
        found = hints.hints_of(function)
        self.parameters = {
            name: hints.bare(found.get(name, hints.ANY)) for name in self.signature.parameters
        }
        for name, parameter in self.signature.parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise DefinitionError(
                    f"stage {self.name}() takes *{name}",
                    hint="Name every parameter; take a list where the number varies.",
                    place=self.place,
                )
        self.returns = found.get("return", hints.ANY)
        self.outputs = hints.outputs_of(self.returns)
        self._check()

    @property
    def address(self) -> str:
        """Return ``module:name``."""
        return f"{module_name(self.function)}:{self.function.__qualname__}"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        trace = tracing.current()
        if trace is None:
            with self.in_its_folder():
                return self.function(*args, **kwargs)
        return cast(R, trace.add_stage(self, args, kwargs))

    @contextmanager
    def in_its_folder(self) -> Iterator[None]:
        """Work in the folder that ``@stage(folder=…)`` names, relative to the project's."""
        if not self.settings.folder:
            yield
            return
        if not Path(self.settings.folder).is_dir():
            raise DefinitionError(
                f"stage {self.name}(): there is no folder {self.settings.folder} in {Path.cwd()}",
                hint="It is relative to the project's folder; stages are called from there.",
                place=self.place,
            )
        with chdir(self.settings.folder):
            yield

    def named(self, name: str) -> Stage[P, R]:
        """Return this stage under another ``name`` in the graph, for a second call of it."""
        if not NODE_NAME.fullmatch(name):
            raise DefinitionError(
                f"{name!r} is not a name for a stage",
                hint="Begin with a letter; letters, digits, _ and -; at most 60.",
            )
        return self._copy(node_name=name)

    def after(self, *earlier: object) -> Stage[P, R]:
        """Return this stage, to be run after ``earlier``, which it takes nothing from."""
        return self._copy(after=tracing.names_of(earlier))

    def node_name(self) -> str:
        """Return what the graph calls a call of this stage."""
        return self._node_name or self.name

    def node_after(self) -> tuple[str, ...]:
        """Return the nodes that come first though nothing flows from them."""
        return self._after

    def default(self, name: str) -> Any:
        """Return the default of a parameter, or ``REQUIRED``."""
        default = self.signature.parameters[name].default
        return REQUIRED if default is inspect.Parameter.empty else default

    def metrics(self) -> tuple[str, ...]:
        """Return the names of the outputs that are metrics (``value`` is an only output)."""
        outputs = {"value": self.returns} if self.outputs is None else self.outputs
        return tuple(name for name, hint in outputs.items() if hints.bare(hint) is Metric)

    def _copy(self, *, node_name: str = "", after: tuple[str, ...] = ()) -> Stage[P, R]:
        other = Stage(self.function, replace(self.settings))
        other._node_name = node_name or self._node_name
        other._after = self._after + after
        return other

    def _check(self) -> None:
        settings = self.settings
        if len(self.name) > 60:
            raise DefinitionError(
                f"the stage name {self.name} is longer than 60 characters",
                hint="Step Functions shows at most 80, and loops need some of them.",
                place=self.place,
            )
        if self.returns is hints.ANY and "return" not in hints.hints_of(self.function):
            raise DefinitionError(
                f"stage {self.name}() does not say what it returns",
                hint="Add a return hint: -> pd.DataFrame, -> Metric, -> None, a NamedTuple…",
                place=self.place,
            )
        compute, timeout = settings.compute, settings.timeout
        if timeout is not None and timeout < timedelta(seconds=1):
            raise DefinitionError(
                f"stage {self.name}(): a timeout of at least one second", place=self.place
            )
        if compute and timeout and timeout > compute.longest:
            raise DefinitionError(
                f"stage {self.name}(): {type(compute).__name__} runs at most {compute.longest}, "
                f"the timeout is {timeout}",
                place=self.place,
            )
        if isinstance(compute, SageMakerTuning):
            self._check_tuning(compute)
        if isinstance(compute, SageMakerEndpoint) and not _callable_hint(self.returns):
            raise DefinitionError(
                f"stage {self.name}() is an endpoint and must return the function that answers",
                hint="Write -> Callable[[…], …].",
                place=self.place,
            )

    def _check_tuning(self, compute: SageMakerTuning) -> None:
        for name, values in compute.ranges.items():
            if name not in self.parameters:
                raise DefinitionError(
                    f"stage {self.name}(): tunes {name!r}, which is not one of its parameters",
                    hint=f"It has {', '.join(self.parameters) or 'none'}.",
                    place=self.place,
                )
            whole = isinstance(values, Between) and _whole(values)
            if self.parameters[name] is int and isinstance(values, Between) and not whole:
                raise DefinitionError(
                    f"stage {self.name}(): {name} is an int, and its range is not",
                    place=self.place,
                )
        if compute.objective not in self.metrics():
            raise DefinitionError(
                f"stage {self.name}(): the objective {compute.objective!r} is no Metric it returns",
                hint='Return a NamedTuple with a field of type Metric; objective="metric" names '
                "the only result.",
                place=self.place,
            )

    def __repr__(self) -> str:
        return f"<stage {self.address}>"


@overload
def stage(function: Callable[P, R], /) -> Stage[P, R]: ...


@overload
def stage(
    *,
    compute: Compute | None = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    cache: bool = True,
    folder: str = "",
) -> Callable[[Callable[P, R]], Stage[P, R]]: ...


def stage(
    function: Callable[P, R] | None = None,
    /,
    *,
    compute: Compute | None = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    cache: bool = True,
    folder: str = "",
) -> Stage[P, R] | Callable[[Callable[P, R]], Stage[P, R]]:
    """Make a function a stage.

    ``compute`` says where it runs on AWS (the pipeline's own by default), ``retry`` whether a
    failure is tried again, ``timeout`` when it is given up. With ``cache=False`` the local runner
    always runs it, for stages that read what changes outside (a table, an API). ``folder`` is where
    it works, relative to the project's folder, which is where all others do.
    """
    for what, wanted in (
        (compute, Compute),
        (retry, Retry),
        (timeout, timedelta),
    ):
        if what is not None and not isinstance(what, wanted):
            raise DefinitionError(
                f"@stage was given {what!r} where it takes {_article(wanted)}",
                hint="Write, for example, timeout=minutes(10) or compute=Lambda().",
            )
    if PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
        raise DefinitionError(
            f"@stage(folder={folder!r}) is not in the project",
            hint="Name a folder of the project, relative to it.",
        )
    settings = Settings(compute=compute, retry=retry, timeout=timeout, cache=cache, folder=folder)
    if function is not None:
        if not callable(function):
            raise DefinitionError(f"@stage was given {function!r}, which is not a function")
        return Stage(function, settings)
    return lambda wrapped: Stage(wrapped, settings)


def module_name(function: Callable[..., Any]) -> str:
    """Return the importable name of a function's module, also for the script itself."""
    module = function.__module__
    if module != "__main__":
        return module
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(function.__code__.co_filename).stem


def _whole(values: Between) -> bool:
    return isinstance(values.low, int) and isinstance(values.high, int)


def _callable_hint(hint: Any) -> bool:
    import collections.abc
    import typing

    origin = typing.get_origin(hint) or hint
    return origin in (collections.abc.Callable, hints.ANY)


def _article(wanted: type) -> str:
    return f"a {wanted.__name__}"
