"""A real PostgreSQL server for a test: its own data directory, a socket that only we may use."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _tool(name: str) -> str:
    # Debian keeps the server's programs off the PATH.
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(debian[-1]) if debian else None)
    if found is None:
        pytest.skip("no PostgreSQL server on this machine: apt-get install postgresql")
    return found


@contextmanager
def postgres(password: str | None = None) -> Iterator[str]:
    """Run a server.

    Args:
        password: of its superuser ``test``; without one it lets everybody in.

    Yields:
        an SQLAlchemy URL of an empty database.
    """
    initdb, pg_ctl = _tool("initdb"), _tool("pg_ctl")
    # PostgreSQL refuses to run as root.
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    os.chown(directory, account.pw_uid, account.pw_gid)

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, cwd=directory, user=account.pw_uid, stdout=subprocess.DEVNULL
        )

    data = str(directory / "data")
    how = ["--auth=trust"]
    if password is not None:
        (directory / "password").write_text(password)
        os.chown(directory / "password", account.pw_uid, account.pw_gid)
        how = ["--auth=scram-sha-256", f"--pwfile={directory / 'password'}"]
    run(initdb, *how, "--username=test", "--no-sync", "-D", data)
    # What a careful operator may have switched on must not become a leak.
    options = f"-c log_statement=all -k {directory} -c listen_addresses='' -c fsync=off"
    run(pg_ctl, "-w", "-D", data, "-o", options, "-l", str(directory / "log"), "start")
    try:
        login = "test" if password is None else f"test:{password}"
        yield f"postgresql+psycopg://{login}@/postgres?host={directory}"
    finally:
        run(pg_ctl, "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(directory)
