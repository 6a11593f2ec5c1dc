"""The idle decision and the audit log."""

from __future__ import annotations

import json
import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from datalab_hub.audit import AuditLog, clean_text
from datalab_hub.catalog import parse_catalog
from datalab_hub.idle import arbiter, check_interval

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def hours(number):
    return T0 + timedelta(hours=number)


def test_each_profile_decides_when_it_is_stopped():
    catalog = parse_catalog(
        "profiles: [{name: a, title: A, idle_timeout: 1h, max_runtime: 8h},"
        " {name: b, title: B, idle_timeout: never}]",
        Path("c"),
    )
    stop = arbiter(catalog, now=lambda: hours(9))

    def server(profile, started):
        return {"user_options": {"profile": profile}, "started": started.isoformat()}

    assert stop(inactive=timedelta(hours=1), server=server("a", hours(8)))
    assert not stop(inactive=timedelta(minutes=59), server=server("a", hours(8)))
    assert stop(inactive=timedelta(0), server=server("a", hours(1)))
    assert not stop(inactive=timedelta(days=9), server=server("b", hours(0)))
    assert not stop(inactive=timedelta(days=9), server={"user_options": None})
    assert check_interval(catalog) == 60


def test_audit_events_are_private_json_without_control_characters(tmp_path):
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, logging.getLogger("test"))
    log.record("sign_in", user="ann\nroot\x1b[31m", outcome="refused", detail={"a": "b" * 999})
    event = json.loads(path.read_text())
    assert event["user"] == "ann root [31m"
    assert len(event["detail"]["a"]) <= 256
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert clean_text("x" * 10, 5) == "xxxx…"
