"""The child process: one order on standard input, JSON lines on standard output.

Everything that reads a person's notebook happens here, so that the server's event loop stays free
and cancelling is ending a process. SIGTERM unwinds: a half-written project is removed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn


def main() -> int:
    """Do what the order says; the last line holds ``result`` or ``error``."""
    signal.signal(signal.SIGTERM, _end)
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the exporter or a notebook prints is no answer

    def say(event: dict[str, Any]) -> None:
        lines.write(json.dumps(event, default=str) + "\n")
        lines.flush()

    order = json.load(sys.stdin)
    from datalab_pipelines.export import ExportError

    from . import core

    try:
        notebook = Path(order["notebook"])
        if order["do"] == "preview":
            say({"result": core.preview(notebook, order["choices"])})
        else:
            say(
                {
                    "result": core.run(
                        notebook,
                        Path(order["folder"]),
                        order["choices"],
                        verify=order["verify"],
                        commit=order["commit"],
                        report=say,
                    )
                }
            )
    except ExportError as error:
        say({"error": error.to_json()})
        return 2
    except Exception as error:  # noqa: BLE001 - the last line of a child: told, not hidden
        traceback.print_exc()
        hint = "The server's log has the details."
        say({"error": {"message": f"{type(error).__name__}: {error}", "hint": hint}})
        return 1
    return 0


def _end(*_: object) -> NoReturn:
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
