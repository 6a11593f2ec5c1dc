"""`datalab.connect` to Redshift, with the drivers that Amazon's protocol needs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fakes.redshift import HOST, redshift
from postgres import postgres


@pytest.fixture
async def cluster(tmp_path):
    with postgres() as database:
        directory = Path(parse_qs(urlsplit(database).query)["host"][0])
        async with redshift(tmp_path, directory / ".s.PGSQL.5432") as cluster:
            yield cluster


@pytest.fixture
async def run(cluster, tmp_path):
    """Run a program as in a workspace, whose agent gives another login each time."""
    given = 0

    async def sources(request):
        facts = {"host": HOST, "port": str(cluster.port), "database": "postgres"}
        source = {"name": "dwh", "title": "Warehouse", "kind": "redshift", "access": "read"}
        return web.json_response({"sources": [{**source, "facts": facts}]})

    async def credential(request):
        nonlocal given
        given += 1
        login = {"Username": f"IAM:ann{given}", "Password": f"secret-{given}"}
        cluster.logins[login["Username"]] = login["Password"]
        return web.json_response({"values": login})

    async def run(code):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        return output.decode().strip()

    agent = web.Application()
    agent.router.add_get("/v1/sources", sources)
    agent.router.add_get("/v1/credentials/dwh", credential)
    async with TestServer(agent) as server:
        token = tmp_path / "token"
        token.write_text("t")
        environment = {
            "DATALAB_AGENT_URL": str(server.make_url("")).rstrip("/"),
            "DATALAB_AGENT_TOKEN_FILE": str(token),
            "SSL_CERT_FILE": str(cluster.certificate),
        }
        yield run


async def test_each_connection_has_a_login_of_its_own(run, cluster):
    code = """
import datalab, sqlalchemy
engine = datalab.connect("dwh")
with engine.begin() as one:
    one.execute(sqlalchemy.text("CREATE TABLE orders (id int, amount int)"))
    one.execute(sqlalchemy.text("INSERT INTO orders VALUES (1, :a), (2, 2)"), {"a": 40})
    with engine.connect() as other:
        print(other.execute(sqlalchemy.text("SELECT 7 % 4")).scalar())
print(datalab.read("dwh", "SELECT amount FROM orders WHERE amount < 41 ORDER BY id").to_csv())
"""
    assert (await run(code)).split() == ["3", ",amount", "0,40", "1,2"]
    assert cluster.entered == ["IAM:ann1", "IAM:ann2", "IAM:ann3"]


async def test_a_kernel_without_the_driver_says_what_to_install(run):
    code = """
import sys, datalab
sys.modules["redshift_connector"] = None
try:
    datalab.connect("dwh")
except datalab.DatalabError as error:
    print(error)
"""
    assert "%pip install redshift-connector" in await run(code)
