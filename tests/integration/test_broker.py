"""The broker, as a workspace meets it: a real hub, a real database, AWS played by moto."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import psycopg
import pytest
from credhub import ADMIN, ROLE, SECRETS, site_with_sources
from fakes.google import ACCOUNT
from hubproc import until


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with site_with_sources(tmp_path_factory.mktemp("broker")) as site:
        yield site


def connect(site, login, **options):
    """Connect with a minted login, as any client does."""
    return psycopg.connect(
        site.database, user=login["Username"], password=login["Password"], **options
    )


# -- AWS ------------------------------------------------------------------------------------


def test_a_role_is_assumed_for_the_person_narrowed_to_bucket_and_prefix(site):
    values = site.values("ann", "lake", "write")
    request = site.sts_requests()[-1]
    assert request["RoleArn"] == ROLE
    assert request["SourceIdentity"] == request["RoleSessionName"] == "ann"
    tags = {request[f"Tags.member.{n}.Key"]: request[f"Tags.member.{n}.Value"] for n in (1, 2)}
    assert tags == {"datalab:user": "ann", "datalab:source": "lake"}
    policy = json.loads(request["Policy"])
    assert "s3:PutObject" in policy["Statement"][0]["Action"]
    assert policy["Statement"][0]["Resource"] == "arn:aws:s3:::lake/team/*"
    s3 = boto3.client(
        "s3",
        endpoint_url=site.moto,
        region_name="eu-west-1",
        aws_access_key_id=values["AccessKeyId"],
        aws_secret_access_key=values["SecretAccessKey"],
        aws_session_token=values["Token"],
    )
    body = s3.get_object(Bucket="lake", Key="team/hello.txt")["Body"].read()
    assert body == b"hello from the lake"


def test_reading_is_all_that_a_reader_gets_even_of_a_source_for_writing(site):
    site.values("ann", "lake", "read")
    assert "Put" not in site.sts_requests()[-1]["Policy"]


# -- PostgreSQL -----------------------------------------------------------------------------


def test_a_role_of_its_own_reads_what_was_granted_and_nothing_else(site):
    login = site.values("ann", "sales")
    with connect(site, login) as connection:
        assert connection.execute("SELECT sum(amount) FROM orders").fetchone() == (42,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM salaries")
    assert "_ann_" in login["Username"]
    assert site.values("ann", "sales")["Username"] != login["Username"]


def test_a_role_whose_time_is_over_admits_nobody_and_is_removed(site):
    login = site.values("ann", "brief")
    connect(site, login).close()
    until(lambda: login["Username"] not in site.roles(), 15)
    with pytest.raises(psycopg.OperationalError):
        connect(site, login)


def test_a_session_outlives_its_roles_time_while_the_workspace_runs(site):
    login = site.values("ann", "brief", "write")
    with connect(site, login, autocommit=True) as connection:
        connection.execute("SELECT pg_sleep(4)")
        assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            connect(site, login)
        connection.execute(f'CREATE TABLE "{login["Username"]}_kept" (id int)')
    until(lambda: login["Username"] not in site.roles(), 15)
    with psycopg.connect(site.database) as connection:
        # What a person made stays when the role goes.
        assert connection.execute(f'SELECT count(*) FROM "{login["Username"]}_kept"').fetchone()


# -- secrets kept elsewhere ------------------------------------------------------------------


def test_secrets_kept_elsewhere_come_through_the_same_door(site):
    assert site.values("ann", "weather") == {"Token": SECRETS["weather"]}
    assert site.values("bob", "maps") == {"Value": SECRETS["maps"]}
    assert site.values("bob", "vault") == {"Value": SECRETS["vault"]}


def test_a_secret_file_that_everybody_can_read_is_not_used(site):
    refused = site.ask(site.token("bob"), "open")
    assert refused.status_code == 502
    assert "Tell the person who runs Datalab" in refused.json()["message"]
    assert "make it 0600" in (site.directory / "hub.log").read_text()


def test_a_service_accounts_token_is_minted_for_bigquery(site):
    assert site.values("bob", "query")["Token"] in site.google.issued
    assert site.audit()[-1]["detail"]["as"] == ACCOUNT


def test_a_source_for_others_is_shown_where_the_catalog_says_so_and_nothing_of_where(site):
    listed = {entry["name"]: entry for entry in _sources(site, "bob")}
    assert "sales" not in listed
    assert listed["pricing"]["problem"] == (
        "You are not in group pricing, which Pricing is for. Ask the pricing team."
    )
    assert listed["pricing"]["facts"] == {}
    refused = site.ask(site.token("bob"), "pricing")
    assert (refused.status_code, refused.json()["reason"]) == (403, "group")


def test_a_sign_in_without_tokens_is_named_as_the_cause(site):
    refused = site.ask(site.token("bob"), "mine")
    assert (refused.status_code, refused.json()["reason"]) == (502, "sign_in")


# -- who may --------------------------------------------------------------------------------


def _sources(site, name):
    headers = {"Authorization": f"token {site.token(name)}"}
    answer = httpx.get(f"{site.broker}/v1/sources", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["sources"]


def test_a_person_sees_what_their_groups_may_use(site):
    ann = [entry["name"] for entry in _sources(site, "ann")]
    bob = [entry["name"] for entry in _sources(site, "bob")]
    assert {"lake", "sales", "weather"} <= set(ann)
    assert set(ann) - set(bob) == {"lake", "sales", "weather"}


def test_another_groups_source_is_refused_with_the_group_and_audited(site):
    refused = site.ask(site.token("bob"), "sales")
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("You are not in group sales, which Sales is for.")
    event = site.audit()[-1]
    assert (event["kind"], event["user"], event["outcome"]) == ("credential", "bob", "refused")
    assert event["detail"]["source"] == "sales"


def test_every_credential_is_audited_with_its_end(site):
    site.values("ann", "lake")
    event = site.audit()[-1]
    assert (event["kind"], event["user"], event["outcome"]) == ("credential", "ann", "ok")
    end = datetime.fromisoformat(event["detail"]["expires"])
    assert timedelta(minutes=50) < end - datetime.now(UTC) <= timedelta(hours=1)


def test_leaving_the_group_ends_it(site):
    site.person("cleo", "sales")
    site.start("cleo")
    login = site.values("cleo", "sales")
    with connect(site, login) as connection:
        site.leave("cleo", "sales")
        assert site.ask(site.token("cleo"), "sales").status_code == 403
        until(lambda: login["Username"] not in site.roles(), 15)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_stopping_the_workspace_takes_the_role_back_and_closes_the_door(site):
    site.person("dan", "sales")
    site.start("dan")
    login, token = site.values("dan", "sales"), site.token("dan")
    with connect(site, login) as connection:
        site.stop("dan")
        until(lambda: login["Username"] not in site.roles(), 15)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    refused = site.ask(token, "sales")
    assert refused.status_code == 401
    assert "token is not known" in refused.json()["message"]
    site.start("dan")
    assert site.ask(token, "sales").status_code == 401  # an old token in a new workspace's time


# -- the interface --------------------------------------------------------------------------


def test_metrics_need_their_scope_and_count(site):
    site.values("ann", "lake")
    assert httpx.get(f"{site.broker}/metrics").status_code == 401
    workspace = {"Authorization": f"token {site.token('ann')}"}
    assert httpx.get(f"{site.broker}/metrics", headers=workspace).status_code == 403
    text = httpx.get(f"{site.broker}/metrics", headers={"Authorization": f"token {ADMIN}"}).text
    assert 'datalab_credential_requests_total{outcome="ok",reason="none",source="lake"}' in text


def test_the_openapi_document_names_every_path(site):
    document = httpx.get(f"{site.broker}/openapi.json").json()
    ours = {"/v1/sources", "/v1/credentials", "/v1/alerts"}
    assert set(document["paths"]) == ours | {"/metrics", "/health"}
    wanted = document["components"]["schemas"]["Credential"]["required"]
    assert {"source", "kind", "values", "expires", "version", "type"} == set(wanted)


def test_asking_too_often_is_refused_until_later(site):
    site.person("eve")
    site.start("eve")
    token = site.token("eve")
    answers = [site.ask(token, "maps")]
    assert answers[0].status_code == 200
    while answers[-1].status_code == 200 and len(answers) < 200:  # a slow machine refills meanwhile
        answers.append(site.ask(token, "maps"))
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert site.ask(token, "vault").status_code == 200  # another source is not held up
