"""The agent in a workspace, as the real clients meet it: nothing is configured anywhere."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.credentials import ContainerProvider
from botocore.exceptions import CredentialRetrievalError, MetadataRetrievalError
from botocore.utils import ContainerMetadataFetcher
from credhub import site_with_sources
from hubproc import until

HELLO = "boto3.client('s3').get_object(Bucket='lake', Key='team/hello.txt')['Body'].read().decode()"
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with site_with_sources(tmp_path_factory.mktemp("agent")) as site:
        yield site


@pytest.fixture(scope="module")
def ann(site):
    """The environment of a kernel of Ann's."""
    return site.environment("ann")


def ask(environment, path, **headers):
    token = Path(environment[TOKEN_FILE]).read_text()
    headers = {"Authorization": token} | headers
    return httpx.get(f"{environment['DATALAB_AGENT_URL']}{path}", headers=headers)


@pytest.fixture
def as_ann(ann, monkeypatch):
    """Become a program of Ann's workspace."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ann.items():
        if name.startswith(("AWS_", "DATALAB_")) or name == "HOME":
            monkeypatch.setenv(name, value)
    return monkeypatch


# -- AWS clients ----------------------------------------------------------------------------


def test_boto3_reads_the_lake_with_nothing_configured(site):
    assert site.run("ann", f"import boto3; print({HELLO})") == "hello from the lake"


def test_pandas_reads_and_writes_parquet_in_s3_with_nothing_configured(site):
    code = """
