"""Other people's programs in a workspace: the AWS CLI, s3fs, pandas, pyarrow, a running kernel.

Nothing is configured for them. Which access keys they really used is read from the signatures
that moto received. The lake's credentials live for seconds here, so that each has to renew.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from credhub import site_with_sources
from hubproc import until
from jupyter_client import BlockingKernelClient

AWS = Path(sys.executable).with_name("aws")
LIFE = 6  # seconds


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("clients")
    with site_with_sources(directory, lake=f"{LIFE}s", PER_MINUTE="1000") as site:
        yield site


@pytest.fixture(scope="module")
def ann(site):
    return site.environment("ann")


def aws(environment, *arguments):
    """Run the AWS CLI as a program of a workspace."""
    return subprocess.run(
        [AWS, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )


def keys_at_s3(site, path):
    """The access keys of the requests for a path, in order, without repetitions."""
    recording = httpx.get(f"{site.moto}/moto-api/recorder/download-recording").text
    found = []
    for line in recording.splitlines():
        request = json.loads(line)
        signed = re.search(r"Credential=([^/]+)/", request["headers"].get("Authorization", ""))
        if signed and path in request["url"] and (not found or found[-1] != signed[1]):
            found.append(signed[1])
    return found


# -- the AWS CLI, version 1 -------------------------------------------------------------------


def test_the_aws_cli_is_version_1(ann):
    assert aws(ann, "--version").stdout.startswith("aws-cli/1.")


def test_the_aws_cli_lists_reads_and_writes_with_nothing_configured(ann, tmp_path):
    listed = aws(ann, "s3", "ls", "s3://lake/team/")
    assert "hello.txt" in listed.stdout, listed.stderr
    (tmp_path / "up.txt").write_text("from the command line")
    sent = aws(ann, "s3", "cp", str(tmp_path / "up.txt"), "s3://lake/team/up.txt")
    assert sent.returncode == 0, sent.stderr
    assert aws(ann, "s3", "cp", "s3://lake/team/up.txt", "-").stdout == "from the command line"


def test_the_aws_cli_says_where_its_credentials_come_from(ann):
    assert "container-role" in aws(ann, "configure", "list").stdout
    assert "custom-process" in aws(ann, "--profile", "archive", "configure", "list").stdout


def test_the_aws_cli_reads_another_source_by_its_profile(site, ann):
    put = aws(ann, "s3", "cp", "--profile", "archive", "-", "s3://archive/cli.txt")
    assert put.returncode == 0, put.stderr
    used = keys_at_s3(site, "/archive/cli.txt")
    shown = aws(ann, "--profile", "archive", "configure", "list").stdout
    assert used and used[-1][-4:] in shown


def test_the_aws_cli_shows_the_brokers_own_sentence(site):
    bob = site.environment("bob") | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": site.environment("bob")["DATALAB_AGENT_URL"]
        + "/v1/aws/lake"
    }
    refused = aws(bob, "s3", "ls", "s3://lake/")
    assert refused.returncode != 0
    assert "You are not in group sales, which The lake is for." in refused.stderr


# -- Python libraries -------------------------------------------------------------------------


def test_s3fs_reads_and_writes_with_nothing_configured(site):
    code = """
import s3fs
lake = s3fs.S3FileSystem()
lake.pipe("lake/team/s3fs.txt", b"by s3fs")
print(lake.cat("lake/team/s3fs.txt").decode())
archive = s3fs.S3FileSystem(profile="archive")
archive.pipe("archive/s3fs.txt", b"by profile")
print(archive.cat("archive/s3fs.txt").decode())
"""
    assert site.run("ann", code).split("\n") == ["by s3fs", "by profile"]


def test_pandas_opens_every_kind_of_file_by_its_s3_address(site):
    code = """
import pandas as pd
frame = pd.DataFrame({"n": [1, 2, 3]})
frame.to_csv("s3://lake/team/n.csv", index=False)
frame.to_parquet("s3://lake/team/n.parquet")
frame.to_json("s3://lake/team/n.json")
found = [
    pd.read_csv("s3://lake/team/n.csv"),
    pd.read_parquet("s3://lake/team/n.parquet"),
    pd.read_parquet("s3://lake/team/n.parquet", engine="pyarrow", storage_options={"anon": False}),
    pd.read_json("s3://lake/team/n.json"),
]
print([int(one["n"].sum()) for one in found])
"""
    assert site.run("ann", code) == "[6, 6, 6, 6]"


def test_pyarrow_reads_a_dataset_by_its_address(site):
    code = """
import pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
from pyarrow import fs
lake, path = fs.FileSystem.from_uri("s3://lake/team/arrow")
pq.write_to_dataset(pa.table({"k": ["a", "b"], "n": [1, 2]}), path, partition_cols=["k"],
                    filesystem=lake)
print(ds.dataset("s3://lake/team/arrow", partitioning="hive").to_table()["n"].to_pylist())
"""
    assert sorted(json.loads(site.run("ann", code))) == [1, 2]


# -- renewal inside one running program -------------------------------------------------------

READERS = {
    "boto3": "s3.get_object(Bucket='lake', Key='team/{path}')['Body'].read()",
    "s3fs": "s3.cat_file('lake/team/{path}')",
    "pyarrow": "s3.open_input_stream('lake/team/{path}').read()",
    "datalab": "s3.cat_file('{path}')",
}
MAKERS = {
    "boto3": "import boto3; s3 = boto3.client('s3')",
    "s3fs": "import s3fs; s3 = s3fs.S3FileSystem(use_listings_cache=False)",
    "pyarrow": "from pyarrow import fs; s3, _ = fs.FileSystem.from_uri('s3://lake/team')",
    "datalab": "import datalab; s3 = datalab.connect('lake')",
}


@pytest.fixture(scope="module")
def kernel(site):
    """A running kernel of Ann's workspace, spoken to as Jupyter does."""
    command = site.kernel("ann").cmdline()
    client = BlockingKernelClient(connection_file=command[command.index("-f") + 1])
    client.load_connection_file()
    client.start_channels()
    until(lambda: ready(client), 60)
    yield client
    client.stop_channels()


def ready(client):
    """Whether the kernel answers; one that only starts to live counts as dead for the client."""
    try:
        client.wait_for_ready(timeout=10)
    except RuntimeError:
        return False
    return True


def run(kernel, code):
    """Run a cell; returns what it printed."""
    printed = []

    def hook(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    answer = kernel.execute_interactive(code, timeout=120, output_hook=hook)
    assert answer["content"]["status"] == "ok", answer["content"]
    return "".join(printed).strip()


@pytest.mark.parametrize("library", READERS)
def test_credentials_of_seconds_are_renewed_inside_one_running_kernel(site, kernel, library):
    path = f"renew-{library}.txt"
    site.run("ann", f"import boto3; boto3.client('s3').put_object(Bucket='lake', "
                    f"Key='team/{path}', Body=b'here')")  # fmt: skip
    run(kernel, MAKERS[library])
    before = len(keys_at_s3(site, path))
    cell = f"""
import time
for _ in range(5):
    assert {READERS[library].format(path=path)} == b"here"
    time.sleep({LIFE / 2})
"""
    run(kernel, cell)
    # One object of the library, five requests, two and a half lives.
    assert len(keys_at_s3(site, path)) - before >= 2
