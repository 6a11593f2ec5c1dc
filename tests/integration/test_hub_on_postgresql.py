"""A hub whose database is PostgreSQL keeps the usage ledger there, in a table of its own."""

from __future__ import annotations

import httpx
import sqlalchemy as sa
from hubproc import running_hub, until
from postgres import postgres

CONFIG = """
from datalab_hub.config import configure
c.JupyterHub.db_url = os.environ["DATABASE"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["TOKEN"], "admin": True}]
configure(c, data_dir="data")
"""


def test_the_ledger_is_in_the_hubs_database(tmp_path):
    token = "t" * 32
    with (
        postgres() as database,
        running_hub(tmp_path, CONFIG, {"DATABASE": database, "TOKEN": token}) as (url, _),
        httpx.Client(headers={"Authorization": f"token {token}"}, timeout=60) as hub,
    ):
        user = f"{url}/hub/api/users/ann"
        hub.post(user)
        assert hub.post(f"{user}/server", json={"profile": "small"}).status_code in (201, 202)
        until(lambda: hub.get(user).json()["servers"].get("", {}).get("ready"))
        hub.delete(f"{user}/server")
        until(lambda: not hub.get(user).json()["servers"])
        with sa.create_engine(database).connect() as connection:
            rows = connection.execute(sa.text('SELECT "user", outcome FROM datalab_runs'))
            assert [tuple(row) for row in rows] == [("ann", "stopped")]
    assert not (tmp_path / "data" / "hub" / "usage.sqlite").exists()
