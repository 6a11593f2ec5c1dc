"""Runs inside a pod of a workspace image, by itself: what such a pod can reach. Prints JSON.

Standard library only, and no import of ours: ``datalab doctor`` sends this file's text.
"""

import json
import os
import socket
import sys
import time
import urllib.request

_SECONDS = 3
# A network that enforces policies learns of a new pod only once it has an address, and lets
# everything or nothing through until then.
_PATIENCE = 10.0
_EVERY = 0.2
_METADATA = ("169.254.169.254", 80)


def _try(work):  # type: ignore[no-untyped-def]
    try:
        work()
        return ""
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return str(error) or type(error).__name__


def _settled(work, well, patience):  # type: ignore[no-untyped-def]
    """Return the first answer that is as wanted, else the last, and after how many seconds."""
    began = time.monotonic()
    while True:
        seconds = time.monotonic() - began
        answer = _try(work)
        if well(answer) or seconds > patience:
            return answer, seconds
        time.sleep(_EVERY)


def _worked(answer):  # type: ignore[no-untyped-def]
    return not answer


def _connect(address):  # type: ignore[no-untyped-def]
    socket.create_connection(address, timeout=_SECONDS).close()


def probe(hub, barred="", patience=_PATIENCE):  # type: ignore[no-untyped-def]
    """Return what was tried and how it failed; an empty text says that it worked.

    ``open_for`` is for how many seconds instance metadata could be reached.

    Args:
        hub: its URL; not tried when empty.
        barred: ``host:port`` that listens and that policies keep workspaces from.
        patience: seconds until what is not yet as wanted stays so.
    """
    found = {"uid": os.getuid()}
    found["metadata"], found["open_for"] = _settled(lambda: _connect(_METADATA), bool, patience)
    lookup = lambda: socket.getaddrinfo("kubernetes.default.svc", 443)  # noqa: E731
    found["dns"], _ = _settled(lookup, _worked, patience)
    if hub:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        ask = lambda: opener.open(hub + "/api", timeout=_SECONDS).read()  # noqa: E731
        found["hub"], _ = _settled(ask, _worked, patience)
    if barred:
        host, _, port = barred.rpartition(":")
        found["barred"], _ = _settled(lambda: _connect((host, int(port))), bool, patience)
    return found


if __name__ == "__main__":
    print(json.dumps(probe(*sys.argv[1:3], *map(float, sys.argv[3:]))))
