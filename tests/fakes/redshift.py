"""Amazon Redshift as a client meets it: PostgreSQL behind Redshift's manners, over TLS.

What Redshift does otherwise than PostgreSQL and what breaks clients made for that: it insists on
TLS here, names its encoding UNICODE (https://github.com/psycopg/psycopg/issues/122), says that it
is PostgreSQL 8.0.2, and knows no ``standard_conforming_strings``
(https://github.com/sqlalchemy/sqlalchemy/issues/9494). It takes start-up parameters of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .certificate import certificate

HOST = "localhost"
_SSL_REQUEST = 80877103
_PROTOCOL_3 = 196608
_SAYS = {b"client_encoding": b"UNICODE", b"server_version": b"8.0.2"}
_UNKNOWN = b"standard_conforming_strings"


@dataclass
class Redshift:
    """One cluster.

    Attributes:
        logins: user → password; a test adds to them.
        entered: who logged in, in order.
        certificate: what a client has to trust.
        key: of the certificate.
    """

    socket: Path
    certificate: Path
    key: Path
    port: int = 0
    logins: dict[str, str] = field(default_factory=dict)
    entered: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), _closing(writer):
            if _code(await _start_up(reader)) != _SSL_REQUEST:
                writer.write(_error("28000", "no encryption"))
                return
            writer.write(b"S")
            await writer.start_tls(self._context())
            fields = (await _start_up(reader))[4:].rstrip(b"\0").split(b"\0")
            said = dict(zip(fields[::2], fields[1::2], strict=True))
            writer.write(_message(b"R", struct.pack("!i", 3)))  # AuthenticationCleartextPassword
            _, password = await _read(reader)
            user = said[b"user"].decode()
            if self.logins.get(user, "").encode() != password.rstrip(b"\0"):
                writer.write(_error("28P01", f'password authentication failed for user "{user}"'))
                return
            self.entered.append(user)
            inside, outside = await asyncio.open_unix_connection(self.socket)
            with _closing(outside):
                database = said[b"database"]
                asked = b"\0".join((b"user", b"test", b"database", database, b"", b""))
                body = struct.pack("!i", _PROTOCOL_3) + asked
                outside.write(struct.pack("!i", len(body) + 4) + body)
                tasks = [
                    asyncio.create_task(_to_client(inside, writer)),
                    asyncio.create_task(_to_database(reader, outside)),
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@asynccontextmanager
async def redshift(directory: Path, socket: Path) -> AsyncIterator[Redshift]:
    """Run a cluster.

    Args:
        directory: gets its certificate.
        socket: of a PostgreSQL server that lets its user ``test`` in.
    """
    cluster = Redshift(socket, *certificate(directory, "redshift"))
    server = await asyncio.start_server(cluster.serve, HOST, 0)
    cluster.port = server.sockets[0].getsockname()[1]
    async with server:
        yield cluster


async def _to_client(inside: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    while True:
        kind, body = await _read(inside)
        if kind == b"S":  # ParameterStatus
            name, value, _ = body.split(b"\0")
            body = b"\0".join((name, _SAYS.get(name, value), b""))
        client.write(_message(kind, body))
        await client.drain()


async def _to_database(client: asyncio.StreamReader, outside: asyncio.StreamWriter) -> None:
    while True:
        kind, body = await _read(client)
        # Not known, as in Redshift: the database says so itself.
        outside.write(_message(kind, body.replace(_UNKNOWN, b"no_such_parameter")))
        await outside.drain()


async def _start_up(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    return await reader.readexactly(length - 4)


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    return kind, await _start_up(reader)


def _code(body: bytes) -> int:
    return int(struct.unpack("!i", body[:4])[0])


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _error(code: str, text: str) -> bytes:
    return _message(b"E", f"SFATAL\0VFATAL\0C{code}\0M{text}\0\0".encode())


@contextlib.contextmanager
def _closing(writer: asyncio.StreamWriter):
    try:
        yield
    finally:
        writer.close()
