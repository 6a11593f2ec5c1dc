"""The command lines: ``python pipeline.py run | generate | graph | runs | show``, and
``datalab-pipelines init``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ParameterError, PipelineError

if TYPE_CHECKING:
    from .pipelines import Pipeline
    from .run.record import Record, Run

Verb = Callable[["Pipeline[..., Any]", argparse.Namespace], int]
FAILED, MISUSED, STOPPED = 1, 2, 130


def pipeline_main(pipeline: Pipeline[..., Any], arguments: list[str] | None = None) -> int:
    """Run a pipeline script's command line; return the exit status.

    0: done. 1: a stage failed. 2: the pipeline or the command is wrong. 130: stopped by Ctrl-C.
    """
    parser = _parser(pipeline)
    found = parser.parse_args(arguments)
    verb: Verb = found.verb
    try:
        return verb(pipeline, found)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return MISUSED


def main(arguments: list[str] | None = None) -> int:
    """Run ``datalab-pipelines``; return the exit status."""
    from . import __version__

    parser = argparse.ArgumentParser(
        prog="datalab-pipelines", description="Pipelines in typed Python."
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="make a new project")
    init.add_argument("folder", type=Path, help="where; it must not exist, or be empty")
    init.add_argument("--name", default="", help="the pipeline's name (the folder's, if not given)")
    found = parser.parse_args(arguments)
    from .init import make_project

    try:
        for path in make_project(found.folder, found.name):
            print(path)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return MISUSED
    print(f"\nNow: cd {found.folder} && python pipeline.py run")
    return 0


def _parser(pipeline: Pipeline[..., Any]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=(pipeline.__doc__ or f"The pipeline {pipeline.name}.").strip().split("\n")[0]
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    run = verbs.add_parser("run", help="run it here")
    run.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    run.add_argument("--jobs", type=int, default=0, help="stages at a time (default: processors)")
    run.add_argument("--fresh", action="store_true", help="reuse nothing of earlier runs")
    run.add_argument(
        "--resume", nargs="?", const="", metavar="RUN", help="go on with a run (the last failed)"
    )
    run.set_defaults(verb=_run)

    generate = verbs.add_parser("generate", help="write the CloudFormation template")
    generate.add_argument("--output", type=Path, help="default: template.yaml beside the script")
    generate.add_argument(
        "--check", action="store_true", help="write nothing; fail if the file is out of date"
    )
    generate.set_defaults(verb=_generate)

    graph = verbs.add_parser("graph", help="write a picture of it")
    graph.add_argument("--output", type=Path, help="a .svg, .mmd or .md file (default: print)")
    graph.set_defaults(verb=_graph)

    runs = verbs.add_parser("runs", help="list runs")
    runs.add_argument("--limit", type=int, default=20)
    runs.set_defaults(verb=_runs)

    show = verbs.add_parser("show", help="show a run, or compare two")
    show.add_argument("run", nargs="*", help="one or two ids, or their beginnings (the last run)")
    show.add_argument("--json", action="store_true")
    show.set_defaults(verb=_show)
    return parser


def _run(pipeline: Pipeline[..., Any], found: argparse.Namespace) -> int:
    from .run import run_pipeline

    given = {}
    for text in found.param:
        name, equals, value = text.partition("=")
        if not equals:
            raise ParameterError(f"--param {text!r} is not NAME=VALUE")
        given[name] = value
    if found.resume is not None and given:
        raise ParameterError("--resume goes on with the run's own parameters: leave --param away")
    outcome = run_pipeline(pipeline, given, jobs=found.jobs, fresh=found.fresh, resume=found.resume)
    print(f"{outcome.status} in {outcome.seconds:.1f} s  ({outcome.run})", file=sys.stderr)
    if outcome.error:
        print(outcome.error, file=sys.stderr)
    if outcome.status != "succeeded":
        script = Path(pipeline.place.file).name
        print(f"Go on from here with: python {script} run --resume", file=sys.stderr)
    return {"succeeded": 0, "failed": FAILED}.get(outcome.status, STOPPED)


def _generate(pipeline: Pipeline[..., Any], found: argparse.Namespace) -> int:
    from .compile import generate, to_yaml
    from .compile.limits import TEMPLATE_DIRECT

    target = found.output or pipeline.root / "template.yaml"
    text = to_yaml(generate(pipeline))
    if found.check:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            raise PipelineError(
                f"{target} is not what the script generates",
                hint=f"Run `python {Path(pipeline.place.file).name} generate` and commit it.",
                place=pipeline.place,
            )
        return 0
    target.write_text(text, encoding="utf-8")
    print(target)
    if len(text.encode()) > TEMPLATE_DIRECT:
        print(
            f"{target.name} has more than {TEMPLATE_DIRECT:,} bytes: deploy it with "
            "`aws cloudformation deploy --s3-bucket …`",
            file=sys.stderr,
        )
    return 0


def _graph(pipeline: Pipeline[..., Any], found: argparse.Namespace) -> int:
    from .drawing import mermaid, svg

    if found.output is None:
        print(mermaid(pipeline.graph))
        return 0
    if found.output.suffix == ".svg":
        text = svg(pipeline.graph)
    elif found.output.suffix in (".mmd", ".md"):
        text = mermaid(pipeline.graph)
        if found.output.suffix == ".md":
            text = f"```mermaid\n{text}```\n"
    else:
        raise ParameterError(f"--output {found.output}: a .svg, .mmd or .md file")
    found.output.write_text(text, encoding="utf-8")
    print(found.output)
    return 0


def _record(pipeline: Pipeline[..., Any]) -> Record:
    from .run.record import Record
    from .run.runner import folder_of

    return Record(folder_of(pipeline))


def _runs(pipeline: Pipeline[..., Any], found: argparse.Namespace) -> int:
    record = _record(pipeline)
    for run in record.runs(pipeline.name, found.limit):
        metrics = {
            f"{one.node}.{name}" if name != "value" else one.node: value
            for one in record.stages(run.id)
            for name, value in one.metrics.items()
        }
        shown = " ".join(f"{name}={value:.4g}" for name, value in list(metrics.items())[:6])
        print(f"{run.id}  {run.status:<9}  {_took(run.seconds):>8}  {_written(run)}  {shown}")
    return 0


def _show(pipeline: Pipeline[..., Any], found: argparse.Namespace) -> int:
    record = _record(pipeline)
    if len(found.run) > 2:
        raise ParameterError("show takes one run, or two to compare")
    chosen = []
    for name in found.run or [one.id for one in record.runs(pipeline.name, 1)]:
        run = record.find(name)
        if run is None:
            raise ParameterError(f"there is no run {name!r}", hint="`runs` lists them.")
        chosen.append(run)
    if not chosen:
        raise ParameterError("nothing has run yet")
    if found.json:
        print(json.dumps([_document(record, run) for run in chosen], indent=2))
    elif len(chosen) == 2:
        _compare(record, chosen[0], chosen[1])
    else:
        _print_run(record, chosen[0])
    return 0


def _print_run(record: Record, run: Run) -> None:
    print(f"{run.id}  {run.pipeline}  {run.status}  {_took(run.seconds)}  {_written(run)}")
    for one in record.stages(run.id):
        metrics = " ".join(f"{name}={value:.6g}" for name, value in one.metrics.items())
        print(f"  {one.status:<9}  {_took(one.seconds):>8}  {one.node}  {metrics}".rstrip())
        if one.error:
            print(f"             {one.error}")
            for line in (one.trace or "").rstrip().splitlines():
                print(f"             | {line}")
            print(f"             log: {record.path.parent}/runs/{run.id}/{one.node}/log.txt")


def _compare(record: Record, first: Run, second: Run) -> None:
    print(f"{'':32}{first.id:>24}{second.id:>24}")
    names = sorted({*first.parameters, *second.parameters})
    for name in names:
        _line(f"--param {name}", first.parameters.get(name), second.parameters.get(name))
    left = {one.node: one for one in record.stages(first.id)}
    right = {one.node: one for one in record.stages(second.id)}
    for node in dict.fromkeys([*left, *right]):
        one, other = left.get(node), right.get(node)
        _line(node, one and one.status, other and other.status)
        metrics = {**(one.metrics if one else {}), **(other.metrics if other else {})}
        for name in metrics:
            _line(
                f"  {name}",
                one and one.metrics.get(name),
                other and other.metrics.get(name),
            )


def _line(name: str, left: Any, right: Any) -> None:
    mark = " " if left == right else "*"
    shown = [
        f"{value:.6g}" if isinstance(value, float) else "—" if value is None else str(value)
        for value in (left, right)
    ]
    print(f"{mark} {name:<30}{shown[0]:>24}{shown[1]:>24}")


def _document(record: Record, run: Run) -> dict[str, Any]:
    return {**vars(run), "stages": [vars(one) for one in record.stages(run.id)]}


def _took(seconds: float | None) -> str:
    return f"{seconds:.1f} s" if seconds is not None else "—"


def _written(run: Run) -> str:
    return " ".join(f"{name}={value}" for name, value in run.parameters.items())


if __name__ == "__main__":
    sys.exit(main())
