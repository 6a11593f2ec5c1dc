"""A helper process that ends with the hub, however the hub ends."""

from __future__ import annotations

import os
import signal
import threading
import time

PARENT = "DATALAB_HUB_PID"
"""Environment variable of a helper: the hub's process id."""

_LOOK_EVERY = 0.5  # seconds


def end_with_hub() -> None:
    """End this process, as by Ctrl-C, soon after the hub named in ``DATALAB_HUB_PID`` has ended.

    JupyterHub ends its services when it stops; a hub that is killed cannot, and the next one
    starts its own. Looks at the parent's number instead of asking Linux for a death signal:
    that comes when the *thread* ends which started the process, and only on Linux.
    """
    hub = os.environ.get(PARENT)
    if hub is None:
        return

    def watch() -> None:
        while os.getppid() == int(hub):
            time.sleep(_LOOK_EVERY)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
