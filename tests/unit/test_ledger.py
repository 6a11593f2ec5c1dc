"""The usage ledger, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from datalab_hub.usage import UsageLedger
from postgres import postgres

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def hours(number):
    return T0 + timedelta(hours=number)


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    if request.param == "sqlite":
        yield sa.create_engine(f"sqlite:///{tmp_path / 'usage.sqlite'}")
        return
    engine = sa.create_engine(request.getfixturevalue("server"))
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE datalab_runs"))
    engine.dispose()


@pytest.fixture
def ledger(engine):
    return UsageLedger(engine)


def test_cost_runs_from_readiness_to_the_end(ledger):
    run = ledger.begin("ann", "", "t", "small", "local", Decimal("1.50"), T0)
    assert ledger.get(run).cost(hours(1)) == 0
    ledger.ready(run, hours(1))
    assert ledger.get(run).cost(hours(3)) == Decimal("3.00")
    ledger.end(run, "stopped", now=hours(5))
    ledger.end(run, "lost", now=hours(9))
    assert ledger.get(run).cost(hours(100)) == Decimal("6.00")
    assert ledger.get(run).outcome == "stopped"


def test_the_estimate_is_the_median_of_past_starts(ledger):
    assert ledger.expected_start("small") is None
    for seconds in (1, 2, 60):
        run = ledger.begin("ann", "", "t", "small", "local", None, T0)
        ledger.ready(run, T0 + timedelta(seconds=seconds))
    assert ledger.expected_start("small") == 2
    assert ledger.last_used("ann") == {"small": T0}


def test_the_estimate_forgets_old_starts_and_ignores_failed_ones(ledger):
    for seconds in [100] * 20 + [3] * 20:
        run = ledger.begin("ann", "", "t", "small", "local", None, T0)
        ledger.ready(run, T0 + timedelta(seconds=seconds))
    ledger.end(ledger.begin("ann", "", "t", "small", "local", None, T0), "failed", "capacity")
    assert ledger.expected_start("small") == 3
    assert ledger.expected_start("other") is None


def test_a_price_change_does_not_touch_what_ran_before(ledger):
    run = ledger.begin("ann", "", "t", "small", "local", Decimal("0.10"), T0)
    ledger.ready(run, T0)
    # Ten hours at 0.1: as binary floats that would not be 1.
    assert ledger.get(run).cost(hours(10)) == 1
    free = ledger.begin("ann", "", "t", "free", "local", None, T0)
    assert ledger.get(free).cost(hours(10)) is None


def test_a_stretch_of_time_holds_every_run_that_overlaps_it(ledger):

    def run(title, first, last):
        number = ledger.begin("ann", "", title, "small", "local", None, hours(first))
        if last is not None:
            ledger.end(number, "stopped", now=hours(last))

    for title, first, last in (
        ("before", 0, 10),
        ("into", 5, 15),
        ("within", 12, 13),
        ("out of", 15, 25),
        ("around", 5, 25),
        ("still running", 5, None),
        ("after", 20, 21),
    ):
        run(title, first, last)
    found = [run.title for run in ledger.between(hours(10), hours(20))]
    assert found == ["into", "within", "out of", "around", "still running"]


def test_runs_that_nobody_runs_any_more_are_closed_and_the_others_left(ledger):
    alive, dead, ended = (
        ledger.begin("ann", name, "t", "small", "local", None, T0) for name in "abc"
    )
    ledger.end(ended, "stopped", now=hours(1))
    assert ledger.close_lost([alive], now=hours(2)) == 1
    assert [run.id for run in ledger.open_runs()] == [alive]
    assert (ledger.get(dead).outcome, ledger.get(dead).ended) == ("lost", hours(2))
    assert ledger.get(ended).outcome == "stopped"


def test_failures_come_newest_first_and_hold_their_reason(ledger):
    for reason in ("capacity", "quota"):
        ledger.end(ledger.begin("ann", "", "t", "gpu", "b", None, T0), "failed", reason)
    ledger.end(ledger.begin("ann", "", "t", "gpu", "b", None, T0), "cancelled", "cancelled")
    assert [run.reason for run in ledger.failures()] == ["quota", "capacity"]
    assert [run.reason for run in ledger.failures(limit=1)] == ["quota"]


def test_the_ledger_is_still_there_when_the_hub_comes_back(engine):
    run = UsageLedger(engine).begin("ann", "", "t", "small", "local", None, T0)
    assert UsageLedger(engine).get(run).user == "ann"
