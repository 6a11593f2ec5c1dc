"""Running a graph: each node when what it needs is there, branches and loops as they turn out."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import wiring
from ..artifacts import CHECKPOINTS
from ..errors import PipelineError, StageFailed
from ..graph import (
    AttemptNode,
    ChoiceNode,
    LoopNode,
    Node,
    Output,
    Region,
    Source,
    StageNode,
    needs,
)
from ..pipelines import Graph
from ..results import ONLY, failure_key, result_key
from ..stores import FolderStore
from .fingerprint import fingerprint
from .process import run_stage
from .progress import Progress
from .record import Record
from .values import Turn, Values

LONGEST_LOCAL_WAIT = 2.0


@dataclass
class Engine:
    """One run of a graph. ``reuse``: take results of unchanged stages from earlier runs.

    ``own`` also takes those that this run itself left when it was interrupted.
    """

    graph: Graph
    root: Path
    folder: Path
    run: str
    parameters: dict[str, Any]
    record: Record
    progress: Progress
    jobs: int
    reuse: bool = True
    own: bool = False

    def __post_init__(self) -> None:
        self.store = FolderStore(self.folder)
        self.nodes: dict[str, Node] = {node.name: node for node in self.graph.body.walk()}
        self.values = Values(self.store, self.run, self.nodes, self.parameters)
        self.slots = asyncio.Semaphore(self.jobs)

    async def run_all(self) -> None:
        """Run the graph; raises ``StageFailed`` for the stage that failed first."""
        try:
            await self._region(self.graph.body, Turn())
        except* PipelineError as group:
            raise _first(group) from None

    async def _region(self, region: Region, turn: Turn) -> None:
        tasks: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            for node in region.nodes:
                before = [tasks[name] for name in sorted(needs(node, region))]
                tasks[node.name] = group.create_task(self._node(node, before, turn))

    async def _node(self, node: Node, before: list[asyncio.Task[None]], turn: Turn) -> None:
        for task in before:
            await task
        if isinstance(node, StageNode):
            await self._stage(node, turn)
        elif isinstance(node, ChoiceNode):
            holds = self.values.holds(node.condition, turn)
            taken, left = (node.then, node.other) if holds else (node.other, node.then)
            self._skip(left, turn)
            await self._region(taken, turn)
            self._alias(node, taken, turn)
        elif isinstance(node, LoopNode):
            await self._loop(node, turn)
        elif isinstance(node, AttemptNode):
            await self._attempt(node, turn)

    async def _loop(self, node: LoopNode, turn: Turn) -> None:
        items = self.values.value(node.items, turn)
        if not isinstance(items, list | tuple):
            raise StageFailed(
                f"{node.name}: loops over a {type(items).__name__}, not a list", place=node.place
            )
        width = asyncio.Semaphore(node.at_once or len(items) or 1)

        async def once(number: int, item: Any) -> None:
            async with width:
                here = Turn((*turn.numbers, number), (*turn.items, item))
                await self._region(node.body, here)

        async with asyncio.TaskGroup() as group:
            for number, item in enumerate(items):
                group.create_task(once(number, item))

    async def _attempt(self, node: AttemptNode, turn: Turn) -> None:
        try:
            await self._region(node.body, turn)
            taken = node.body
        except* StageFailed as group:
            self.progress.note(node.name, f"{_first(group).message}; going on with the rescue")
            taken = node.rescue
        if taken is node.rescue:
            await self._region(node.rescue, turn)
        else:
            self._skip(node.rescue, turn)
        self._alias(node, taken, turn)

    def _alias(self, node: Node, region: Region, turn: Turn) -> None:
        if isinstance(region.result, Output):
            of = str(wiring.parsed(region.result, self.nodes, turn.numbers))
            self.store.write_json(f"runs/{self.run}/{node.name}{turn.path}/alias.json", {"of": of})

    def _skip(self, region: Region, turn: Turn) -> None:
        for node in region.walk():
            if isinstance(node, StageNode) and node.loops == len(turn.numbers):
                self.record.stage(self.run, node.name + turn.path, "skipped", attempts=0)
                self.progress.end(node.name + turn.path, "skipped")

    async def _stage(self, node: StageNode, turn: Turn) -> None:
        key = node.name + turn.path
        mark = fingerprint(node.stage, self.values.inputs(node, turn), self.root)
        if self._reused(node, key, mark):
            return
        retry = node.stage.settings.retry
        attempts = 1 + (retry.attempts if retry else 0)
        async with self.slots:
            self.progress.begin(key)
            failure: dict[str, Any] | None = None
            began = datetime.now(UTC)
            for attempt in range(1, attempts + 1):
                began = datetime.now(UTC)
                self.record.stage(self.run, key, "running", attempts=attempt, began=_time(began))
                try:
                    failure = await self._once(node, key, turn)
                except asyncio.CancelledError:
                    seconds = (datetime.now(UTC) - began).total_seconds()
                    self.record.stage(
                        self.run,
                        key,
                        "cancelled",
                        attempts=attempt,
                        began=_time(began),
                        seconds=seconds,
                    )
                    self.progress.end(key, "cancelled")
                    raise
                if failure is None:
                    return self._succeeded(key, mark, attempt)
                if attempt < attempts and retry:
                    wait = min(
                        retry.wait.total_seconds() * retry.backoff ** (attempt - 1),
                        LONGEST_LOCAL_WAIT,
                    )
                    self.progress.note(key, f"{failure['error']}; trying again in {wait:.0f} s")
                    await asyncio.sleep(wait)
        assert failure is not None
        self._failed(node, key, failure, attempts, began)

    async def _once(self, node: StageNode, key: str, turn: Turn) -> dict[str, Any] | None:
        """Run the stage once; return its failure document, or None."""
        log = self.folder / "runs" / self.run / key / "log.txt"
        environment = {
            CHECKPOINTS: str(self.folder / "checkpoints" / self.run / key),
            "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"),
            "PYTHONUNBUFFERED": "1",
        }
        timeout = node.stage.settings.timeout
        seconds = timeout.total_seconds() if timeout else None
        command = self._command(node, turn)
        self.store.write_json(f"runs/{self.run}/{key}/call.json", {"arguments": command})
        failed = self.folder / failure_key(self.run, key)
        failed.unlink(missing_ok=True)
        try:
            async with asyncio.timeout(seconds):
                status = await run_stage(command, self.root, log, environment)
        except TimeoutError:
            return {"error": "Timeout", "message": f"not finished after {timeout}", "trace": ""}
        if status == 0:
            return None
        try:
            document: dict[str, Any] = self.store.read_json(failure_key(self.run, key))
        except KeyError:
            document = {
                "error": "Killed" if status < 0 else "Exit",
                "message": f"ended by signal {-status}; too little memory is the usual cause"
                if status == -9
                else f"ended by signal {-status}"
                if status < 0
                else f"ended with status {status} before it could say why",
                "trace": "\n".join(log.read_text(errors="replace").splitlines()[-20:]),
            }
        return document

    def _succeeded(self, key: str, mark: str, attempts: int) -> None:
        document = self.store.read_json(result_key(self.run, key))
        self.record.stage(
            self.run,
            key,
            "succeeded",
            attempts=attempts,
            began=document["began"],
            seconds=document["seconds"],
            fingerprint=mark,
            metrics=document["metrics"],
        )
        self.record.remember(mark, document)
        metrics = [
            f"{key if name == ONLY else name} {value:.4g}"
            for name, value in document["metrics"].items()
        ]
        self.progress.end(key, "succeeded", ", ".join(metrics))

    def _failed(
        self,
        node: StageNode,
        key: str,
        failure: dict[str, Any],
        attempts: int,
        began: datetime,
    ) -> None:
        text = f"{failure['error']}: {failure['message']}"
        self.record.stage(
            self.run,
            key,
            "failed",
            attempts=attempts,
            began=_time(began),
            seconds=(datetime.now(UTC) - began).total_seconds(),
            error=text,
            trace=failure["trace"],
        )
        self.progress.end(key, "failed", text.splitlines()[0])
        raise StageFailed(
            f"the stage {key} failed: {text}",
            hint=f"Its log: {self.folder / 'runs' / self.run / key / 'log.txt'}",
            place=node.place,
        )

    def _reused(self, node: StageNode, key: str, mark: str) -> bool:
        if self.own:
            earlier = {one.node: one for one in self.record.stages(self.run)}.get(key)
            usable = earlier is not None and earlier.fingerprint == mark
        else:
            usable = False
        if not usable and not (self.reuse and node.stage.settings.cache):
            return False
        document = self.record.recall(mark)
        if document is None or not all(
            self.store.has_artifact(one["artifact"]) for one in document["outputs"].values()
        ):
            return False
        document = {**document, "node": key}
        self.store.write_json(result_key(self.run, key), document)
        self.record.stage(
            self.run,
            key,
            "reused",
            attempts=0,
            began=document["began"],
            seconds=document["seconds"],
            fingerprint=mark,
            metrics=document["metrics"],
        )
        self.progress.end(key, "reused")
        return True

    def _command(self, node: StageNode, turn: Turn) -> list[str]:
        command = ["--store", str(self.folder), "--run", self.run, "--turn", turn.path]
        command += ["--node", wiring.key(node), "--stage", node.stage.address]

        def known(name: str, source: Source) -> list[str]:
            return ["--value", f"{name}={wiring.written(self.values.value(source, turn))}"]

        for name, source in node.arguments.items():
            command += wiring.arguments(name, source, self.nodes, known)
        return command


def _first(group: BaseExceptionGroup[PipelineError]) -> PipelineError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, PipelineError)
    return error


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
