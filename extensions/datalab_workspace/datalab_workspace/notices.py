"""What a person should know when their workspace opens: shown by Lab, ``GET datalab/api/notices``.

Why it runs in safe mode, that the home is full, which GPU it has.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import asdict, dataclass
from typing import Literal

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from . import blame
from .refuge import PROBLEM
from .usersite import SAFE_MODE

_QUERY = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
_PATIENCE = 10.0  # seconds; a driver that has just been loaded takes its time
_NO_GPU = "The GPU cannot be used."

OLDEST_DRIVER = "DATALAB_OLDEST_GPU_DRIVER"
"""Environment variable of images with CUDA: the first release of the driver that it works with."""


@dataclass(frozen=True)
class Notice:
    """A message for the person.

    Attributes:
        level: ``warning`` stays until it is closed, ``info`` goes away by itself.
        text: everything that there is to know.
        title: the same in a line; Lab's notifications end after 140 characters.
    """

    level: Literal["info", "warning"]
    text: str
    title: str


async def collect() -> list[Notice]:
    """Return everything that there is to say."""
    found: list[Notice] = []
    if reason := os.environ.get(SAFE_MODE):
        text = (
            "This workspace runs in safe mode, without the configuration, the kernels and the "
            f"packages in the home directory, because it did not start with them: {reason} "
            "Correct that, then stop the workspace and start it again."
        )
        found.append(Notice("warning", text, "This workspace runs in safe mode."))
    else:
        title = "A configuration file in the home directory is left out."
        found += [
            Notice("warning", f"{each} It is left out.", title) for each in blame.unreadable()
        ]
    if problem := os.environ.get(PROBLEM):
        found.append(Notice("warning", problem, "The home directory takes no files."))
    return found + await gpus()


async def gpus() -> list[Notice]:
    """Return what ``nvidia-smi`` says of the GPUs; nothing where there is no such program."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    process = await asyncio.create_subprocess_exec(
        program, *_QUERY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        text = f"The GPU does not answer within {_PATIENCE:.0f} seconds."
        return [Notice("warning", text, _NO_GPU)]
    text = output.decode(errors="replace").strip()
    if process.returncode:
        why = text.splitlines()[0] if text else f"nvidia-smi ended with {process.returncode}"
        return [Notice("warning", f"The GPU cannot be used: {why}", _NO_GPU)]
    rows = [[part.strip() for part in line.split(",")] for line in text.splitlines()]
    if problem := _too_old(rows[0][2]):
        return [Notice("warning", problem, _NO_GPU)]
    return [Notice("info", _described(rows), f"GPU: {rows[0][0]}")]


def _too_old(driver: str) -> str:
    """Return what to know of a driver that CUDA in this image does not work with."""
    oldest, release = os.environ.get(OLDEST_DRIVER, "0"), driver.partition(".")[0]
    if not release.isdigit() or int(release) >= int(oldest):
        return ""
    return (
        f"The GPU cannot be used from this image: its machine has driver {driver}, which is older "
        f"than {oldest}, the first that the image's CUDA works with. Programs compute on the CPU. "
        "Choose another kind of machine, or tell the operators."
    )


def _described(rows: list[list[str]]) -> str:
    """Return a sentence from rows like ``NVIDIA L4``, ``23034``, ``580.65.06``."""
    kinds: dict[tuple[str, str], int] = {}
    for name, memory, _ in rows:
        kinds[name, memory] = kinds.get((name, memory), 0) + 1
    parts = [
        f"{f'{count} × ' if count > 1 else ''}{name}{_gibibytes(memory)}"
        for (name, memory), count in kinds.items()
    ]
    return f"GPU: {', '.join(parts)}, driver {rows[0][2]}."


def _gibibytes(memory: str) -> str:
    """Return `` (22 GiB)`` for MiB; nothing where the GPU shares the machine's memory: [N/A]."""
    return f" ({round(int(memory) / 1024)} GiB)" if memory.isdigit() else ""


class NoticesHandler(APIHandler):
    """``GET datalab/api/notices``."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with all notices."""
        self.finish({"notices": [asdict(notice) for notice in await collect()]})


def install(server: ServerApp) -> None:
    """Add the handler to a server."""
    base = server.web_app.settings["base_url"]
    handlers = [(url_path_join(base, "datalab/api/notices"), NoticesHandler)]
    server.web_app.add_handlers(".*$", handlers)
