"""A few connections to one database, used again: hundreds of workspaces may ask at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

_AT_MOST = 8  # a database admits a hundred by default, and they are for its users
_IDLE_SECONDS = 60

Connection = AsyncConnection[TupleRow]


class Connections:
    """Connections of the broker to one database.

    Not psycopg's pool: that connects in the background, and says only that it took too long
    where the person who runs Datalab needs to read what was wrong.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_MOST)
        self._idle: list[tuple[dict[str, Any], float, Connection]] = []

    @asynccontextmanager
    async def take(self, **login: Any) -> AsyncIterator[Connection]:
        """Yield a connection, when it is one's turn.

        Args:
            login: for ``AsyncConnection.connect``; a connection made with another one (a password
                that was changed since) is not used again.

        Raises:
            psycopg.Error: it cannot be made, or what was done with it failed.
        """
        async with self._turn:
            connection = await self._kept(login) or await AsyncConnection.connect(
                **login, autocommit=True
            )
            try:
                yield connection
            except BaseException:
                await connection.close()  # who knows in which state it is
                raise
            self._idle.append((login, time.monotonic(), connection))

    async def _kept(self, login: dict[str, Any]) -> Connection | None:
        """Return an idle connection that still works."""
        while self._idle:
            made_with, since, connection = self._idle.pop()
            if made_with == login and time.monotonic() - since < _IDLE_SECONDS:
                try:
                    await connection.execute("")
                except psycopg.Error:  # the database was started anew, or a firewall forgot it
                    pass
                else:
                    return connection
            await connection.close()
        return None
