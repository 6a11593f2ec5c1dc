"""The server's end of the planning process: warm, so that an edit shows at once.

Importing the exporter and analysing a notebook take a second or more; planning again takes
milliseconds. So one process stays for a while, and is replaced when it hangs or dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import Any

IDLE = 300.0  # seconds without an order after which the process ends
LONGEST = 60.0  # seconds for one answer
LONGEST_LINE = 64 * 2**20


class PlanningFailed(Exception):
    """The process gave no answer; says why."""


class PlanningProcess:
    """Answers one order after the other."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._rest: asyncio.TimerHandle | None = None

    async def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return ``{"result": …}`` or ``{"error": …}``. Raises ``PlanningFailed``."""
        async with self._turn:
            if self._rest:
                self._rest.cancel()
            process = await self._started()
            assert process.stdin and process.stdout
            try:
                process.stdin.write(json.dumps(order).encode() + b"\n")
                line = await asyncio.wait_for(process.stdout.readline(), LONGEST)
            except TimeoutError:
                await self._kill()
                raise PlanningFailed(f"The analysis took longer than {LONGEST:.0f} s") from None
            except BaseException:  # the browser went, the pipe broke: its answer would come next
                await self._kill()
                raise
            if not line:
                code = await process.wait()
                raise PlanningFailed(f"The analysis ended unexpectedly (exit code {code})")
            self._rest = asyncio.get_running_loop().call_later(IDLE, self._end)
            found: dict[str, Any] = json.loads(line)
            return found

    async def close(self) -> None:
        """End the process."""
        if self._rest:
            self._rest.cancel()
        await self._kill()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "datalab_pipelines.server.worker", "plan"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=LONGEST_LINE,
            )
        return self._process

    def _end(self) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    async def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
