"""The facts about instance types, and where they go."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path

import botocore.session
from datalab_hub.catalog.backends import sagemaker_instances
from datalab_hub.catalog.backends.sagemaker_instances import shipped
from datalab_hub.catalog.loading import parse_catalog

DATA = Path(sagemaker_instances.__file__).with_suffix(".json")
CATALOG = """
currency: {currency}
images: {{lab: {{reference: lab, title: Lab}}}}
profiles:
  - name: gpu
    title: GPU
    backend: sagemaker
    image: lab
    sagemaker: {{instance_type: ml.g5.xlarge}}
    {more}
{instances}
"""


def profile(more: str = "", currency: str = "USD", instances: str = ""):
    text = CATALOG.format(more=more, currency=currency, instances=instances)
    return parse_catalog(text, Path("datalab.yaml")).profile("gpu")


def test_every_type_that_ships_is_one_that_sagemaker_trains_on():
    model = botocore.session.Session().get_service_model("sagemaker")
    assert set(shipped()) <= set(model.shape_for("TrainingInstanceType").enum)
    assert len(shipped()) > 80


def test_a_profile_says_what_its_machine_has():
    found = profile()
    assert (found.resources.cpu, found.resources.memory) == (4, 16 * 1024**3)
    assert found.resources.gpu is not None
    assert (found.resources.gpu.count, found.resources.gpu.type) == (1, "A10G 24 GB")
    assert found.price_per_hour == Decimal("1.408")


def test_what_the_operator_says_comes_first():
    found = profile("resources: {memory: 12 GiB}\n    price_per_hour: 0.9")
    assert (found.resources.cpu, found.resources.memory) == (4, 12 * 1024**3)
    assert found.price_per_hour == Decimal("0.9")


def test_prices_in_dollars_are_not_shown_as_another_currency():
    assert profile(currency="EUR").price_per_hour is None


def test_facts_can_be_overridden_for_all_profiles():
    text = "instance_types: {ml.g5.xlarge: {vcpu: 5, memory_gib: 20, usd_per_hour: 1.1}}"
    found = profile(instances=text)
    assert (found.resources.cpu, found.resources.gpu) == (5, None)
    assert found.price_per_hour == Decimal("1.1")


def test_a_start_on_sagemaker_may_take_20_minutes_unless_the_operator_says_otherwise():
    assert profile().start_timeout.total_seconds() == 20 * 60
    assert profile("start_timeout: 90s").start_timeout.total_seconds() == 90


def test_every_price_that_ships_says_where_it_was_checked_or_that_it_was_not():
    prices = json.loads(DATA.read_text())["prices"]
    confirmed = {name for entry in prices["sources"] for name in entry["types"]}
    unconfirmed = set(prices["not_confirmed"])
    priced = {name for name, facts in shipped().items() if facts.usd_per_hour is not None}
    assert confirmed | unconfirmed == priced
    assert not confirmed & unconfirmed
    assert datetime.date.fromisoformat(prices["checked"])
    assert prices["region"] == "us-east-1"


def test_larger_machines_of_a_family_cost_in_proportion():
    """What could not be confirmed stands at least in line with what could."""
    facts = shipped()
    per_core = facts["ml.m5.xlarge"].usd_per_hour / facts["ml.m5.xlarge"].vcpu
    for name in ("ml.m5.4xlarge", "ml.m5.12xlarge", "ml.m5.24xlarge"):
        assert abs(facts[name].usd_per_hour / facts[name].vcpu / per_core - 1) < Decimal("0.01")
    small, large = facts["ml.g5.4xlarge"], facts["ml.g5.16xlarge"]
    assert small.usd_per_hour < facts["ml.g5.8xlarge"].usd_per_hour < large.usd_per_hour
