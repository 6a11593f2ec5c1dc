"""For a project's tests: a stage is a function, and a run knows what it was called with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import wiring
from .errors import ParameterError
from .graph import Constant, Output, Parameter, Several, Source
from .parameters import resolve
from .results import read_value
from .run.record import Record
from .stores import FolderStore

if TYPE_CHECKING:
    from .pipelines import Pipeline
    from .run import Outcome


def inputs_of(pipeline: Pipeline[..., Any], run: Outcome, name: str) -> dict[str, Any]:
    """Return the arguments that the stage ``name`` was called with in ``run``, by name.

    Raises ``ParameterError`` when there is no such stage, or when it is in a loop, where one run
    calls it many times.
    """
    node = next((one for one in pipeline.graph.stages() if one.name == name), None)
    if node is None:
        names = ", ".join(one.name for one in pipeline.graph.stages())
        raise ParameterError(f"{pipeline.name} has no stage {name!r}", hint=f"It has {names}.")
    nodes = {one.name: one for one in pipeline.graph.body.walk()}
    found = Record(run.folder).find(run.run)
    parameters = resolve(pipeline.parameters, found.parameters if found else {})
    store = FolderStore(run.folder)

    def value(source: Source) -> Any:
        if isinstance(source, Constant):
            return source.value
        if isinstance(source, Parameter):
            return parameters[source.name]
        if isinstance(source, Several):
            return [value(one) for one in source.sources]
        if isinstance(source, Output):
            return read_value(store, run.run, wiring.parsed(source, nodes, ()))
        raise ParameterError(f"{name} is in a loop", hint="Call it with values of your own.")

    return {argument: value(source) for argument, source in node.arguments.items()}
