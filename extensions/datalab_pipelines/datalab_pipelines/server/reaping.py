"""The end of everything that a job has started, wherever it went.

A notebook under verification may start what it likes: processes with sessions of their own, or
such as outlive their parents. A process group or a tree of parents does not find those; a mark in
the environment, which children inherit, does.
"""

from __future__ import annotations

import os
import time

import psutil

MARK = "DATALAB_EXPORT_JOB"


def marked(job: str) -> list[psutil.Process]:
    """Return the processes of a job, without the one that asks."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == job:
                found.append(process)
        except psutil.Error:
            continue  # somebody else's, or gone meanwhile
    return found


def reap(job: str, seconds: float = 5.0) -> int:
    """Kill what is left of a job until nothing is; return how many processes that were."""
    killed = 0
    end = time.monotonic() + seconds
    while (left := marked(job)) and time.monotonic() < end:
        for process in left:
            try:
                process.kill()
                killed += 1
            except psutil.Error:
                continue  # it ended by itself
        psutil.wait_procs(left, timeout=1.0)
    return killed
