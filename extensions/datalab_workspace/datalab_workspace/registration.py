"""Tells the hub where this workspace listens."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from . import wire

_TIMEOUT = 30  # seconds for one try
_ANSWER_BYTES = 1 << 16
# The hub is there, and says no for good. Everything else may change: 404 while it starts.
_FINAL = frozenset({400, 401, 403, 409, 410})


class Unanswered(Exception):
    """Nobody took the registration; trying again may help."""


class RegistrationRefused(Exception):
    """The hub will not have this workspace; the text says why."""


def address_towards(url: str) -> str:
    """Return this machine's own address on the way to a URL's host.

    A job has several interfaces; the hub can reach it where it can reach the hub. Connecting a
    datagram socket chooses the route and sends nothing.

    Raises:
        Unanswered: the host's name is not known.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None, url
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            parts.hostname, port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise Unanswered(f"{parts.hostname} cannot be found ({error.strerror})") from error


def register(
    url: str, message: wire.Register, token: str, tls: ssl.SSLContext | None = None
) -> wire.Registered:
    """Register once.

    Args:
        token: the workspace's hub token.
        tls: what the hub is to be spoken to with, if it has an authority of its own.

    Raises:
        Unanswered: no connection, or the hub is not ready.
        RegistrationRefused: a final no, with the hub's reason.
    """
    request = urllib.request.Request(
        url,
        data=wire.encode(message),
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with _opener(tls).open(request, timeout=_TIMEOUT) as reply:
            answer = wire.decode(reply.read(_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        reason = _reason(error)
        if error.code in _FINAL:
            raise RegistrationRefused(f"Datalab refused this workspace: {reason}") from error
        raise Unanswered(f"HTTP {error.code} {reason}") from error
    except wire.WireError as error:
        raise Unanswered(f"not an answer of Datalab: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(str(getattr(error, "reason", error)) or type(error).__name__) from error
    if not isinstance(answer, wire.Registered):
        raise Unanswered(f"the answer is a {answer.type}")
    return answer


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that the assignment names and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _opener(tls: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    # The hub is in the same network: a proxy for the outside world would not know it.
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        _NoRedirects(),
        urllib.request.HTTPSHandler(context=tls),
    )


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(_ANSWER_BYTES))["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)
