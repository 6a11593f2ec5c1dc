"""Following a pipeline function once, to see its graph.

While a ``@pipeline`` function is traced, a stage's call returns a ``Ref`` instead of a value. A
``Ref`` can be passed to stages, compared inside ``when``, and taken apart into named outputs;
anything else that needs the value itself is an error that says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn

from . import hints
from .errors import FlowError, PipelineError, Place, WiringError
from .graph import (
    REQUIRED,
    Comparison,
    Condition,
    Constant,
    Item,
    Node,
    Operator,
    Output,
    Parameter,
    Region,
    Several,
    Source,
    StageNode,
    Truth,
)

if TYPE_CHECKING:
    from .stages import Stage

_CURRENT: ContextVar[Trace | None] = ContextVar("datalab_pipelines_trace", default=None)


def current() -> Trace | None:
    """Return the trace in progress, or None where stages just run."""
    return _CURRENT.get()


def needed(what: str) -> Trace:
    """Return the trace in progress; raises ``FlowError`` naming ``what`` outside a pipeline."""
    trace = _CURRENT.get()
    if trace is None:
        raise FlowError(
            f"{what} works only inside a function marked with @pipeline",
            hint="In plain Python, write if and for.",
        )
    return trace


class Trace:
    """The graph as seen so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.body = Region()
        self.open: list[Region] = [self.body]
        self.loops: list[str] = []
        self.nodes: dict[str, Node] = {}
        self.homes: dict[str, Region] = {}
        self.prefix = ""

    def follow(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Call ``function`` with ``arguments`` (Refs) and return what it returns."""
        token = _CURRENT.set(self)
        try:
            return function(**arguments)
        finally:
            _CURRENT.reset(token)

    @property
    def region(self) -> Region:
        """Return the region that nodes are added to now."""
        return self.open[-1]

    @contextmanager
    def inside(self, region: Region) -> Iterator[None]:
        """Add nodes to ``region`` meanwhile."""
        self.open.append(region)
        try:
            yield
        finally:
            self.open.pop()

    def add(self, node: Node) -> None:
        """Add ``node`` to the region that is open."""
        node.loops = len(self.loops)
        self.region.nodes.append(node)
        self.nodes[node.name] = node
        self.homes[node.name] = self.region

    def free_name(self, wanted: str) -> str:
        """Return ``wanted``, or ``wanted-2`` and so on when it is taken."""
        wanted = self.prefix + wanted
        name, number = wanted, 2
        while name in self.nodes:
            name, number = f"{wanted}-{number}", number + 1
        return name

    def add_stage(
        self, stage: Stage[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Ref:
        """Add a call of ``stage``; returns what stands for its result."""
        place = Place.here()
        try:
            bound = stage.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise WiringError(
                f"{stage.name}(): {error}",
                hint=f"It is declared as {stage.name}{stage.signature} at {stage.place}.",
                place=place,
            ) from None
        tuned = getattr(stage.settings.compute, "ranges", {})
        arguments: dict[str, Source] = {}
        for name, value in bound.arguments.items():
            if name in tuned:
                raise WiringError(
                    f"{stage.name}({name}=…): {name} is tuned, so it cannot be given as well",
                    hint="Give it a default in the stage, and leave it away here.",
                    place=place,
                )
            arguments[name] = self.source(
                value, stage.parameters[name], f"{stage.name}({name}=…)", place
            )
        node = StageNode(
            name=self.free_name(stage.node_name()),
            place=place,
            after=stage.node_after(),
            stage=stage,
            arguments=arguments,
        )
        for name in node.after:
            self.visible(name, f"{stage.name}.after(…)", place)
        self.add(node)
        return Ref(self, Output(node.name), stage.returns, stage.outputs, f"{stage.name}()")

    def source(self, value: Any, wanted: Any, what: str, place: Place) -> Source:
        """Return where an argument comes from; raises ``WiringError`` when it does not fit."""
        if isinstance(value, Ref):
            source = self.read(value, what, place)
            if not hints.fits(value._hint, wanted):
                raise WiringError(
                    f"{what} wants {hints.says(wanted)}, and {value._what} gives "
                    f"{hints.says(value._hint)}",
                    place=place,
                )
            return source
        if isinstance(value, Test):
            raise WiringError(
                f"{what} is given a comparison",
                hint="Compare inside the stage, or decide with when(…).",
                place=place,
            )
        if isinstance(value, list | tuple) and any(isinstance(one, Ref) for one in value):
            if not hints.is_sequence(wanted):
                raise WiringError(
                    f"{what} wants {hints.says(wanted)}, and is given a list", place=place
                )
            inner = hints.element_of(wanted)
            return Several(tuple(self.source(one, inner, what, place) for one in value))
        return self._constant(value, wanted, what, place)

    def _constant(self, value: Any, wanted: Any, what: str, place: Place) -> Constant:
        try:
            same = json.loads(json.dumps(value, allow_nan=False)) == value
        except (TypeError, ValueError):
            same = False
        if isinstance(value, tuple) and not same:
            same = self._constant(list(value), hints.ANY, what, place) is not None
        if not same:
            raise WiringError(
                f"{what} is given a {type(value).__name__}, which is made in the script itself",
                hint="Only plain values (numbers, text, lists, dictionaries with text keys) can "
                "be written into a pipeline; make it in a stage.",
                place=place,
            )
        if not hints.accepts(value, wanted):
            raise WiringError(
                f"{what} wants {hints.says(wanted)}, and is given {value!r}", place=place
            )
        return Constant(value)

    def read(self, ref: Ref, what: str, place: Place | None = None) -> Source:
        """Return the source of ``ref``; raises when it cannot be read from here."""
        place = place or Place.here()
        if ref._trace is not self:
            raise FlowError(
                f"{what} is given a value of another pipeline",
                hint="Pipelines share nothing; call the other pipeline inside this one.",
                place=place,
            )
        source = ref._source
        if isinstance(source, Output):
            self.visible(source.node, what, place)
            if self.nodes[source.node].loops - source.gathered > len(self.loops):
                raise FlowError(
                    f"{what} is given what one turn of a loop gave, outside of the loop",
                    hint="Use the list that for_each() returns.",
                    place=place,
                )
        elif isinstance(source, Item) and source.depth >= len(self.loops):
            raise FlowError(f"{what} is given the item of a loop that has ended", place=place)
        return source

    def visible(self, name: str, what: str, place: Place) -> None:
        """Raise ``FlowError`` when the node ``name`` is in a branch or loop that was left."""
        if self.homes[name] not in self.open:
            raise FlowError(
                f"{what} is given the result of {name}, which may not have run: it is inside a "
                f"branch or a loop ({self.nodes[name].place})",
                hint="Return it, as in model = choose(condition, lambda: a(), lambda: b()), or "
                "models = for_each(items, lambda item: train(item)).",
                place=place,
            )


class Ref:
    """What stands for a value that exists only when the pipeline runs."""

    # Underscored: an output of the person's may have any other name.
    __slots__ = ("_hint", "_outputs", "_source", "_trace", "_what")
    __hash__ = object.__hash__

    def __init__(
        self, trace: Trace, source: Source, hint: Any, outputs: dict[str, Any] | None, what: str
    ) -> None:
        self._trace, self._source, self._hint = trace, source, hint
        self._outputs, self._what = outputs, what

    def _output(self, name: str) -> Ref:
        assert self._outputs is not None and isinstance(self._source, Output)
        source = Output(self._source.node, name, self._source.gathered)
        return Ref(self._trace, source, self._outputs[name], None, f"{self._what}.{name}")

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._outputs is not None and name in self._outputs:
            return self._output(name)
        names = ", ".join(self._outputs or ())
        raise WiringError(
            f"{self._what} has no output {name!r}",
            hint=f"Its outputs are {names}."
            if names
            else "The value exists only when the pipeline runs: use it inside a stage, or return "
            "a NamedTuple from the stage to hand on parts of its result.",
        )

    def __getitem__(self, key: Any) -> Ref:
        if self._outputs is not None and isinstance(key, int) and 0 <= key < len(self._outputs):
            return self._output(list(self._outputs)[key])
        raise self._misuse(f"[{key!r}]")

    def __iter__(self) -> Iterator[Ref]:
        if self._outputs is None:
            raise FlowError(
                f"{self._what} is looped over, and it exists only when the pipeline runs",
                hint="Write for_each(items, lambda item: stage(item)).",
            )
        return iter([self._output(name) for name in self._outputs])

    def __bool__(self) -> bool:
        raise FlowError(
            f"{self._what} is used as a condition, and it exists only when the pipeline runs",
            hint="Write `with when(…):` and `with otherwise():`, or choose(…); join conditions "
            "with all_of, any_of and not_.",
        )

    def _misuse(self, what: str) -> PipelineError:
        return WiringError(
            f"{self._what} is used with {what}, and it exists only when the pipeline runs",
            hint="Do it inside a stage.",
        )

    def _compare(self, operator: Operator, other: object) -> Test:
        right: Source
        if isinstance(other, Ref):
            right = self._trace.read(other, "the comparison")
        else:
            if not isinstance(other, str | int | float | bool):
                raise WiringError(
                    f"{self._what} {operator} {other!r}: only numbers, text and booleans compare"
                )
            if not hints.accepts(other, self._hint):
                raise WiringError(
                    f"{self._what} is {hints.says(self._hint)}, and is compared with {other!r}"
                )
            right = Constant(other)
        left = self._trace.read(self, "the comparison")
        return Test(self._trace, Comparison(left, operator, right))

    def __eq__(self, other: object) -> Test:  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: object) -> Test:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: object) -> Test:
        return self._compare("<", other)

    def __le__(self, other: object) -> Test:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Test:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Test:
        return self._compare(">=", other)

    def __repr__(self) -> str:
        return f"<{self._what}: {hints.says(self._hint)}>"


def _forbid(name: str) -> Callable[..., NoReturn]:
    def refuse(self: Ref, *args: object, **kwargs: object) -> NoReturn:
        raise self._misuse(name)

    return refuse


for _name in (
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "mod"),
    *("pow", "matmul", "neg", "pos", "abs", "invert", "and", "or", "xor", "len", "call"),
    *("contains", "int", "float", "index", "str", "format", "setitem", "delitem", "enter", "exit"),
):
    setattr(Ref, f"__{_name}__", _forbid(f"__{_name}__"))


class Test:
    """A comparison that is made when the pipeline runs."""

    __test__ = False  # for pytest, whose tests are named alike
    __slots__ = ("condition", "trace")

    def __init__(self, trace: Trace, condition: Condition) -> None:
        self.trace, self.condition = trace, condition

    def __bool__(self) -> bool:
        raise FlowError(
            "a comparison of the pipeline's values is used as a Python condition",
            hint="Write `with when(…):`; join comparisons with all_of, any_of and not_ (and `1 < x "
            "< 2` as two).",
        )


def condition_of(value: object, what: str) -> Condition:
    """Return the condition that a person passed to ``what``."""
    trace = needed(what)
    if isinstance(value, Test):
        if value.trace is not trace:
            raise FlowError(f"{what} is given a condition of another pipeline")
        return value.condition
    if isinstance(value, Ref):
        if hints.bare(value._hint) not in (bool, hints.ANY):
            raise WiringError(
                f"{what} is given {value._what}, which is {hints.says(value._hint)}",
                hint="Compare it, for example with > 0.8, or return a bool.",
            )
        return Truth(trace.read(value, what))
    raise FlowError(
        f"{what} is given {value!r}, which is known already",
        hint="A condition compares what a stage gives, or a parameter of the pipeline.",
    )


def names_of(earlier: tuple[object, ...]) -> tuple[str, ...]:
    """Return the node names of ``earlier``, the arguments of ``Stage.after``."""
    needed("after()")
    names = []
    for one in earlier:
        if not isinstance(one, Ref) or not isinstance(one._source, Output):
            raise FlowError(f"after() is given {one!r}, which is not the result of a stage")
        names.append(one._source.node)
    return tuple(names)


def parameter_refs(trace: Trace, parameters: list[Parameter]) -> dict[str, Ref]:
    """Return what stands for the pipeline's parameters in its function."""
    return {
        one.name: Ref(trace, one, one.hint, None, f"the parameter {one.name}") for one in parameters
    }


def required(parameter: Parameter) -> bool:
    """Say whether a run must give ``parameter``."""
    return parameter.default is REQUIRED
