"""Copies of the hub's databases, made while the hub writes."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from datalab_hub.backup import back_up, main
from datalab_hub.errors import DatalabError

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def hub(tmp_path):
    directory = tmp_path / "hub"
    (directory / "datalab" / "hub").mkdir(parents=True)
    for path in ("jupyterhub.sqlite", "datalab/hub/usage.sqlite"):
        with sqlite3.connect(directory / path) as database:
            database.execute("CREATE TABLE t (a, b)")
            database.execute("INSERT INTO t VALUES (1, 1)")
    (directory / "datalab" / "hub" / "instance").write_text("abc\n")
    (tmp_path / "backup").mkdir()
    return directory


def rows(path):
    with sqlite3.connect(path) as database:
        return database.execute("SELECT a, b FROM t").fetchall()


def test_every_database_and_the_identity_are_in_a_copy(hub, tmp_path):
    copy = back_up(hub, tmp_path / "backup", keep=2, now=DAY)
    assert copy.name == "2026-01-01T00-00-00Z"
    assert rows(copy / "jupyterhub.sqlite") == rows(copy / "datalab/hub/usage.sqlite") == [(1, 1)]
    assert (copy / "datalab/hub/instance").read_text() == "abc\n"


def test_a_copy_beside_a_writing_hub_is_consistent(hub, tmp_path):
    """Both columns are always written together."""
    stop = threading.Event()

    def write():
        with sqlite3.connect(hub / "jupyterhub.sqlite", timeout=30) as database:
            number = 0
            while not stop.is_set():
                number += 1
                database.execute("INSERT INTO t VALUES (?, 0)", (number,))
                database.execute("UPDATE t SET b = a")
                database.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copy = back_up(hub, tmp_path / "backup", keep=9, now=DAY + timedelta(number))
            assert all(a == b for a, b in rows(copy / "jupyterhub.sqlite"))
    finally:
        stop.set()
        writer.join()


def test_the_oldest_are_forgotten_and_nothing_else(hub, tmp_path):
    target = tmp_path / "backup"
    (target / "notes").mkdir()
    for number in range(4):
        back_up(hub, target, keep=2, now=DAY + timedelta(number))
    names = ["2026-01-03T00-00-00Z", "2026-01-04T00-00-00Z", "notes"]
    assert sorted(path.name for path in target.iterdir()) == names


def test_a_run_that_fails_leaves_what_was_there(hub, tmp_path):
    target = tmp_path / "backup"
    back_up(hub, target, keep=1, now=DAY)
    (hub / "broken.sqlite").write_bytes(b"this is no database, whatever its name says" * 50)
    with pytest.raises(sqlite3.DatabaseError):
        back_up(hub, target, keep=1, now=DAY + timedelta(1))
    assert [path.name for path in target.iterdir()] == ["2026-01-01T00-00-00Z"]


def test_nothing_to_copy_is_an_error_that_says_so(tmp_path, capsys):
    with pytest.raises(DatalabError, match="no SQLite database"):
        back_up(tmp_path, tmp_path, keep=1)
    assert main(["--source", str(tmp_path), "--target", str(tmp_path)]) == 1
    assert "no SQLite database" in capsys.readouterr().err
