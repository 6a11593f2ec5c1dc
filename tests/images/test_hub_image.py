"""The image ``hub``, from inside: what zero-to-jupyterhub and operators expect of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest
from fakes.ports import free_port

from .room import USER, Room, end, first, room
from .serving import PATIENCE, make_home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# A hub whose proxy is somebody else's, as on Kubernetes.
CONFIGURATION = """
from jupyterhub.proxy import Proxy

class Elsewhere(Proxy):
    should_start = False
    routes = {}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}
    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)
    async def get_all_routes(self):
        return self.routes

c.JupyterHub.proxy_class = Elsewhere
c.JupyterHub.authenticator_class = "shared-password"
c.JupyterHub.spawner_class = "datalab"
c.JupyterHub.hub_port = PORT
from tornado.httpclient import AsyncHTTPClient
AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[Room]:
    with room("hub") as entered:
        yield entered


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


def test_what_operators_choose_by_name_is_there(hub: Room, home: Path) -> None:
    found = hub.python(
        "import json; from importlib.metadata import entry_points as e;"
        "print(json.dumps([[p.name for p in e(group='jupyterhub.' + g) if p.load()]"
        " for g in ('authenticators', 'spawners')]))",
        home,
    )
    authenticators, spawners = found
    assert {"google", "github", "generic-oauth", "ldap", "native", "tmp"} <= set(authenticators)
    assert "datalab" in spawners
    urls = ["postgresql+psycopg://", "postgresql://", "mysql+pymysql://", "cockroachdb://"]
    code = f"import sqlalchemy as s; [s.create_engine(u + 'h/d') for u in {urls}]; print(1)"
    assert hub.python(code, home) == 1


def test_the_http_client_knows_debians_certificates(hub: Room, home: Path) -> None:
    code = (
        "import json, pycurl; from pathlib import Path;"
        "maps = Path('/proc/self/maps').read_text();"
        "print(json.dumps([pycurl.version,"
        " [line.split()[-1] for line in maps.splitlines() if 'libcurl' in line]]))"
    )
    version, libraries = hub.python(code, home)
    assert "OpenSSL" in version
    # Debian's own, which looks into /etc/ssl; a wheel would bring another one.
    assert {str(Path(library).parent) for library in libraries} == {"/usr/lib/x86_64-linux-gnu"}


async def test_the_hub_starts_answers_and_ends_on_a_read_only_root(hub: Room, home: Path) -> None:
    state, configuration = home.parent / "srv", home.parent / "etc"
    for directory in (state, configuration):
        directory.mkdir()
        os.chown(directory, USER, USER)
    port = free_port()
    text = CONFIGURATION.replace("PORT", str(port))
    (configuration / "jupyterhub_config.py").write_text(text)
    mounts = {str(state): "/srv/jupyterhub", str(configuration): "/usr/local/etc/jupyterhub"}
    env = {"JUPYTERHUB_CRYPT_KEY": "", "JUPYTERHUB_SHARED_PASSWORD": "of-a-test-0123456789abcdef"}
    log = home.parent / "hub.log"
    text = "c.SharedPasswordAuthenticator.user_password = 'of-a-test-0123456789'\n"
    with (configuration / "jupyterhub_config.py").open("a") as file:
        file.write(text)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *hub.arguments(hub.command, home, env, mounts), stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            while True:
                assert process.returncode is None, log.read_text()
                with suppress(aiohttp.ClientConnectionError):
                    async with session.get(f"http://127.0.0.1:{port}/hub/api/") as response:
                        assert (await response.json())["version"].startswith("6.1.")
                        break
                await asyncio.sleep(0.1)
        one = first(psutil.Process(process.pid))
        assert one.name() == "tini"
        assert {user for member in one.children() for user in member.uids()} == {USER}
        one.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0, log.read_text()
    finally:
        if process.returncode is None:
            end(process.pid)
            await process.wait()
