"""A hub on the database of plain zero-to-jupyterhub 4.4.0, which has JupyterHub 5.5."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
from hubproc import running_hub, until

DUMP = Path(__file__).parents[1] / "fakes" / "databases" / "jupyterhub-5.5.sql"
CONFIG = """
from datalab_hub.config import configure
c.JupyterHub.upgrade_db = True  # as zero-to-jupyterhub does with SQLite
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "test", "api_token": "t" * 32, "admin": True}]
configure(c, data_dir="data")
"""


def version_of(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        ((version,),) = connection.execute("SELECT version_num FROM alembic_version")
    return str(version)


def test_people_and_groups_outlive_the_upgrade_and_the_old_database_is_kept(tmp_path):
    database = tmp_path / "jupyterhub.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(DUMP.read_text())
    before = version_of(database)
    headers = {"Authorization": f"token {'t' * 32}"}
    with (
        running_hub(tmp_path, CONFIG) as (url, _),
        httpx.Client(headers=headers, timeout=60) as hub,
    ):
        ann = f"{url}/hub/api/users/ann"
        found = hub.get(ann).json()
        assert (found["admin"], found["groups"]) == (True, ["team"])
        assert hub.post(f"{ann}/server", json={"profile": "small"}).status_code in (201, 202)
        until(lambda: hub.get(ann).json()["servers"].get("", {}).get("ready"))
        hub.delete(f"{ann}/server")
        until(lambda: not hub.get(ann).json()["servers"])
    assert version_of(database) != before, "it was migrated"
    (kept,) = tmp_path.glob("jupyterhub.sqlite.*-*")
    assert version_of(kept) == before
