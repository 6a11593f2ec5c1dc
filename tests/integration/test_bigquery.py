"""BigQuery: a service account's token for an hour, from the broker's identity or the person's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from datalab_hub.catalog.sources.base import SecretReference
from datalab_hub.catalog.sources.cloud import BigQuerySource
from datalab_hub.credentials.minters import minter_for
from datalab_hub.credentials.problems import MintFailed
from datalab_hub.credentials.who import Workspace
from fakes.google import ACCOUNT, PROVIDER, google

ANN = Workspace("ann", "", 1, frozenset())
BOB = Workspace("bob", "", 2, frozenset())


@pytest.fixture
def cloud():
    with google() as cloud:
        cloud.subjects |= {"the-hubs-own-token", "ann-signed-in"}
        yield cloud


async def personal(who):
    return {"id_token": f"{who.user}-signed-in"}


def minter(cloud, **more):
    source = BigQuerySource(name="q", title="Q", **cloud.source(**more))
    return minter_for(source, "i", personal)


@pytest.fixture
def configured(cloud, tmp_path):
    """The broker's own identity: a token in a file, as Kubernetes projects one."""
    (tmp_path / "subject").write_text("the-hubs-own-token")
    (tmp_path / "google.json").write_text(cloud.configuration(str(tmp_path / "subject")))
    (tmp_path / "google.json").chmod(0o600)
    return SecretReference(file=str(tmp_path / "google.json"))


async def test_the_broker_becomes_the_service_account_and_proves_itself_once(cloud, configured):
    mint = minter(cloud, secret=configured)
    first, second = await mint.mint(ANN, "read"), await mint.mint(BOB, "read")
    assert first.values["Token"] != second.values["Token"]
    assert {first.values["Token"], second.values["Token"]} == set(cloud.issued)
    assert first.label == ACCOUNT
    assert timedelta(minutes=55) < first.expires - datetime.now(UTC) <= timedelta(hours=1)
    assert [path for path, _ in cloud.requests].count("/v1/token") == 1


async def test_a_shorter_life_is_asked_for_and_never_less_than_google_gives(cloud, configured):
    mint = minter(cloud, secret=configured, lifetime="10m")
    minted = await mint.mint(ANN, "read")
    assert minted.expires - datetime.now(UTC) <= timedelta(minutes=10)
    assert cloud.requests[-1][1]["lifetime"] == "600s"


async def test_a_person_who_signed_in_is_exchanged_and_another_is_refused(cloud):
    mint = minter(cloud, minting="federation", provider=PROVIDER)
    assert (await mint.mint(ANN, "read")).values["Token"] in cloud.issued
    exchange = next(body for path, body in cloud.requests if path == "/v1/token")
    assert exchange["subject_token"] == "ann-signed-in"
    with pytest.raises(MintFailed, match="Google does not give a credential for Q") as refused:
        await mint.mint(BOB, "read")
    assert "unknown subject" in refused.value.detail
    assert "bob-signed-in" not in refused.value.detail


async def test_another_service_account_is_refused_by_google_and_named_in_the_log(cloud, configured):
    mint = minter(cloud, secret=configured, service_account="boss@acme.iam.gserviceaccount.com")
    with pytest.raises(MintFailed, match="Tell the person who runs Datalab") as refused:
        await mint.mint(ANN, "read")
    assert "boss@acme" in refused.value.detail


async def test_a_configuration_that_is_none_is_named_without_being_quoted(cloud, tmp_path):
    (tmp_path / "broken").write_text('{"private_key": "very-secret"')
    (tmp_path / "broken").chmod(0o600)
    mint = minter(cloud, secret=SecretReference(file=str(tmp_path / "broken")))
    with pytest.raises(MintFailed) as refused:
        await mint.mint(ANN, "read")
    assert "very-secret" not in f"{refused.value.message} {refused.value.detail}"


async def test_google_that_is_away_is_a_failure_and_not_a_hang(configured, cloud):
    mint = minter(cloud, secret=configured, iam_url="http://127.0.0.1:9")
    with pytest.raises(MintFailed):
        await mint.mint(ANN, "read")


def test_federation_needs_a_provider(cloud):
    with pytest.raises(ValueError, match="expected a provider"):
        BigQuerySource(name="q", title="Q", **cloud.source(minting="federation"))


@pytest.mark.parametrize("url", ["http://sts.example/v1/token", "https://user:pw@sts.example"])
def test_tokens_go_over_tls_or_stay_on_this_machine(cloud, url):
    with pytest.raises(ValueError, match="pattern"):
        BigQuerySource(name="q", title="Q", **cloud.source(sts_url=url))