import pandas as pd
pd.DataFrame({"a": [1, 2]}).to_parquet("s3://lake/team/frame.parquet")
print(pd.read_parquet("s3://lake/team/frame.parquet")["a"].sum())
"""
    assert site.run("ann", code) == "3"


def test_credentials_come_from_the_container_provider_and_are_renewed(as_ann):
    credentials = boto3.Session().get_credentials()
    assert credentials.method == "container-role"
    left = credentials._expiry_time - datetime.now(UTC)
    assert timedelta(minutes=50) < left <= timedelta(hours=1)
    # Botocore asks for new ones when 15 minutes are left.
    before = credentials.get_frozen_credentials()
    credentials._expiry_time = datetime.now(UTC) + timedelta(minutes=14)
    assert credentials.get_frozen_credentials() == before  # the agent's are still good
    assert credentials._expiry_time - datetime.now(UTC) > timedelta(minutes=15)


def test_a_profile_for_each_s3_source_asks_the_agent(site, as_ann):
    config = site.home("ann") / ".aws" / "config"
    until(config.exists)
    assert "secret" not in config.read_text().lower()
    for name in ("lake", "archive"):
        credentials = boto3.Session(profile_name=name).get_credentials()
        assert credentials.method == "custom-process"
        assert credentials.get_frozen_credentials().token
    assert boto3.Session(profile_name="lake").region_name == "eu-west-1"


def test_the_relative_address_would_win_and_is_taken_away(ann):
    # The hub's configuration sets it, as some platforms do.
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in ann
    asked = []

    class Fetcher(ContainerMetadataFetcher):
        def retrieve_full_uri(self, full_url, headers=None):
            asked.append(full_url)
            raise MetadataRetrievalError(error_msg="noted")

    relative = ann | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/somebody"}
    with pytest.raises(CredentialRetrievalError):
        ContainerProvider(relative, Fetcher()).load()
    assert asked == ["http://169.254.170.2/somebody"]


def test_the_token_file_is_read_at_each_refresh(as_ann, ann, tmp_path):
    copy = tmp_path / "token"
    copy.write_text(Path(ann[TOKEN_FILE]).read_text())
    as_ann.setenv(TOKEN_FILE, str(copy))
    credentials = boto3.Session().get_credentials()
    copy.write_text("another")
    credentials._expiry_time = datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(CredentialRetrievalError, match="another workspace's"):
        credentials.get_frozen_credentials()


def test_a_newline_in_the_token_file_would_break_botocore_and_there_is_none(as_ann, ann, tmp_path):
    text = Path(ann[TOKEN_FILE]).read_text()
    assert text == text.strip()
    (tmp_path / "token").write_text(text + "\n")
    as_ann.setenv(TOKEN_FILE, str(tmp_path / "token"))
    with pytest.raises(ValueError, match="not a legal header value"):
        boto3.Session().get_credentials()


def test_only_loopback_addresses_are_taken_by_botocore(as_ann, ann):
    assert ann[FULL_URI].startswith("http://127.0.0.1:")
    as_ann.setenv(FULL_URI, "http://10.0.0.1/v1/aws/default")
    with pytest.raises(ValueError, match="Unsupported host"):
        boto3.Session().get_credentials()


def test_keys_in_the_environment_would_win_and_there_are_none(as_ann, ann):
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(ann)
    as_ann.setenv("AWS_ACCESS_KEY_ID", "own")
    as_ann.setenv("AWS_SECRET_ACCESS_KEY", "own")
    assert boto3.Session().get_credentials().method == "env"


def test_another_default_for_somebody_in_no_group(site):
    bob = site.environment("bob")
    assert ask(bob, "/v1/aws/default").status_code == 200
    assert site.audit()[-1]["detail"]["source"] == "archive"


# -- files ----------------------------------------------------------------------------------


def test_psql_services_are_written_with_short_lived_passwords_and_renewed(site):
    path = site.home("ann") / ".pg_service.conf"
    until(lambda: path.exists() and "[reports]" in path.read_text())
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    code = "import psycopg; print(psycopg.connect('service=reports')" + (
        ".execute('SELECT sum(amount) FROM orders').fetchone()[0])"
    )
    assert site.run("ann", code) == "42"
    until(lambda: path.read_text() != first, 60)
    assert site.run("ann", code) == "42"


def test_what_the_person_wrote_stays(site, ann):
    config = site.home("bob") / ".aws" / "config"
    until(config.exists)
    mine = "[profile archive]\nregion=us-west-2\n\n# mine\n[profile own]\nregion=us-east-2\n"
    config.write_text(mine + config.read_text())
    until(lambda: "credential_process" not in config.read_text(), 60)
    assert config.read_text() == mine


def test_credential_process_says_in_words_what_is_wrong(site, ann):
    command = [sys.executable, "-I", "-m", "datalab_workspace.agent.process"]
    refused = subprocess.run([*command, "nothing"], env=ann, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "There is no data source 'nothing'" in refused.stderr
    nowhere = subprocess.run([*command, "lake"], env={}, capture_output=True, text=True)
    assert "works in a Datalab workspace" in nowhere.stderr


# -- who may come in ------------------------------------------------------------------------


def test_requests_that_are_not_a_program_of_this_workspace_are_refused_and_audited(site, ann):
    url, token = ann["DATALAB_AGENT_URL"], Path(ann[TOKEN_FILE]).read_text()
    good = {"Authorization": token}
    port = url.rsplit(":", 1)[1]
    attempts = [
        {},
        {"Authorization": ""},
        {"Authorization": "x"},
        {"Authorization": token[:-1]},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": Path(site.environment("bob")[TOKEN_FILE]).read_text()},
        {"Authorization": site.token("ann")},
        good | {"Host": f"evil.example:{port}"},
        good | {"Host": "169.254.170.2"},
        good | {"Origin": "http://evil.example"},
        good | {"Sec-Fetch-Site": "cross-site"},
    ]
    for headers in attempts:
        refused = httpx.get(f"{url}/v1/aws/lake", headers=headers)
        assert refused.status_code == 403, headers
        assert "AccessKeyId" not in refused.text
    until(lambda: any(event.get("reason") == "agent" for event in site.audit()))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/aws/",
        "/v1/aws/../credentials/sales",
        "/v1/aws/http:%2F%2Fevil.example",
        "/v1/aws/%2e%2e%2fadmin",
        "/v1/credentials/lake/../../../hub/api/users",
        "/v1/credentials/LAKE",
        "/v1/credentials/lake%00",
        "/v1/credentials/http://169.254.169.254/latest/meta-data",
        "/v1/aws/lake?source=sales&url=http://evil.example",
        "/metrics",
        "/hub/api/users",
    ],
)
def test_no_path_leads_anywhere_but_to_a_source_by_name(site, ann, path):
    # Verbatim: httpx would resolve the dots itself.
    connection = http.client.HTTPConnection(ann["DATALAB_AGENT_URL"].removeprefix("http://"))
    connection.request("GET", path, headers={"Authorization": Path(ann[TOKEN_FILE]).read_text()})
    answer = connection.getresponse()
    body = answer.read().decode()
    if path.startswith("/v1/aws/lake?"):
        assert set(json.loads(body)) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    else:
        assert answer.status in (400, 403, 404), body
        assert "ccess" not in body


def test_a_source_outside_the_groups_is_refused_through_the_agent_too(site):
    refused = ask(site.environment("bob"), "/v1/credentials/sales")
    assert refused.status_code == 403
    assert "You are not in group sales" in refused.json()["message"]


def test_the_panel_lists_sources_and_never_a_credential(site):
    site.run("ann", f"import boto3; {HELLO}")
    answer = site.admin.get("/user/ann/datalab/api/sources")
    listed = {entry["name"]: entry for entry in answer.json()["sources"]}
    assert listed["lake"]["access"] == "write"
    assert listed["lake"]["expires"] is not None
    assert listed["maps"]["expires"] is None
    assert "secret" not in json.dumps(answer.json()).lower().replace("secrets", "")
    assert httpx.get(f"{site.url}/user/ann/datalab/api/sources").status_code in (302, 403)


# -- renewal --------------------------------------------------------------------------------


def test_credentials_of_seconds_are_renewed_inside_one_running_program(site):
    code = """
import datalab, sqlalchemy, time
engine = datalab.connect("brief")
names = set()
for _ in range(4):
    with engine.connect() as connection:
        names.add(connection.execute(sqlalchemy.text("SELECT current_user")).scalar())
        assert connection.execute(sqlalchemy.text("SELECT sum(amount) FROM orders")).scalar() == 42
    engine.dispose()
    time.sleep(2)
print(len(names))
"""
    assert int(site.run("ann", code)) >= 3
