"""From a source's name to what a scientist works with, by kind. Libraries load when needed."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ._agent import DatalabError, Source, ask, credential, source

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".json": "read_json",
    ".feather": "read_feather",
}


def connect(name: str) -> Any:
    """Return what one works with, by the source's kind.

    ==================  =====================================================================
    postgres, redshift  an SQLAlchemy engine; each new connection has a valid login
    s3                  an fsspec filesystem whose root is the source's bucket and prefix
    bigquery            a ``google.cloud.bigquery.Client``, which renews its credential by itself
    databricks          a DB-API connection (databricks-sql-connector)
    http                a ``requests`` session with the token set, for the source's address only
    static              the value; it is put into its environment variable too, if it has one
    ==================  =====================================================================

    Raises:
        DatalabError: you may not use it, it cannot be had, or a library is missing.
    """
    found = source(name)
    try:
        make = _MAKERS[found.kind]
    except KeyError:
        raise DatalabError(
            f"{name} is of kind {found.kind!r}, for which connect() has nothing ready. "
            f"datalab.credential({name!r}) returns the bare credential."
        ) from None
    return make(found)


def read(name: str, what: str, **options: Any) -> pd.DataFrame:
    """Return a pandas frame: of an SQL query, or of a file in a bucket.

    Args:
        what: an SQL query; or a path below the source's prefix (.parquet, .csv, .json, .feather).
        options: passed on to pandas; for BigQuery to ``Client.query_and_wait``.

    Raises:
        DatalabError: as :func:`connect`; or the file's format is not known.
    """
    found = source(name)
    pandas = _need("pandas", "pandas")
    if found.kind in ("postgres", "redshift"):
        engine = connect(name)
        try:
            return pandas.read_sql_query(_need("sqlalchemy").text(what), engine, **options)
        finally:
            engine.dispose()
    if found.kind == "s3":
        for ending, function in _FORMATS.items():
            if what.endswith(ending):
                with connect(name).open(what, "rb") as file:
                    if ending == ".csv.gz":
                        options.setdefault("compression", "gzip")
                    return getattr(pandas, function)(file, **options)
        raise DatalabError(f"read() knows {', '.join(_FORMATS)}; {what!r} is none of them.")
    if found.kind == "bigquery":
        rows = connect(name).query_and_wait(what, **options)
        # Arrow's way: the BigQuery Storage API would need rights and a library of its own.
        return rows.to_arrow(create_bqstorage_client=False).to_pandas()
    raise DatalabError(f"read() works with databases and buckets; {name} is {found.kind!r}.")


def _postgres(found: Source) -> Any:
    _need("psycopg", "psycopg[binary]")
    return _engine(found, "postgresql+psycopg")


def _redshift(found: Source) -> Any:
    """Return an engine with Amazon's driver and a dialect for it.

    Psycopg does not understand Redshift (https://github.com/psycopg/psycopg/issues/122), and
    SQLAlchemy's PostgreSQL asks what Redshift does not know
    (https://github.com/sqlalchemy/sqlalchemy/issues/9494).
    """
    _need("redshift_connector", "redshift-connector")
    _need("sqlalchemy_redshift", "sqlalchemy-redshift")
    return _engine(found, "redshift+redshift_connector")


def _engine(found: Source, driver: str) -> Any:
    sqlalchemy = _need("sqlalchemy")
    url = sqlalchemy.URL.create(
        driver,
        host=found.facts["host"],
        port=int(found.facts["port"]),
        database=found.facts["database"],
    )
    # Logins end: a connection that the pool made with an earlier one is checked before use.
    engine = sqlalchemy.create_engine(url, pool_pre_ping=True)

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def log_in(dialect: Any, record: Any, arguments: Any, parameters: dict[str, Any]) -> None:
        login = credential(found.name)
        parameters |= {"user": login["Username"], "password": login["Password"]}

    return engine


def _bucket(found: Source) -> Any:
    """Return Arrow's client as a filesystem, made anew whenever the agent has a newer credential.

    Arrow reads no AWS profiles, and of the default chain it knows the default source only.
    """
    arrow = _need("pyarrow.fs", "pyarrow")
    wrapper = _need("fsspec.implementations.arrow", "fsspec").ArrowFSWrapper
    directory = _need("fsspec.implementations.dirfs", "fsspec").DirFileSystem

    def client(values: dict[str, str]) -> Any:
        return arrow.S3FileSystem(
            access_key=values["AccessKeyId"],
            secret_key=values["SecretAccessKey"],
            session_token=values["Token"],
            region=found.facts.get("region") or None,
            **elsewhere,
        )

    # As every AWS program: a service that is compatible with S3. Arrow looks only in its URIs.
    address = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    scheme, _, host = address.rpartition("://")
    elsewhere = {"scheme": scheme or "https", "endpoint_override": host} if host else {}
    first = credential(found.name)

    class Renewing(wrapper):  # type: ignore[misc, valid-type]
        """A filesystem that outlives its credentials."""

        cachable = False  # fsspec would hand out the first one for ever
        _client: Any = None
        _key = first["AccessKeyId"]

        @property
        def fs(self) -> Any:
            values = credential(found.name)
            if values["AccessKeyId"] != self._key:
                self._key, self._client = values["AccessKeyId"], client(values)
            return self._client

        @fs.setter
        def fs(self, client: Any) -> None:
            self._client = client

    root = f"{found.facts['bucket']}/{found.facts['prefix']}".rstrip("/")
    return directory(path=root, fs=Renewing(client(first)))


def _bigquery(found: Source) -> Any:
    """Return a client whose credential comes from the agent whenever the last one has ended."""
    bigquery = _need("google.cloud.bigquery", "google-cloud-bigquery")
    credentials = _need("google.oauth2.credentials", "google-auth").Credentials

    def renew(request: Any, scopes: Any = None) -> tuple[str, datetime]:
        answer = ask(f"/v1/credentials/{found.name}")
        end = datetime.fromisoformat(answer["expires"])
        return answer["values"]["Token"], end.replace(tzinfo=None)  # google-auth thinks in UTC

    project, dataset = found.facts["project"], found.facts["dataset"]
    where = bigquery.DatasetReference(project, dataset) if dataset else None
    return bigquery.Client(
        project=project,
        credentials=credentials(token=None, refresh_handler=renew),
        default_query_job_config=bigquery.QueryJobConfig(default_dataset=where),
    )


def _session(found: Source) -> Any:
    requests = _need("requests")

    class Token(requests.auth.AuthBase):  # type: ignore[name-defined]
        """Sets a fresh token at each request, for the source's own address and no other."""

        def __call__(self, request: Any) -> Any:
            wanted = requests.compat.urlsplit(found.facts["url"])
            asked = requests.compat.urlsplit(request.url)
            if (asked.scheme, asked.netloc) == (wanted.scheme, wanted.netloc):
                request.headers["Authorization"] = f"Bearer {credential(found.name)['Token']}"
            return request

    session = requests.Session()
    session.auth = Token()
    return session


def _databricks(found: Source) -> Any:
    sql = _need("databricks.sql", "databricks-sql-connector")
    return sql.connect(
        server_hostname=found.facts["host"].removeprefix("https://").rstrip("/"),
        http_path=found.facts["http_path"],
        access_token=credential(found.name)["Token"],
    )


def _value(found: Source) -> str:
    value = credential(found.name)["Value"]
    if variable := found.facts.get("variable"):
        os.environ[variable] = value
    return value


def _need(module: str, distribution: str | None = None) -> Any:
    """Import a library that not every environment has."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = distribution or module
        raise DatalabError(
            f"This needs the library {name}, which is not in this kernel's environment: "
            f"%pip install {name}"
        ) from error


_MAKERS: dict[str, Callable[[Source], Any]] = {
    "postgres": _postgres,
    "redshift": _redshift,
    "s3": _bucket,
    "databricks": _databricks,
    "bigquery": _bigquery,
    "http": _session,
    "static": _value,
}
