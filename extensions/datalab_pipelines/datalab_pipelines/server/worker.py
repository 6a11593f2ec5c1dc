"""The child processes: ``plan`` answers orders until its input ends, ``export`` does one.

Everything that reads a person's notebook happens here, so that the server's event loop stays free
and cancelling is ending a process. Orders and answers are JSON, one a line. Standard input is also
the lifeline: when it ends, so does the server, and with it the job. SIGTERM unwinds: what is half
written is removed, and what was started ends.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from .reaping import MARK, reap

Say = Callable[[dict[str, Any]], None]
CLEANING = 4.0  # seconds to unwind when the server is gone; then everything ends at once


def main(arguments: list[str]) -> int:
    """Do what the orders say; each ends with a line that holds ``result`` or ``error``."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C in the server's terminal is for the server
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the exporter or a notebook prints is no answer
    orders = os.fdopen(os.dup(0), "r", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # and no child of ours reads orders

    def say(event: dict[str, Any]) -> None:
        lines.write(json.dumps(event, default=str) + "\n")
        lines.flush()

    if arguments == ["plan"]:
        return _plan(orders, say)
    order = json.loads(orders.readline())
    threading.Thread(target=_watch, args=(orders,), daemon=True).start()
    try:
        return _export(order, say)
    finally:
        if job := os.environ.get(MARK):
            reap(job)


def _plan(orders: Any, say: Say) -> int:
    from . import core

    planner = core.Planner()
    for line in orders:
        order = json.loads(line)
        _answer(order, planner.preview, say)
    return 0


def _export(order: dict[str, Any], say: Say) -> int:
    from . import core

    def work(order: dict[str, Any]) -> dict[str, Any]:
        notebook, folder = Path(order["notebook"]), Path(order["folder"])
        return core.run(notebook, folder, order, report=say)

    return _answer(order, work, say)


def _answer(
    order: dict[str, Any], work: Callable[[dict[str, Any]], dict[str, Any]], say: Say
) -> int:
    from datalab_pipelines.export import ExportError

    try:
        say({"result": work(order)})
    except ExportError as error:
        found = error.to_json()
        # Paths as the file browser shows them; the command's options are fields of the panel.
        for key in ("message", "hint"):
            text = str(found[key]).replace(f"{order['root']}{os.sep}", "")
            found[key] = re.sub(r" with --to\b", "", text)
        say({"error": found})
        return 2
    except Exception as error:  # noqa: BLE001 - the last line of a child: told, not hidden
        traceback.print_exc()
        hint = "The server's log has the details."
        say({"error": {"message": f"{type(error).__name__}: {error}", "hint": hint}})
        return 1
    return 0


def _watch(orders: Any) -> None:
    """End the job when the server has gone."""
    orders.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(CLEANING)
    if job := os.environ.get(MARK):
        reap(job)
    os._exit(143)


def _end(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
