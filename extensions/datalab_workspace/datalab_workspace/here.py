"""Tells the hub where this container is, while the server is still being imported.

On Kubernetes the hub would otherwise learn it from the kubelet, about a second later.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from urllib.parse import urlsplit

URL = "DATALAB_REGISTER_URL"
"""Environment variable: where to register; without it there is nothing to do."""
JOB = "DATALAB_REGISTER_JOB"
"""Environment variable: the workspace's name on its platform."""
SECRET = "DATALAB_REGISTER_SECRET"
"""Environment variable: what to register with, once."""

_TRIES = 3
_PAUSE = 0.5  # seconds


def announce() -> threading.Thread | None:
    """Register in the background; the hub finds the workspace without it, only later.

    The secret is taken out of the environment: kernels and terminals have no use for it.
    """
    url = os.environ.pop(URL, "")
    job, secret = os.environ.pop(JOB, ""), os.environ.pop(SECRET, "")
    token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
    port = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")).port
    if not (url and job and secret and token and port):
        return None
    thread = threading.Thread(
        target=_register, args=(url, job, secret, token, port), name="register", daemon=True
    )
    thread.start()
    return thread


def _register(url: str, job: str, secret: str, token: str, port: int) -> None:
    from . import wire
    from .registration import RegistrationRefused, Unanswered, address_towards, register

    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        try:
            message = wire.Register(job=job, secret=secret, ip=address_towards(url), port=port)
            register(url, message, token)
            return
        except RegistrationRefused as error:
            reason = str(error)
            break
        except Unanswered as error:
            reason = str(error)
    # Not a failure: an older hub, or one that restarted, asks Kubernetes where we are.
    print(f"The hub was not told where this workspace is: {reason}", file=sys.stderr, flush=True)
