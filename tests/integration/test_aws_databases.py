"""Databases that trust AWS, against moto: a role is assumed first, then a login is made with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import boto3
import botocore.session
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.validate import validate_parameters
from credhub import ROLE
from datalab_hub.catalog.sources.database import PostgresSource, RedshiftSource
from datalab_hub.credentials.minters import minter_for
from datalab_hub.credentials.minters.assume import client
from datalab_hub.credentials.problems import MintFailed
from datalab_hub.credentials.who import Workspace
from fakes.sagemaker.moto_process import moto_server

ANN = Workspace("ann", "", 1, frozenset())


@pytest.fixture
def aws(monkeypatch):
    with moto_server() as url:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "broker",
            "AWS_SECRET_ACCESS_KEY": "broker",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }.items():
            monkeypatch.setenv(name, value)
        client.cache_clear()
        yield url
        client.cache_clear()


async def nobodys(who):
    return {}


async def test_rds_gets_a_signed_token_for_fifteen_minutes(aws):
    source = PostgresSource(
        name="o", title="O", kind="postgres", minting="rds-iam", host="db.example",
        database="o", login="analyst", region="eu-west-1", role_arn=ROLE,
    )  # fmt: skip
    minted = await minter_for(source, "i", nobodys).mint(ANN, "read")
    token = minted.values["Password"]
    assert token.startswith("db.example:5432/?Action=connect&DBUser=analyst")
    assert parse_qs(token)["X-Amz-Security-Token"]
    assert minted.expires - datetime.now(UTC) <= timedelta(minutes=15)


async def test_redshift_gives_a_login_and_an_unknown_cluster_is_named(aws):
    boto3.client("redshift").create_cluster(
        ClusterIdentifier="dwh", NodeType="ra3.large", MasterUsername="m",
        MasterUserPassword="P4ssword",
    )  # fmt: skip
    source = RedshiftSource(
        name="w", title="W", kind="redshift", host="h", database="d", cluster="dwh",
        role_arn=ROLE, region="eu-west-1",
    )  # fmt: skip
    minted = await minter_for(source, "i", nobodys).mint(ANN, "read")
    assert minted.values["Username"].endswith("ann")
    assert minted.values["Password"]
    missing = source.model_copy(update={"cluster": "none"})
    with pytest.raises(MintFailed, match="ClusterNotFound"):
        await minter_for(missing, "i", nobodys).mint(ANN, "read")


@pytest.fixture
async def serverless(aws, monkeypatch):
    """Redshift Serverless, which moto lacks; yields who asked for what."""
    model = botocore.session.get_session().get_service_model("redshift-serverless")
    asked: list[tuple[str, dict]] = []

    async def answer(request):
        _, _, operation = request.headers["X-Amz-Target"].partition(".")
        assert operation == "GetCredentials"
        body = await request.json()
        validate_parameters(body, model.operation_model(operation).input_shape)
        if body["workgroupName"] != "dwh":
            error = {"__type": "ResourceNotFoundException", "message": "no such workgroup"}
            return web.json_response(error, status=400)
        asked.append((request.headers["Authorization"], body))
        end = datetime.now(UTC) + timedelta(seconds=body["durationSeconds"])
        found = {"dbUser": "IAMR:reader", "dbPassword": "p", "expiration": end.timestamp()}
        return web.json_response(found)

    application = web.Application()
    application.router.add_post("/", answer)
    async with TestServer(application) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS", str(server.make_url("/")))
        yield asked


async def test_a_workgroup_gives_a_login_to_the_assumed_role(serverless):
    source = RedshiftSource(
        name="w", title="W", kind="redshift", host="h", database="d", workgroup="dwh",
        role_arn=ROLE, region="eu-west-1",
    )  # fmt: skip
    minted = await minter_for(source, "i", nobodys).mint(ANN, "read")
    assert minted.values == {"Username": "IAMR:reader", "Password": "p"}
    ((signed_by, body),) = serverless
    assert body == {"dbName": "d", "workgroupName": "dwh", "durationSeconds": 3600}
    assert "Credential=ASIA" in signed_by, "with the role's key, not the broker's"
    missing = source.model_copy(update={"workgroup": "none"})
    with pytest.raises(MintFailed, match="ResourceNotFound"):
        await minter_for(missing, "i", nobodys).mint(ANN, "read")
