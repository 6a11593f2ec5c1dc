"""PostgreSQL: a role of its own for each credential, that ends by itself and is removed after.

The database is the only book that is kept: a role's name says which installation made it, its
comment for whom and until when. So a broker that was killed forgets nothing.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from ...catalog.sources.database import PostgresSource
from .. import secret_store
from ..problems import MintFailed
from ..who import Workspace
from .base import Minted, Minter, PersonalTokens, StillAllowed
from .connections import Connections

_CONNECT_SECONDS = 2
_PASSWORD_BYTES = 24
_SLUG_CHARS = 20
_INSTANCE_CHARS = 12

_OURS = """
    SELECT r.rolname, shobj_description(r.oid, 'pg_authid'),
           EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.usename = r.rolname)
    FROM pg_roles r WHERE starts_with(r.rolname, %s)
"""


class PostgresRoleMinter(Minter[PostgresSource]):
    """Makes roles with the broker's own login.

    That login needs ``CREATEROLE``, and ``ADMIN OPTION`` on the roles in ``grants``
    (PostgreSQL 16 and later). It needs no superuser.
    """

    kind, minting = "postgres", "role"

    def __init__(
        self, source: PostgresSource, instance: str, personal_tokens: PersonalTokens
    ) -> None:
        super().__init__(source, instance, personal_tokens)
        self._connections = Connections()

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Username``, ``Password``."""
        source, until = self.source, self.until()
        role = f"{self._prefix}{_slug(who.user)}_{secrets.token_hex(5)}"
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        note = {"user": who.user, "run": who.run, "until": until.isoformat(), "source": source.name}
        async with self._connection() as connection, connection.transaction():
            # The verifier is computed here: the server's log may hold statements.
            verifier = connection.pgconn.encrypt_password(
                password.encode(), role.encode(), b"scram-sha-256"
            ).decode()
            name = sql.Identifier(role)
            await connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} VALID UNTIL {}").format(
                    name, sql.Literal(verifier), sql.Literal(until.isoformat())
                )
            )
            await connection.execute(
                sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(json.dumps(note)))
            )
            for granted in source.grants:
                await connection.execute(
                    sql.SQL("GRANT {} TO {}").format(sql.Identifier(granted), name)
                )
            if access == "read":
                # Against mistakes; a person can turn it off. What binds are the granted roles.
                await connection.execute(
                    sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(name)
                )
        return Minted({"Username": role, "Password": password}, until, role)

    async def sweep(self, still_allowed: StillAllowed) -> int:
        """Remove the roles whose time is over or whose workspace is, with their sessions.

        A session that is open when its role's time ends goes on while its workspace may use the
        source: a long query is not cut off, and the role goes when it is done.
        """
        removed = 0
        async with self._connection() as connection:
            cursor = await connection.execute(_OURS, (self._prefix,))
            for row in await cursor.fetchall():
                role = _Role.read(row)
                if role.source != self.source.name:
                    continue
                allowed = role.run is not None and still_allowed(role.run)
                if allowed and (role.until > datetime.now(UTC) or role.busy):
                    continue
                await self._remove(connection, role.name)
                removed += 1
        return removed

    @property
    def _prefix(self) -> str:
        return f"datalab_{self.instance[:_INSTANCE_CHARS]}_"

    async def _remove(self, connection: AsyncConnection[TupleRow], role: str) -> None:
        name = sql.Identifier(role)
        async with connection.transaction():
            # Being a member allows ending its sessions and taking over what it made.
            await connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
            await connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,)
        )
        async with connection.transaction():
            await connection.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(name))
            await connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
            await connection.execute(sql.SQL("DROP ROLE {}").format(name))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        source = self.source
        assert source.secret is not None, "the catalog checks this"
        user, password = await secret_store.login(source.secret)
        try:
            async with self._connections.take(
                host=source.host,
                port=source.port,
                dbname=source.database,
                user=user,
                password=password,
                connect_timeout=_CONNECT_SECONDS,
                application_name="datalab-credentials",
            ) as connection:
                yield connection
        except psycopg.Error as error:
            raise MintFailed(
                f"The database of {source.title} does not give a login just now. "
                "Try again in a minute; if it goes on, tell the person who runs Datalab.",
                reason="database",
                # Not the statement: it holds the new role's password verifier.
                detail=f"{source.name}: {type(error).__name__}: "
                f"{error.diag.message_primary or str(error).splitlines()[0]}",
            ) from None


@dataclass(frozen=True)
class _Role:
    name: str
    source: str | None
    run: int | None
    until: datetime
    busy: bool

    @classmethod
    def read(cls, row: tuple[Any, ...]) -> _Role:
        """Read what the database says; a comment that is not ours makes the role nobody's."""
        name, comment, busy = row
        try:
            note = json.loads(comment)
            until = datetime.fromisoformat(note["until"])
            return cls(name, str(note["source"]), int(note["run"]), until, busy)
        except (TypeError, ValueError, KeyError):
            return cls(name, None, None, datetime.min.replace(tzinfo=UTC), busy)


def _slug(user: str) -> str:
    """Return something of a person's name, for whoever looks at the database."""
    return re.sub(r"[^a-z0-9]+", "_", user.lower())[:_SLUG_CHARS].strip("_")
