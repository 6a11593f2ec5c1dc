"""``run``: one run of a pipeline on this machine, from parameters to outcome."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import signal
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import ParameterError, PipelineError
from ..parameters import resolve
from ..results import Reference, read_value
from ..stores import FolderStore
from .engine import Engine
from .progress import Progress
from .record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..pipelines import Pipeline

FOLDER = ".datalab"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``status``: succeeded, failed, cancelled."""

    run: str
    status: str
    seconds: float
    folder: Path
    error: PipelineError | None = None

    def value(self, name: str) -> Any:
        """Return what a node gave (``train``, ``split.test``, ``train/3``, ``train/*``)."""
        return read_value(FolderStore(self.folder), self.run, Reference.parse(name))


def folder_of(pipeline: Pipeline[..., Any]) -> Path:
    """Return where a pipeline's runs are kept: ``.datalab`` beside its script."""
    return pipeline.root / FOLDER


def run_pipeline(
    pipeline: Pipeline[..., Any],
    parameters: Mapping[str, Any] | None = None,
    *,
    jobs: int = 0,
    fresh: bool = False,
    resume: str | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Run ``pipeline`` here and return how it ended.

    ``jobs`` stages run at a time (the number of processors by default). With ``fresh`` nothing of
    earlier runs is reused. ``resume`` goes on with a run that failed or was stopped: its id, or
    "" for the last one; its parameters then are those it began with.
    """
    folder = (folder or folder_of(pipeline)).resolve()
    graph = pipeline.graph
    record = Record(folder)
    if resume is not None:
        earlier = _to_resume(record, pipeline.name, resume)
        run, values = earlier.id, resolve(pipeline.parameters, earlier.parameters)
    else:
        values = resolve(pipeline.parameters, parameters or {})
        run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    progress = progress or Progress(len(graph.stages()))
    engine = Engine(
        graph,
        root=pipeline.root,
        folder=folder,
        run=run,
        parameters=values,
        record=record,
        progress=progress,
        jobs=jobs or os.cpu_count() or 1,
        reuse=not fresh,
        own=resume is not None,
    )
    timeout = pipeline.options.timeout
    began = time.monotonic()
    with _alone(folder, run):
        record.begin(run, pipeline.name, values)
        status, error = "succeeded", None
        try:
            asyncio.run(_until_signal(engine, timeout.total_seconds() if timeout else None))
        except PipelineError as found:
            status, error = "failed", found
        except TimeoutError:
            status = "failed"
            error = PipelineError(f"the pipeline was not finished after {timeout}")
        except (KeyboardInterrupt, asyncio.CancelledError):
            status = "cancelled"
        except BaseException as found:
            record.end(run, "failed", time.monotonic() - began, repr(found))
            raise
        finally:
            progress.close()
        seconds = time.monotonic() - began
        record.end(run, status, seconds, str(error) if error else None)
    return Outcome(run, status, seconds, folder, error)


async def _until_signal(engine: Engine, seconds: float | None) -> None:
    """Run the engine; SIGTERM ends it as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except (ValueError, RuntimeError):
        pass  # not the main thread: whoever runs us there handles signals
    async with asyncio.timeout(seconds):
        await engine.run_all()


def _to_resume(record: Record, pipeline: str, run: str) -> Any:
    if run:
        found = record.find(run)
        if found is None:
            raise ParameterError(
                f"there is no run {run!r}", hint="`runs` lists them; the beginning of an id will do"
            )
        return found
    for one in record.runs(pipeline):
        if one.status != "succeeded":
            return one
    raise ParameterError(f"no run of {pipeline} failed or was stopped", hint="Leave --resume away.")


@contextmanager
def _alone(folder: Path, run: str) -> Iterator[None]:
    """Hold a lock on the run, so that it is not resumed while it runs."""
    path = folder / "runs" / run / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file: IO[str]
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ParameterError(f"the run {run} is running already") from None
        yield
