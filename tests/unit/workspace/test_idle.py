"""What is announced is what the hub will do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from datalab_workspace.idle import IDLE_TIMEOUT, MAX_RUNTIME, Limits

STARTED = datetime(2030, 1, 1, 8, tzinfo=UTC)
ACTIVE = STARTED + timedelta(hours=1)


def test_without_limits_no_stop_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(IDLE_TIMEOUT, raising=False)
    monkeypatch.setenv(MAX_RUNTIME, "")
    status = Limits.from_environment().status(STARTED, ACTIVE)
    assert status["idle_timeout"] is None
    assert status["max_runtime"] is None
    assert status["stops_at"] is None
    assert status["reason"] is None


@pytest.mark.parametrize(
    ("idle", "runtime", "stop", "reason"),
    [
        ("1800", "", ACTIVE + timedelta(minutes=30), "idle"),
        ("", "7200", STARTED + timedelta(hours=2), "max_runtime"),
        ("1800", "7200", ACTIVE + timedelta(minutes=30), "idle"),
        ("5400", "7200", STARTED + timedelta(hours=2), "max_runtime"),
    ],
)
def test_the_limit_that_comes_first_is_announced(
    monkeypatch: pytest.MonkeyPatch, idle: str, runtime: str, stop: datetime, reason: str
) -> None:
    monkeypatch.setenv(IDLE_TIMEOUT, idle)
    monkeypatch.setenv(MAX_RUNTIME, runtime)
    status = Limits.from_environment().status(STARTED, ACTIVE)
    assert status["stops_at"] == stop.isoformat()
    assert status["reason"] == reason


@pytest.mark.parametrize(("timeout", "expected"), [(60, 15), (1200, 300), (36000, 300)])
def test_the_warning_comes_in_time_for_short_limits_too(timeout: int, expected: int) -> None:
    limits = Limits(timedelta(seconds=timeout), None)
    assert limits.status(STARTED, ACTIVE)["warn_before"] == expected


def test_a_limit_that_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IDLE_TIMEOUT, "30m")
    with pytest.raises(ValueError, match="DATALAB_IDLE_TIMEOUT is '30m', expected a number of"):
        Limits.from_environment()
