"""The demo's stand-ins, in a process of their own: moto as S3 and STS, a PostgreSQL server.

``python -m datalab_hub.demo_services LOGIN_FILE S3_PORT POSTGRES_PORT``: prints one line of JSON
when both answer, and ends when its standard input is closed. Everything is made anew at each
start, in a directory that is removed at the end. moto believes every signature: a stand-in for
trying things on this machine, and for nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg
from psycopg import sql

from .demo_data import BUCKET, GRANTED, REGION
from .ports import LOOPBACK

if TYPE_CHECKING:
    import pandas as pd

_SUPERUSER, _BROKER = "postgres", "datalab_broker"
_ORDERS = 5_000
_DEBIAN = Path("/usr/lib/postgresql")  # Debian keeps the server's programs off the PATH


def main() -> None:
    """Run until standard input ends."""
    login, s3_port, postgres_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    tables = make_tables()
    with ExitStack() as stack:
        ready = {
            "s3": stack.enter_context(_s3(s3_port, tables)),
            "postgres": stack.enter_context(_postgres(postgres_port, login, tables)),
        }
        print(json.dumps(ready), flush=True)
        sys.stdin.buffer.read()


def make_tables() -> dict[str, pd.DataFrame]:
    """Return the shop's tables; the same each time."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(2026)
    count = _ORDERS // 10
    customers = pd.DataFrame(
        {
            "customer": np.arange(1, count + 1),
            "country": random.choice(["DE", "FR", "PL", "NL", "SE"], count),
            "since": pd.Timestamp("2023-01-01")
            + pd.to_timedelta(random.integers(0, 1000, count), unit="D"),
        }
    )
    orders = pd.DataFrame(
        {
            "id": np.arange(1, _ORDERS + 1),
            "customer": random.integers(1, count + 1, _ORDERS),
            "ordered": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(np.sort(random.integers(0, 270 * 24, _ORDERS)), unit="h"),
            "category": random.choice(["shoes", "shirts", "coats", "bags"], _ORDERS),
            "amount": random.gamma(3, 18, _ORDERS).round(2),
        }
    )
    return {"orders": orders, "customers": customers}


@contextmanager
def _s3(port: int, tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=port, verbose=False)
    server.start()
    try:
        url = f"http://{LOOPBACK}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="demo",
            aws_secret_access_key="demo",
        )
        client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        for name, table in tables.items():
            parquet = BytesIO()
            table.to_parquet(parquet, index=False)
            for ending, body in (
                ("parquet", parquet.getvalue()),
                ("csv", table.to_csv(index=False).encode()),
            ):
                client.put_object(Bucket=BUCKET, Key=f"shop/{name}.{ending}", Body=body)
        prices = b"category,price\nshoes,19.90\nshirts,4.20\n"
        client.put_object(Bucket=BUCKET, Key="pricing/prices.csv", Body=prices)
        yield url
    finally:
        server.stop()


@contextmanager
def _postgres(
    port: int, login: Path, tables: dict[str, pd.DataFrame]
) -> Iterator[tuple[str, int] | None]:
    """Run a server, if this machine has one; write the broker's login to a file."""
    initdb, server, account = _tool("initdb"), _tool("postgres"), _account()
    if initdb is None or server is None or account is None:
        yield None
        return
    directory = Path(tempfile.mkdtemp(prefix="datalab-demo-"))
    try:
        os.chown(directory, account.pw_uid, account.pw_gid)
        password = secrets.token_urlsafe(24)
        (directory / "password").write_text(password)
        (directory / "password").chmod(0o600)
        os.chown(directory / "password", account.pw_uid, account.pw_gid)
        data = directory / "data"
        subprocess.run(
            [
                *(initdb, "--auth=scram-sha-256", f"--username={_SUPERUSER}", "--no-sync"),
                *(f"--pwfile={directory / 'password'}", "-D", str(data), "--encoding=UTF8"),
            ],
            check=True,
            cwd=directory,
            user=account.pw_uid,
            stdout=subprocess.DEVNULL,
        )
        with (directory / "log").open("w") as log:
            process = subprocess.Popen(
                [
                    *(server, "-D", str(data), "-p", str(port), "-k", str(directory)),
                    *("-c", f"listen_addresses={LOOPBACK}", "-c", "fsync=off"),
                ],
                cwd=directory,
                user=account.pw_uid,
                stdout=log,
                stderr=log,
            )
        try:
            _fill(process, directory / "log", port, password, login, tables)
            yield LOOPBACK, port
        finally:
            process.send_signal(signal.SIGINT)  # SIGTERM would wait for open sessions
            process.wait()
    finally:
        shutil.rmtree(directory)


def _fill(
    process: subprocess.Popen[bytes],
    log: Path,
    port: int,
    password: str,
    login: Path,
    tables: dict[str, pd.DataFrame],
) -> None:
    import sqlalchemy

    url = sqlalchemy.URL.create(
        "postgresql+psycopg", _SUPERUSER, password, LOOPBACK, port, "postgres"
    )
    with _connect(process, log, url.render_as_string(hide_password=False)) as connection:
        connection.execute("CREATE DATABASE shop")
        broker = secrets.token_urlsafe(24)
        verifier = connection.pgconn.encrypt_password(
            broker.encode(), _BROKER.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                sql.Identifier(_BROKER), sql.Literal(verifier)
            )
        )
        role = sql.Identifier(GRANTED)
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
        connection.execute(
            sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(role, sql.Identifier(_BROKER))
        )
    engine = sqlalchemy.create_engine(url.set(database="shop"))
    with engine.begin() as connection:
        for name, table in tables.items():
            table.to_sql(name, connection, index=False)
            connection.execute(sqlalchemy.text(f"GRANT SELECT ON {name} TO {GRANTED}"))
    engine.dispose()
    login.unlink(missing_ok=True)
    descriptor = os.open(login, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{_BROKER}:{broker}")


def _connect(
    process: subprocess.Popen[bytes], log: Path, url: str
) -> psycopg.Connection[tuple[object, ...]]:
    """Connect as soon as the server listens."""
    url = url.replace("+psycopg", "")
    for _ in range(300):
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            if process.poll() is not None:
                sys.exit(f"The demo's PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.1)
    sys.exit("The demo's PostgreSQL does not answer within 30 seconds.")


def _tool(name: str) -> str | None:
    debian = sorted(_DEBIAN.glob(f"*/bin/{name}"))
    return str(debian[-1]) if debian else shutil.which(name)


def _account() -> pwd.struct_passwd | None:
    """Return who runs the server: PostgreSQL refuses to run as root; its package has an account."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    return next((entry for entry in pwd.getpwall() if entry.pw_name == "postgres"), None)


if __name__ == "__main__":
    main()
