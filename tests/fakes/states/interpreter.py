"""Executing a machine: states, retries, catches, parallel branches and maps."""

from __future__ import annotations

import copy
import json
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .choices import holds
from .data import PathError, fill, put, read

PAYLOAD = 262_144
FIELDS = {
    "Pass": {"Result", "Parameters", "ResultPath", "OutputPath"},
    "Task": {
        *("Resource", "Parameters", "ResultSelector", "ResultPath"),
        *("Retry", "Catch", "TimeoutSeconds"),
    },
    "Choice": {"Choices", "Default"},
    "Wait": {"Seconds"},
    "Succeed": set(),
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
    "Parallel": {"Branches", "ResultSelector", "ResultPath", "Retry", "Catch"},
    "Map": {
        *("ItemsPath", "ItemSelector", "ItemProcessor", "MaxConcurrency"),
        *("ResultPath", "Retry", "Catch"),
    },
}
COMMON = {"Type", "Comment", "Next", "End"}


class StatesError(Exception):
    """An error of the machine: ``error`` (its name) and ``cause``."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


class Stopped(Exception):
    """A sibling failed, so this branch is ended."""


@dataclass
class Execution:
    """How an execution went. ``visited``: the states entered, in order."""

    name: str
    status: str
    output: Any = None
    error: str = ""
    cause: str = ""
    visited: list[str] = field(default_factory=list)


Task = Callable[[str, dict[str, Any], float | None, threading.Event], Any]


class Interpreter:
    """Runs machines. ``task(resource, parameters, timeout, stop)`` does the work of Task states.

    ``pace`` shortens waits: 0.01 makes a second of the machine 10 ms. Timeouts are not shortened.
    """

    def __init__(self, task: Task, *, pace: float = 0.01) -> None:
        self.task, self.pace = task, pace

    def run(self, machine: dict[str, Any], given: dict[str, Any]) -> Execution:
        """Return the execution of ``machine`` with the input ``given``."""
        execution = Execution(str(uuid.uuid4()), "RUNNING")
        context = {"Execution": {"Name": execution.name, "Input": given}}
        try:
            execution.output = self._machine(
                machine, copy.deepcopy(given), context, execution, threading.Event()
            )
            execution.status = "SUCCEEDED"
        except StatesError as error:
            execution.status, execution.error, execution.cause = "FAILED", error.error, error.cause
        return execution

    def _machine(
        self, machine: dict[str, Any], data: Any, context: Any, execution: Execution,
        stop: threading.Event,
    ) -> Any:  # fmt: skip
        name = machine["StartAt"]
        while True:
            if stop.is_set():
                raise Stopped
            state = machine["States"][name]
            unknown = state.keys() - COMMON - FIELDS[state["Type"]]
            assert not unknown, f"{name}: {unknown} is not known here"
            execution.visited.append(name)
            if len(json.dumps(data).encode()) > PAYLOAD:
                raise StatesError("States.DataLimitExceeded", name)
            here = {**context, "State": {"Name": name}}
            data, following = self._step(state, data, here, execution, stop)
            if following is None:
                return data
            name = following

    def _step(
        self, state: dict[str, Any], data: Any, context: Any, execution: Execution,
        stop: threading.Event,
    ) -> tuple[Any, str | None]:  # fmt: skip
        kind = state["Type"]
        following = None if state.get("End") else state.get("Next")
        if kind == "Choice":
            for rule in state["Choices"]:
                try:
                    if holds(rule, data, context):
                        return data, rule["Next"]
                except PathError as error:
                    raise StatesError("States.Runtime", str(error)) from None
            if "Default" not in state:
                raise StatesError("States.NoChoiceMatched", context["State"]["Name"])
            return data, state["Default"]
        if kind == "Wait":
            time.sleep(state["Seconds"] * self.pace)
            return data, following
        if kind == "Succeed":
            return data, None
        if kind == "Fail":
            raise StatesError(
                self._text(state, "Error", data, context), self._text(state, "Cause", data, context)
            )
        attempts: dict[int, int] = {}
        while True:
            try:
                result = self._work(state, data, context, execution, stop)
                if "ResultSelector" in state:
                    result = fill(state["ResultSelector"], result, context)
                return put(state.get("ResultPath", "$"), data, result), following
            except PathError as error:
                failure = StatesError("States.Runtime", str(error))
            except StatesError as error:
                failure = error
            if self._retried(state, failure, attempts):
                continue
            for catcher in state.get("Catch", []):
                if _matches(catcher["ErrorEquals"], failure.error):
                    found = {"Error": failure.error, "Cause": failure.cause}
                    return put(catcher.get("ResultPath", "$"), data, found), catcher["Next"]
            raise failure

    def _retried(
        self, state: dict[str, Any], failure: StatesError, attempts: dict[int, int]
    ) -> bool:
        for number, retrier in enumerate(state.get("Retry", [])):
            if _matches(retrier["ErrorEquals"], failure.error):
                done = attempts.get(number, 0)
                if done >= retrier.get("MaxAttempts", 3):
                    return False
                wait = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** done
                time.sleep(min(wait, retrier.get("MaxDelaySeconds", 1e9)) * self.pace)
                attempts[number] = done + 1
                return True
        return False

    def _work(
        self, state: dict[str, Any], data: Any, context: Any, execution: Execution,
        stop: threading.Event,
    ) -> Any:  # fmt: skip
        kind = state["Type"]
        if kind == "Pass":
            if "Result" in state:
                return copy.deepcopy(state["Result"])
            return fill(state["Parameters"], data, context) if "Parameters" in state else data
        if kind == "Task":
            parameters = fill(state.get("Parameters", {}), data, context)
            return self.task(state["Resource"], parameters, state.get("TimeoutSeconds"), stop)
        if kind == "Parallel":
            work = [
                lambda stop, branch=branch: self._machine(
                    branch, copy.deepcopy(data), context, execution, stop
                )
                for branch in state["Branches"]
            ]
            return _together(work, len(work), stop)
        items = read(state["ItemsPath"], data, context)
        if not isinstance(items, list):
            raise StatesError("States.Runtime", f"{state['ItemsPath']} is not a list")
        work = []
        for number, item in enumerate(items):
            inner = {**context, "Map": {"Item": {"Index": number, "Value": item}}}
            start = fill(state["ItemSelector"], data, inner)
            work.append(
                lambda stop, start=start, inner=inner: self._machine(
                    state["ItemProcessor"], start, inner, execution, stop
                )
            )
        return _together(work, state.get("MaxConcurrency") or 40, stop)

    @staticmethod
    def _text(state: dict[str, Any], name: str, data: Any, context: Any) -> str:
        if f"{name}Path" in state:
            found = read(state[f"{name}Path"], data, context)
            assert isinstance(found, str), f"{name}Path must find text"
            return found
        return str(state.get(name, ""))


def _matches(names: list[str], error: str) -> bool:
    if "States.TaskFailed" in names and error != "States.Timeout":
        return True
    return error in names or ("States.ALL" in names and error != "States.DataLimitExceeded")


def _together(work: list[Any], width: int, outer: threading.Event) -> list[Any]:
    """Run all at once; the first failure ends the others, as in Step Functions."""
    stop = threading.Event()
    failures: list[StatesError] = []

    def one(job: Any) -> Any:
        if stop.is_set() or outer.is_set():
            raise Stopped
        try:
            return job(_Either(stop, outer))
        except StatesError as error:
            failures.append(error)
            stop.set()
            raise

    if not work:
        return []
    with ThreadPoolExecutor(min(width, len(work))) as pool:
        futures = [pool.submit(one, job) for job in work]
        errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None and not isinstance(error, StatesError | Stopped):
            raise error
    if failures:
        raise failures[0]
    if outer.is_set():
        raise Stopped
    return [future.result() for future in futures]


class _Either(threading.Event):
    """Set when either of two events is."""

    def __init__(self, *events: threading.Event) -> None:
        super().__init__()
        self.events = events

    def is_set(self) -> bool:
        return any(event.is_set() for event in self.events)
