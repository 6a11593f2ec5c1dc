"""From a process that knows nobody to one person's workspace."""

from __future__ import annotations

import gc
import importlib
import os
import random
import resource
import site
import socket
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from . import wire

_MAX_CLAIM = 1 << 20  # bytes
_DESCRIPTORS = 2  # the listening socket, the log
_COMM_LENGTH = 15  # bytes that Linux keeps of a process's short name

# Libraries size their thread pools by the machine's cores, not by what they may use.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)

# Modules that keep a path below the home in a global. A test finds them.
_COMPUTED_FROM_HOME = ("send2trash.plat_other",)

# Generators that existed before the fork, so that every child would draw the same from them.
_generators: list[random.Random] = []


def serve(connection: socket.socket) -> NoReturn:
    """Offer this process, become what the claim says, and run the server to its end."""
    try:
        claim, (listener, log) = offer(connection)
    except (EOFError, ConnectionError):
        os._exit(0)  # nothing was touched, nothing is to be cleaned up
    become(claim, log)
    connection.close()
    from .server import run

    run(claim.argv, socket.socket(fileno=listener))
    sys.exit(0)


def offer(connection: socket.socket) -> tuple[wire.Claim, list[int]]:
    """Say hello and wait for the one claim.

    Returns:
        the claim, and the descriptors that came with it (not inheritable).

    Raises:
        EOFError: the hub went away without claiming this process.
        WireError: it sent something else.
    """
    connection.setblocking(True)
    connection.sendall(wire.encode(wire.Hello(pid=os.getpid())))
    # Without the flag the descriptors would be inherited by every terminal.
    data, descriptors, _, _ = socket.recv_fds(
        connection, 65536, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    while data and not data.endswith(b"\n") and len(data) < _MAX_CLAIM:
        chunk = connection.recv(65536)
        if not chunk:
            break
        data += chunk
    if not data.endswith(b"\n"):
        raise EOFError("no claim")
    claim = wire.decode(data)
    if not isinstance(claim, wire.Claim) or len(descriptors) != _DESCRIPTORS:
        raise wire.WireError("expected a claim with a listening socket and a log")
    return claim, descriptors


def become(claim: wire.Claim, log: int) -> None:
    """Apply a claim to this process. After it, nothing of the standby's own is left.

    Args:
        log: descriptor that takes standard output and error; closed here.
    """
    with suppress(PermissionError):  # a cold process leads its session already
        os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    for spare in {null, log} - {0, 1, 2}:
        os.close(spare)
    _limit(claim)
    _name(claim)
    if claim.uid is not None:
        # In this order: without root neither groups nor gid could be changed any more.
        os.setgroups([])
        os.setgid(claim.uid if claim.gid is None else claim.gid)
        os.setuid(claim.uid)
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(claim.env)
    time.tzset()
    os.chdir(claim.home)
    sys.argv = ["datalab-workspace", *claim.argv]
    renew_randomness()
    _renew_paths()


def _limit(claim: wire.Claim) -> None:
    """Hold the process and its children to the profile's limits, as far as the system allows.

    Memory: ``RLIMIT_DATA`` counts private writable memory, for each process by itself.
    ``RLIMIT_AS`` would count address space, which allocators, Arrow and CUDA reserve by the
    gigabyte without using it. A real sum over all processes needs a cgroup, that is a container.
    Processor: as many cores as the profile has, chosen at random, so that many small workspaces
    do not all sit on the first one; never less than one.
    """
    memory, cpus = claim.limits.memory, claim.limits.cpus
    if memory is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bound = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    if cpus is None or not hasattr(os, "sched_setaffinity"):
        return
    available = sorted(os.sched_getaffinity(0))
    count = max(1, min(len(available), round(cpus)))
    os.sched_setaffinity(0, random.SystemRandom().sample(available, count))
    for variable in THREAD_VARIABLES:
        claim.env.setdefault(variable, str(count))


def _name(claim: wire.Claim) -> None:
    """Set what process listings show: all of it with ``setproctitle``, else the short name."""
    title = claim.name or claim.key
    try:
        importlib.import_module("setproctitle").setproctitle(title)
    except ImportError:
        with suppress(OSError):  # only Linux has the file
            Path("/proc/self/comm").write_text(claim.key[:_COMM_LENGTH])


def remember_generators() -> None:
    """Note the random generators that exist; call it in the standby before it forks."""
    _generators[:] = [
        found
        for found in gc.get_objects()
        if isinstance(found, random.Random) and not isinstance(found, random.SystemRandom)
    ]


def renew_randomness() -> None:
    """Seed anew what a fork copies.

    ``secrets``, ``uuid4`` and ``os.urandom`` ask the kernel each time and need nothing. OpenSSL
    notices a fork by itself since 1.1.1; it gets fresh bytes nevertheless. The seed of ``hash()``
    stays the standby's: it protects a server from those who may send it requests, and these are
    its owner's.
    """
    random.seed()
    for generator in _generators:
        generator.seed()
    if (numpy := sys.modules.get("numpy.random")) is not None:
        numpy.seed()
    if (uuid := sys.modules.get("uuid")) is not None:
        vars(uuid)["_last_timestamp"] = None
    if (process := sys.modules.get("multiprocessing.process")) is not None:
        process.current_process().authkey = os.urandom(32)
    if (ssl := sys.modules.get("ssl")) is not None:
        ssl.RAND_add(os.urandom(32), 32.0)


def _renew_paths() -> None:
    """Forget what was derived from the standby's identity, and find this one's modules."""
    tempfile.tempdir = None
    tempfile._once_lock = tempfile._allocate_lock()  # type: ignore[attr-defined]
    tempfile._name_sequence = None  # type: ignore[attr-defined]
    importlib.invalidate_caches()
    wanted = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = [path for path in wanted if path not in sys.path]
    site.USER_BASE = site.USER_SITE = None
    sysconfig.get_config_vars()["userbase"] = site.getuserbase()
    for name in _COMPUTED_FROM_HOME:
        if name in sys.modules:
            importlib.reload(sys.modules[name])  # in place: who has its functions sees the new
