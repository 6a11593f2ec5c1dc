"""What the pages say about money, time, memory and names."""

from __future__ import annotations

import string
from datetime import timedelta
from decimal import Decimal

import pytest
from datalab_hub.web.cards import duration, memory, money, since
from datalab_hub.web.handlers import _safe, choose_server_name
from hypothesis import given
from hypothesis import strategies as st
from jupyterhub.slugs import is_valid_safe_slug


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.00 EUR"), ("0.0042", "0.0042 EUR"), ("0.01", "0.01 EUR"), ("12.346", "12.35 EUR")],
)
def test_amounts_have_two_digits_unless_that_would_show_nothing(amount, shown):
    assert money(Decimal(amount), "EUR") == shown


def test_without_a_price_nothing_is_shown():
    assert money(None, "EUR") == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04, "0.0 s"),
        (-3, "0.0 s"),
        (0.42, "0.4 s"),
        (12, "12 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3590, "1 h"),
        (timedelta(hours=1, minutes=56), "1 h 56 min"),
        (timedelta(hours=11, minutes=10), "11 h"),
        (timedelta(days=3), "3 days"),
        (None, ""),
    ],
)
def test_durations_use_the_largest_units(value, shown):
    assert duration(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(3, "less than a minute"), (75, "1 min"), (120, "2 min"), (7500, "2 h 5 min")],
)
def test_what_lasts_already_is_told_in_minutes(seconds, shown):
    assert since(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(("gib", "shown"), [(2, "2 GiB"), (1.5, "1.5 GiB"), (64, "64 GiB")])
def test_memory_is_shown_in_gib(gib, shown):
    assert memory(int(gib * 1024**3)) == shown


def test_the_first_workspace_is_the_default_one_whatever_its_title():
    assert choose_server_name("Churn", "small", {"churn"}, default_free=True) == ""


@pytest.mark.parametrize(
    ("title", "taken", "name"),
    [
        ("Churn Model", set(), "churn-model"),
        ("Churn Model", {"churn-model"}, "churn-model-2"),
        ("Churn Model", {"churn-model", "churn-model-2"}, "churn-model-3"),
        ("a--b", set(), "a-b"),
        ("", set(), "small"),
        ("数据", set(), "workspace"),
        ("<script>", set(), "script"),
    ],
)
def test_a_further_workspace_is_named_after_its_title(title, taken, name):
    assert choose_server_name(title, "small", taken, default_free=False) == name


@given(
    title=st.text(max_size=60).map(lambda text: f"t{text}"),
    numbers=st.sets(st.integers(1, 99)),
)
def test_a_chosen_name_is_free_and_one_that_jupyterhub_takes(title, numbers):
    first = choose_server_name(title, "small", set(), default_free=False)
    taken = {first} | {f"{first}-{number}" for number in numbers}
    name = choose_server_name(title, "small", taken, default_free=False)
    assert is_valid_safe_slug(first)
    assert is_valid_safe_slug(name)
    assert name not in taken


@given(st.text(alphabet="=+-@\t\r" + string.ascii_letters, max_size=20))
def test_no_cell_of_the_ledger_is_a_formula_to_a_spreadsheet(text):
    assert _safe(text)[:1] not in set("=+-@\t\r")
    assert _safe(text).endswith(text)
    assert _safe(None) == ""
