"""Runs inside a pod of a workspace image, by itself: what such a pod can reach. Prints JSON.

Standard library only, and no import of ours: ``datalab doctor`` sends this file's text.
"""

import json
import os
import socket
import sys
import urllib.request

_SECONDS = 3
_METADATA = ("169.254.169.254", 80)


def _try(work):  # type: ignore[no-untyped-def]
    try:
        work()
        return ""
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return str(error) or type(error).__name__


def _connect(address):  # type: ignore[no-untyped-def]
    socket.create_connection(address, timeout=_SECONDS).close()


def probe(hub):  # type: ignore[no-untyped-def]
    """Return what was tried and how it failed; an empty text says that it worked."""
    found = {
        "dns": _try(lambda: socket.getaddrinfo("kubernetes.default.svc", 443)),
        "metadata": _try(lambda: _connect(_METADATA)),
        "uid": os.getuid(),
    }
    if hub:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        found["hub"] = _try(lambda: opener.open(hub + "/api", timeout=_SECONDS).read())
    return found


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1] if len(sys.argv) > 1 else "")))
