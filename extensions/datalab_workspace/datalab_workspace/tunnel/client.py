"""``python -m datalab_workspace.tunnel.client``: the workspace's end of the tunnel.

A process of its own beside the server, so that neither holds the other up. It reads where to go,
and with what, as one line of JSON on its standard input: a secret has no place in an argument or
an environment. It ends when its parent does, or when the gateway says that the job is over.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)

from .memory import keep_buffers
from .mux import MESSAGE_BYTES, Mux
from .splice import AHEAD, CHUNK, read_widely, splice
from .stream import Closed, Stream

JOB_HEADER = "Datalab-Job"
OVER = 4403
"""Close code: this job is not expected any more. 4000 to 4999 are for applications to choose."""

_FINAL = frozenset({401, 403})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds between tries
_STEADY = 60  # a tunnel that lasted this long was well: try again at once
_PARENT_LOOKS = 1.0  # seconds between looks at the parent


@dataclass(frozen=True)
class Way:
    """Where the tunnel goes.

    Attributes:
        url: of the gateway, ``ws://`` or ``wss://``.
        job, secret: who this is; the registration secret, of which the hub keeps a hash.
        port: of the workspace's server, on loopback.
        ca: PEM of the authority that signed the gateway's certificate; the system's when empty.
    """

    url: str
    job: str
    secret: str = field(repr=False)
    port: int
    ca: str = ""


class Over(Exception):
    """The gateway will not have this job (any more); the text says why."""


def start(way: Way) -> subprocess.Popen[bytes]:
    """Start the tunnel's process; it connects by itself, for as long as this process lives."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(os.getpid())],
        stdin=subprocess.PIPE,
        # The workspace's token and settings are not its business.
        env={k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "LANG", "HOME")},
        start_new_session=True,  # a signal to the server's group is for the server
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(way)).encode() + b"\n")
    process.stdin.close()
    return process


async def keep(way: Way) -> None:
    """Be connected until the job is over.

    Raises:
        Over: the gateway says so.
    """
    pause = _FIRST_PAUSE
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await _once(way)
            reason = "the gateway has closed it"
        except InvalidStatus as refusal:
            status, body = refusal.response.status_code, refusal.response.body or b""
            reason = f"HTTP {status} {body[:200].decode(errors='replace').strip()}"
            if status in _FINAL:
                raise Over(reason) from refusal
        except ConnectionClosed as closed:
            reason = closed.rcvd.reason if closed.rcvd else "the connection broke"
            if closed.rcvd and closed.rcvd.code == OVER:
                raise Over(reason) from closed
        except InvalidURI as error:
            raise Over(str(error)) from error
        except (OSError, TimeoutError, InvalidHandshake, Closed) as error:
            reason = str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001  # whatever it is: without a tunnel nobody gets in
            traceback.print_exc()
            reason = f"{type(error).__name__}: {error}"
        if loop.time() - began > _STEADY:
            pause = _FIRST_PAUSE
        _say(f"the tunnel is down ({reason}); trying again")
        await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # not all at once
        pause = min(_LONGEST_PAUSE, pause * 1.5)


async def _once(way: Way) -> None:
    async with connect(
        way.url,
        additional_headers={"Authorization": f"Bearer {way.secret}", JOB_HEADER: way.job},
        ssl=_context(way),
        proxy=None,  # the gateway is in the hub's network
        compression=None,  # what passes is compressed, or encrypted
        max_size=MESSAGE_BYTES,
        write_limit=AHEAD,
    ) as websocket:
        _say("the tunnel is up")
        read_widely(websocket.transport)
        mux = Mux(opens=False, send=websocket.send, accept=lambda stream: _accept(stream, way.port))
        await mux.run(messages(websocket))


async def messages(websocket: ClientConnection):  # type: ignore[no-untyped-def]
    """Yield what arrives; raises :class:`ConnectionClosed`, whatever its code."""
    while True:
        message = await websocket.recv(decode=False)
        yield message


async def _accept(stream: Stream, port: int) -> None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=CHUNK)
    except OSError:
        stream.reset()
        return
    await splice(reader, writer, stream)


def _context(way: Way) -> ssl.SSLContext | None:
    if not way.url.startswith("wss:"):
        return None
    return ssl.create_default_context(cadata=way.ca or None)


def _say(text: str) -> None:
    print(f"datalab-workspace: {text}", file=sys.stderr, flush=True)


async def _until_orphaned(parent: int) -> None:
    """Return when the server's process has ended, whatever became of it."""
    while os.getppid() == parent:  # noqa: ASYNC110  # there is no event for it on every kernel
        await asyncio.sleep(_PARENT_LOOKS)


async def _main(way: Way, parent: int) -> int:
    keep_buffers()
    tunnel = asyncio.create_task(keep(way))
    orphaned = asyncio.create_task(_until_orphaned(parent))
    await asyncio.wait({tunnel, orphaned}, return_when=asyncio.FIRST_COMPLETED)
    if not tunnel.done():
        tunnel.cancel()
        await asyncio.wait([tunnel])
        return 0
    _say(f"the tunnel is closed for good: {tunnel.exception()}")
    return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(Way(**json.loads(sys.stdin.readline())), int(sys.argv[1]))))
