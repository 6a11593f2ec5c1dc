"""Names for AWS, what is left of a role, how often one may ask, and Databricks' tokens."""

from __future__ import annotations

import re

import pytest
from aiohttp import web
from datalab_hub.catalog.sources.base import SecretReference
from datalab_hub.catalog.sources.cloud import DatabricksSource, S3Source
from datalab_hub.credentials.limits import RateLimit
from datalab_hub.credentials.minters.databricks import DatabricksOAuthMinter, DatabricksTokenMinter
from datalab_hub.credentials.minters.s3 import session_policy
from datalab_hub.credentials.problems import MintFailed
from datalab_hub.credentials.who import Workspace, aws_name
from hypothesis import given
from hypothesis import strategies as st

ANN = Workspace("ann", "", 1, frozenset())


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_two_people_never_have_one_name_in_aws(one, other):
    for name in (aws_name(one), aws_name(other)):
        assert re.fullmatch(r"[A-Za-z0-9_+=,.@-]{2,64}", name)
    assert (aws_name(one) == aws_name(other)) is (one == other)


def test_a_wildcard_in_a_prefix_means_itself():
    source = S3Source(
        name="a", title="A", kind="s3", bucket="lake", prefix="a*b/",
        role_arn="arn:aws-cn:iam::123456789012:role/r",
    )  # fmt: skip
    objects, listing = session_policy(source, "read")["Statement"][:2]
    assert objects["Resource"] == "arn:aws-cn:s3:::lake/a${*}b/*"
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["a${*}b/*"]}}


def test_a_bucket_is_filled_again_with_time_and_strangers_are_forgotten():
    now = 0.0
    limit = RateLimit(burst=2, per_minute=60, keys=2, clock=lambda: now)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 1]
    now = 1.0
    assert limit.take("a") == 0
    limit.take("b")
    limit.take("c")
    assert len(limit._buckets) == 2


@pytest.fixture
async def databricks(tmp_path):
    """A Databricks workspace's two endpoints; yields (source, what was asked)."""
    asked = []

    async def token(request):
        form = dict(await request.post())
        asked.append(form)
        known = request.headers.get("Authorization", "").startswith("Basic ")
        if not known and form.get("subject_token") != "identity":
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": "oauth", "expires_in": 600})

    async def create(request):
        assert request.headers["Authorization"] == "Bearer oauth"
        asked.append(await request.json())
        info = {"token_id": "id"}
        return web.json_response({"token_value": "pat", "token_info": info})

    app = web.Application()
    app.router.add_post("/oidc/v1/token", token)
    app.router.add_post("/api/2.0/token/create", create)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (tmp_path / "login").write_text("client:secret")
    (tmp_path / "login").chmod(0o600)
    source = DatabricksSource(
        name="d", title="D", kind="databricks", host="https://x",
        secret=SecretReference(file=str(tmp_path / "login")),
    ).model_copy(update={"host": f"http://127.0.0.1:{runner.addresses[0][1]}"})  # fmt: skip
    yield source, asked
    await runner.cleanup()


async def nobodys(who):
    return {"id_token": "identity" if who.user == "ann" else "another"}


async def test_a_service_principal_gets_a_token_and_a_short_personal_one(databricks):
    source, asked = databricks
    assert (await DatabricksOAuthMinter(source, "i", nobodys).mint(ANN, "read")).values == {
        "Token": "oauth"
    }
    assert asked[-1]["grant_type"] == "client_credentials"
    assert (await DatabricksTokenMinter(source, "i", nobodys).mint(ANN, "read")).label == "id"
    assert asked[-1]["lifetime_seconds"] == 3600


async def test_a_persons_own_token_is_exchanged_or_refused(databricks):
    source = databricks[0].model_copy(update={"secret": None})
    minter = DatabricksOAuthMinter(source, "i", nobodys)
    assert (await minter.mint(ANN, "read")).values == {"Token": "oauth"}
    with pytest.raises(MintFailed, match="invalid_grant"):
        await minter.mint(Workspace("bob", "", 2, frozenset()), "read")
