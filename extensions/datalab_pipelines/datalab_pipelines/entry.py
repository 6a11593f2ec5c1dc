"""The stage entry point: run one stage, here and on AWS alike.

The arguments say everything: where things are kept (``--store``), the run and the node, the
stage's address, and where each of its arguments comes from::

    python -m datalab_pipelines.stage --store s3://bucket/churn --run 4f1c --node train
        --stage stages.train:train --input data=prepare.train --value seed=42

Inside loops ``--turn 3/0`` gives the number of each, and ``--node train/{0}/{1}`` uses it. What
the state machine knows only when it runs comes through the environment: ``DATALAB_STORE``,
``DATALAB_RUN``, ``DATALAB_TURN``, and ``--from seed=NAME`` for the JSON in the variable ``NAME``.

Inputs are read, the function is called, its outputs and metrics are written. The exit status is 0,
or 1 after a failure, which is then described in ``failure.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, chdir, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from . import artifacts, hints
from .errors import ArtifactError, PipelineError
from .outputs import tables_as_in_notebooks
from .results import ONLY, SCHEMA, Reference, failure_key, read_value, result_key
from .serializers import plain, save
from .settings import SageMakerEndpoint, SageMakerTuning
from .stages import Stage
from .stores import Store, open_store

PROOF = "DATALAB_EXPORT_PROOF"  # the folder in which an export's proof wants notes
EXPORT_RECORD = ".datalab-export.json"  # in the folder of a project that was a notebook
LARGEST_VALUE = 100_000
LONGEST_MESSAGE = 8_000
# SageMaker shows the first 1,024 characters of this file as the job's FailureReason:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
# https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
PROCESSING_JOB = artifacts.ML / "config" / "processingjobconfig.json"
SAGEMAKER_FAILURE = artifacts.ML / "output" / "failure"


@dataclass
class Call:
    """One call of a stage, as its command line describes it."""

    store: str
    run: str
    node: str
    stage: str
    inputs: dict[str, Reference | list[Reference | Any]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, arguments: list[str]) -> Call:
        """Return the call that ``arguments`` describe; argparse exits on a malformed one."""
        parser = argparse.ArgumentParser(prog="python -m datalab_pipelines.stage")
        given = os.environ.get
        store, run = given("DATALAB_STORE"), given("DATALAB_RUN")
        parser.add_argument(
            "--store", default=store, required=not store, help="a folder, or s3://bucket/prefix"
        )
        parser.add_argument(
            "--run", default=run, required=not run, help="the run's (execution's) name"
        )
        parser.add_argument(
            "--turn", default=given("DATALAB_TURN", ""), help="3/0: the numbers of the turns"
        )
        parser.add_argument("--node", required=True, help="the node's name in the graph")
        parser.add_argument("--stage", required=True, help="module:function")
        parser.add_argument(
            "--input", action="append", default=[], help="argument=node.output, or argument[]=…"
        )
        parser.add_argument("--value", action="append", default=[], help="argument=JSON")
        parser.add_argument(
            "--from",
            action="append",
            default=[],
            dest="late",
            help="argument=VARIABLE, which holds JSON",
        )
        found = parser.parse_args(arguments)
        turn = [part for part in found.turn.split("/") if part]
        call = cls(found.store, found.run, found.node.format(*turn), found.stage)
        for text in found.input:
            name, _, reference = text.partition("=")
            call._add(name, Reference.parse(reference.format(*turn)))
        values = [one.partition("=") for one in found.value]
        for one in found.late:
            name, _, variable = one.partition("=")
            values.append((name, "=", os.environ.get(variable, "")))
        for name, _, document in values:
            try:
                call._add(name, json.loads(document))
            except ValueError:
                parser.error(f"{name}: {document!r} is not JSON")
        return call

    def _add(self, name: str, value: Any) -> None:
        """Keep one argument; ``name[2]`` is an element of a list."""
        if name.endswith("]"):
            name, _, number = name[:-1].partition("[")
            several = self.inputs.setdefault(name, [])
            assert isinstance(several, list)
            several += [None] * (int(number) + 1 - len(several))
            several[int(number)] = value
        elif isinstance(value, Reference):
            self.inputs[name] = value
        else:
            self.values[name] = value


def find(address: str) -> Stage[..., Any]:
    """Return the stage at ``module:name``; raises ``ArtifactError`` when there is none."""
    module, _, name = address.partition(":")
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise ArtifactError(
                f"there is no module {module!r} in {Path.cwd()}",
                hint="Stages are found from the project's folder (on AWS: the image's working "
                "directory).",
            ) from None
        raise
    found = getattr(found, name, None)
    if not isinstance(found, Stage):
        raise ArtifactError(f"{address} is not a stage")
    return found


def execute(call: Call) -> dict[str, Any]:
    """Run ``call``; return the result document that was written. Raises what the stage raises."""
    with closing(open_store(call.store)) as store, _heard():
        return _execute(call, store)


def _execute(call: Call, store: Store) -> dict[str, Any]:
    # Figures that a stage shows become files of its run.
    os.environ.setdefault("MPLBACKEND", "module://datalab_pipelines.figures")
    stage = find(call.stage)
    tables_as_in_notebooks()
    arguments = read_arguments(call, store)
    began, clock = datetime.now(UTC), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="datalab-") as scratch:
        report = Path(scratch) / "report"
        os.environ[artifacts.REPORT] = str(report)
        with _folder_of_its_own(Path(scratch)), stage.in_its_folder():
            value = invoke(stage, arguments)
            document = write_outputs(stage, value, store, Path(scratch))
        for path in sorted(report.glob("*")) if report.is_dir() else ():
            store.put_file(f"runs/{call.run}/{call.node}/report/{path.name}", path)
    document |= {
        "schema": SCHEMA,
        "node": call.node,
        "stage": call.stage,
        "began": began.isoformat(timespec="milliseconds"),
        "seconds": round(time.perf_counter() - clock, 3),
    }
    store.write_json(result_key(call.run, call.node), document)
    forgive(store, call)
    return document


def _heard() -> AbstractContextManager[None]:
    """While an export is proved, hear what is printed from before the stage's modules on."""
    if not os.environ.get(PROOF):
        return nullcontext()
    from .outputs import hearing

    return hearing()


