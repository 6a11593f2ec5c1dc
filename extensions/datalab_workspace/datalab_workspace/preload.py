"""What a standby does before it is ready: import everything, and prove that it may fork.

Which modules a server needs depends on what is installed, and much is imported only when a
browser asks for it. So the standby lets a throw-away child *rehearse*: run a server, open Lab,
start a kernel (:mod:`datalab_workspace.rehearsal`). The child reports which modules that
imported; the event loop, the sockets and the ZMQ context that it needed end with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from . import lean

# What a module computes from the home at import would be the same for everybody afterwards.
# It must not be the operator's; with this one it is found by tests, and never there.
HOME = "/nonexistent/datalab-standby"

_PATIENCE = 30  # seconds for a rehearsal on a busy machine

_BASE = ("datalab_workspace.server", "datalab_workspace.extension", "notebook.app", "ssl")


def everything() -> None:
    """Import everything that a server needs, now or when it is asked for something."""
    os.environ["HOME"] = HOME
    lean.import_lab()
    import_modules(_BASE)
    import_modules(_rehearse())
    _fill_caches()


def _fill_caches() -> None:
    """Compute what depends on the environment alone; every child then has it."""
    if "nbconvert" in sys.modules:
        lean.remember_exporters()
    from jupyterlab.commands import get_app_dir
    from jupyterlab_server.settings_utils import get_settings

    from .static import data_directories

    application = Path(get_app_dir())
    get_settings(
        str(application / "settings"),
        str(application / "schemas"),
        settings_dir=HOME,
        labextensions_path=[str(Path(path, "labextensions")) for path in data_directories()],
    )


def import_modules(names: Iterable[str]) -> None:
    """Import modules; one that fails is needed by nobody yet and is only mentioned."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  # an optional module's own trouble
            print(f"Not preloaded: {name}: {error!r}", file=sys.stderr, flush=True)


def _rehearse() -> list[str]:
    """Return the names of the modules that a server imports while it is used."""
    scratch = tempfile.mkdtemp(prefix="datalab-rehearsal-")
    read, write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _rehearse_in_child(scratch, write)
    os.close(write)
    try:
        return json.loads(_read(read, _PATIENCE) or "[]")
    except (TimeoutError, ValueError) as error:
        print(f"The rehearsal failed, workspaces start slower: {error!r}", file=sys.stderr)
        return []
    finally:
        os.close(read)
        os.kill(pid, signal.SIGKILL)  # it has reported, or it never will
        os.waitpid(pid, 0)
        shutil.rmtree(scratch, ignore_errors=True)


def _rehearse_in_child(scratch: str, report: int) -> None:
    status = 1
    try:
        # Standard output is the hub's ear, standard input the lifeline.
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(2, 1)
        os.setsid()
        from .rehearsal import rehearse

        with os.fdopen(report, "w") as file:
            json.dump(rehearse(scratch), file)
        status = 0
    except BaseException:  # noqa: BLE001  # whatever it is, this process must not go on as a zygote
        sys.excepthook(*sys.exc_info())
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # nobody else does when the zygote was killed
        os._exit(status)


def _read(descriptor: int, timeout: float) -> str:
    """Read to the end of file.

    Raises:
        TimeoutError: nothing came for ``timeout`` seconds.
    """
    parts: list[bytes] = []
    while True:
        if not select.select([descriptor], [], [], timeout)[0]:
            raise TimeoutError(f"no report within {timeout} seconds")
        part = os.read(descriptor, 65536)
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def assert_clean(allowed: set[int]) -> None:
    """Refuse to become ready when a fork would copy more than code and data.

    A lock held by another thread would stay locked in every child for ever; an event loop or a
    ZMQ context would be shared by processes that do not know of each other; a descriptor would
    be inherited by every workspace.

    Args:
        allowed: descriptors that the zygote knows and its children close.

    Raises:
        RuntimeError: names the thread, event loop, ZMQ context or descriptor in the way.
    """
    tasks = _listing("/proc/self/task")  # native threads of libraries are only here
    if len(tasks) > 1 or threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        raise RuntimeError(f"The standby must have one thread, it has {len(tasks)}: {names}")
    for loop in (found for found in gc.get_objects() if isinstance(found, asyncio.BaseEventLoop)):
        if not loop.is_closed():
            raise RuntimeError(f"The standby must have no event loop before it forks: {loop!r}")
    zmq = sys.modules.get("zmq")
    if zmq is not None and (context := zmq.Context._instance) is not None:
        raise RuntimeError(f"The standby must have no ZMQ context before it forks: {context!r}")
    open_now = _descriptors()
    if extra := {number: target for number, target in open_now.items() if number not in allowed}:
        raise RuntimeError(f"The standby has descriptors that children would inherit: {extra}")


def _descriptors() -> dict[int, str]:
    found = {}
    for entry in _listing("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that listed them
            found[int(entry.name)] = str(entry.readlink())
    return found


def _listing(directory: str) -> list[Path]:
    """List a directory of ``/proc``; nothing where the system has none."""
    path = Path(directory)
    return list(path.iterdir()) if path.is_dir() else []