@contextmanager
def _folder_of_its_own(scratch: Path) -> Iterator[None]:
    """Work in a copy of the project while an export is proved.

    On AWS every stage has a container of its own, so what one writes to disk no other finds.
    """
    if not os.environ.get(PROOF):
        yield
        return
    copy = scratch / "project"
    ignored = shutil.ignore_patterns(".datalab", ".git", "__pycache__", "tests", ".proof")
    shutil.copytree(Path.cwd(), copy, ignore=ignored)
    with chdir(copy):
        yield


def forgive(store: Store, call: Call) -> None:
    """Forget the run's failure when it was an earlier attempt of this node."""
    try:
        failure = store.read_json(failure_key(call.run))
    except KeyError:
        return
    if failure["node"] == call.node:
        store.write_json(failure_key(call.run), {**failure, "forgiven": True})


def read_arguments(call: Call, store: Store) -> dict[str, Any]:
    """Return the stage's arguments: the values given, and the inputs loaded."""
    arguments = dict(call.values)
    elsewhere = _was_a_notebook()
    for name, reference in call.inputs.items():
        if isinstance(reference, list):
            arguments[name] = [
                read_value(store, call.run, one, elsewhere=elsewhere)
                if isinstance(one, Reference)
                else one
                for one in reference
            ]
        else:
            arguments[name] = read_value(store, call.run, reference, elsewhere=elsewhere)
    return arguments


def _was_a_notebook() -> bool:
    """Say whether the stages were a notebook's cells, in which all variables are the same objects.

    Who writes a pipeline by hand knows that a stage gets copies, of functions and classes, too.
    """
    return bool(os.environ.get(PROOF)) or Path(EXPORT_RECORD).exists()


def invoke(stage: Stage[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call the stage's function the way its compute asks for."""
    compute = stage.settings.compute
    if isinstance(compute, SageMakerTuning):
        from .tuning import tune

        return tune(stage, compute, arguments)
    if os.environ.get(PROOF):
        from .probing import probed

        return probed(stage, arguments)
    value = stage.function(**arguments)
    if isinstance(compute, SageMakerEndpoint):
        if not callable(value):
            raise ArtifactError(
                f"the endpoint stage {stage.name} returned {value!r}, not a function",
                place=stage.place,
            )
        return {"endpoint": compute.name or stage.name}
    return value


def write_outputs(
    stage: Stage[..., Any], value: Any, store: Store, scratch: Path
) -> dict[str, Any]:
    """Store what a stage returned; return the ``outputs``, ``values`` and ``metrics`` of it."""
    parts, returns = parts_of(stage, value)
    metrics = set(stage.metrics())
    document: dict[str, Any] = {"outputs": {}, "values": {}, "metrics": {}, "returns": returns}
    declared = {ONLY: stage.returns} if stage.outputs is None else stage.outputs
    for name, part in parts.items():
        folder = scratch / "outputs" / name
        try:
            manifest = save(part, folder, hints.bare(declared[name]))
        except ArtifactError as error:
            raise ArtifactError(
                f"the output {name!r} of {stage.name}: {error.message}",
                hint=error.hint,
                place=stage.place,
            ) from None
        store.put_artifact(manifest["sha256"], folder)
        document["outputs"][name] = {
            "artifact": manifest["sha256"],
            "type": manifest["type"],
            "format": manifest["format"],
            "bytes": manifest["bytes"],
        }
        if manifest["format"] == "json" and manifest["bytes"] <= LARGEST_VALUE and plain(part):
            document["values"][name] = part
        if name in metrics:
            document["metrics"][name] = document["values"][name] = float(part)
    return document


def parts_of(stage: Stage[..., Any], value: Any) -> tuple[dict[str, Any], str]:
    """Return the named outputs in ``value``, and what they are parts of.

    Raises ``ArtifactError`` when the stage returned something else than it declares.
    """
    if isinstance(stage.settings.compute, SageMakerEndpoint):
        return {ONLY: value}, ""
    _check_type(stage, value)
    if stage.outputs is None:
        return {ONLY: value}, ""
    returns = hints.bare(stage.returns)
    if isinstance(returns, type) and (hasattr(returns, "_fields") or hasattr(returns, "__name__")):
        origin = getattr(returns, "__origin__", None)
        if origin is not tuple and returns is not tuple:
            names = list(stage.outputs)
            where = f"{returns.__module__}:{returns.__qualname__}"
            return {name: getattr(value, name) for name in names}, where
    if len(value) != len(stage.outputs):
        raise ArtifactError(
            f"stage {stage.name}() returned {len(value)} values and declares {len(stage.outputs)}",
            place=stage.place,
        )
    return {str(number): part for number, part in enumerate(value)}, "tuple"


def _check_type(stage: Stage[..., Any], value: Any) -> None:
    wanted = hints.bare(stage.returns)
    fits = isinstance(value, tuple) if stage.outputs is not None else hints.accepts(value, wanted)
    if stage.outputs is not None and isinstance(wanted, type) and wanted is not tuple:
        fits = isinstance(value, wanted) if not hasattr(wanted, "__origin__") else fits
    if not fits and not (type(value).__module__ == "numpy" and wanted in (int, float, bool)):
        from .stages import Metric

        if wanted is Metric and isinstance(value, int | float) and not isinstance(value, bool):
            return
        raise ArtifactError(
            f"stage {stage.name}() returned a {type(value).__name__} and declares "
            f"{hints.says(wanted)}",
            hint="Return what the hint says, or correct the hint.",
            place=stage.place,
        )


def describe(error: BaseException, call: Call) -> dict[str, Any]:
    """Return the failure document: class, message, stage, trace, and where the log is."""
    frames = traceback.TracebackException.from_exception(error)
    text = "".join(frames.format())
    return {
        "schema": SCHEMA,
        "error": type(error).__name__,
        "message": str(error)[:LONGEST_MESSAGE],
        "stage": call.stage,
        "node": call.node,
        "run": call.run,
        "trace": text[-LONGEST_MESSAGE:],
        "log": log_link(call),
    }


def log_link(call: Call) -> str:
    """Return where the log of this call is: a link into CloudWatch on AWS, a file here."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    group, stream = (
        os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME"),
        os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
    )
    if not group and os.environ.get("TRAINING_JOB_NAME"):
        group = "/aws/sagemaker/TrainingJobs"
        stream = os.environ["TRAINING_JOB_NAME"]
    elif not group and PROCESSING_JOB.exists():
        group = "/aws/sagemaker/ProcessingJobs"
        stream = json.loads(PROCESSING_JOB.read_text())["ProcessingJobName"]
    if group and region:
        # Console links write "/" as $252F: %2F, twice quoted, with $ for %.
        quoted = [part.replace("/", "$252F") for part in (group, stream or "")]
        return (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#logsV2:log-groups/log-group/{quoted[0]}/log-events/{quoted[1]}"
        )
    return f"runs/{call.run}/{call.node}/log.txt"


def fail(error: BaseException, call: Call) -> dict[str, Any]:
    """Write the failure document where people and the state machine look for it; return it."""
    document = describe(error, call)
    try:
        store = open_store(call.store)
        store.write_json(failure_key(call.run, call.node), document)
        store.write_json(failure_key(call.run), document)
    except Exception as second:  # noqa: BLE001 - the first error matters more
        print(f"The failure could not be recorded: {second}", file=sys.stderr)
    if SAGEMAKER_FAILURE.parent.is_dir():
        SAGEMAKER_FAILURE.write_text(f"{document['error']}: {document['message']}"[:1024])
    return document


def project_on_path() -> None:
    """Let the stage's module be found in the working directory, as ``python script.py`` would."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def end_with_runner() -> None:
    """End this process when the local runner is gone, however it went."""
    runner = os.environ.get("DATALAB_PARENT")
    if not runner:
        return

    def watch() -> None:
        while os.getppid() == int(runner):
            time.sleep(0.5)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    project_on_path()
    end_with_runner()
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["train"]:
        from .tuning import arguments_of_trial

        given = arguments_of_trial()
    elif given[:1] == ["serve"]:
        from .serve import serve

        return serve(json.loads(os.environ["DATALAB_ARGUMENTS"]))
    call = Call.parse(given)
    try:
        execute(call)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stage raises is its failure
        fail(error, call)
        if isinstance(error, PipelineError):
            print(error, file=sys.stderr)
        else:
            traceback.print_exc()
        return 1
    return 0


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer a Lambda invocation: ``{"arguments": […]}``, the same as the command line's."""
    project_on_path()
    os.environ.update(event.get("environment", {}))
    call = Call.parse(list(event["arguments"]))
    try:
        document = execute(call)
    except BaseException as error:
        fail(error, call)
        raise
    return {"node": call.node, "values": document["values"], "metrics": document["metrics"]}
