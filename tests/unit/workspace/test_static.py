"""Static files travel compressed, are kept as long as they may be, and cannot be planted."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from datalab_workspace import static
from jupyter_server.auth import AllowAllAuthorizer, IdentityProvider
from jupyter_server.base.handlers import FileFindHandler
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

HASHED = "12.0123456789abcdef0123.js"
CODE = b"const answer = 42;\n" * 500


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of static files, compressed."""
    monkeypatch.setenv(static.CACHE_VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    files = tmp_path / "files"
    files.mkdir()
    for name in (HASHED, "style.js"):
        (files / name).write_bytes(CODE)
        static.compress(files / name)
    (files / "plain.js").write_bytes(CODE)
    FileFindHandler._static_paths.clear()
    return files


@pytest.fixture
async def url(directory: Path) -> AsyncIterator[str]:
    """Where the files are served."""
    identity = IdentityProvider()
    application = web.Application(
        [("/(.*)", FileFindHandler, {"path": [str(directory)]})],
        base_url="/",
        cookie_secret="of a test",
        identity_provider=identity,
        authorizer=AllowAllAuthorizer(identity_provider=identity),
        allow_unauthenticated_access=True,
    )
    static.install(application)
    sock, port = bind_unused_port(address="127.0.0.1")
    server = HTTPServer(application)
    server.add_socket(sock)
    yield f"http://127.0.0.1:{port}/"
    server.stop()
    await server.close_all_connections()


async def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and the body as it was on the wire."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url, headers={"Accept-Encoding": "identity"} | names) as response,
    ):
        return response.status, dict(response.headers), await response.read()


@pytest.mark.parametrize("encoding", list(static.ENCODINGS))
async def test_a_file_travels_in_an_encoding_that_the_browser_takes(
    url: str, encoding: str
) -> None:
    status, headers, body = await fetch(url + HASHED, Accept_Encoding=f"deflate, {encoding}")
    assert status == 200
    assert headers["Content-Encoding"] == encoding
    assert headers["Content-Type"].startswith(("application/javascript", "text/javascript"))
    assert int(headers["Content-Length"]) == len(body) < len(CODE) / 10
    assert body == static.ENCODINGS[encoding](CODE)


async def test_brotli_comes_before_gzip(url: str) -> None:
    _, headers, _ = await fetch(url + HASHED, Accept_Encoding="gzip, deflate, br, zstd")
    assert headers["Content-Encoding"] == "br"


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0, br; q=0"])
async def test_a_browser_that_takes_no_encoding_gets_the_file_as_it_is(
    url: str, accepted: str
) -> None:
    _, headers, body = await fetch(url + HASHED, Accept_Encoding=accepted)
    assert "Content-Encoding" not in headers
    assert "Accept-Encoding" in headers["Vary"]
    assert body == CODE


async def test_a_file_that_was_never_compressed_is_sent_as_it_is(url: str) -> None:
    _, headers, body = await fetch(url + "plain.js", Accept_Encoding="gzip")
    assert "Content-Encoding" not in headers
    assert body == CODE


async def test_a_file_that_changed_since_is_never_sent_in_its_old_form(
    url: str, directory: Path
) -> None:
    (directory / HASHED).write_bytes(b"new" + CODE)
    _, headers, body = await fetch(url + HASHED, Accept_Encoding="gzip")
    assert "Content-Encoding" not in headers
    assert body == b"new" + CODE


async def test_part_of_a_file_is_part_of_the_file_itself(url: str) -> None:
    status, headers, body = await fetch(url + HASHED, Accept_Encoding="gzip", Range="bytes=0-4")
    assert (status, body) == (206, CODE[:5])
    assert "Content-Encoding" not in headers


async def test_a_name_with_a_hash_is_kept_for_ever_and_another_is_asked_for(url: str) -> None:
    _, headers, _ = await fetch(url + HASHED)
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    _, headers, _ = await fetch(url + "style.js?v=0123456789abcdef")
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    _, headers, _ = await fetch(url + "style.js")
    assert headers["Cache-Control"] == "no-cache"
    status, _, body = await fetch(url + "style.js", If_None_Match=headers["Etag"])
    assert (status, body) == (304, b"")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another person")
async def test_a_variant_that_another_person_planted_is_not_served(
    url: str, directory: Path
) -> None:
    path = directory / HASHED
    variant = static.variant_path(str(path), path.stat(), "gzip")
    variant.write_bytes(gzip.compress(b"steal()"))
    os.chown(path, 1234, 1234)
    os.chown(variant, 4321, 4321)
    _, headers, body = await fetch(url + HASHED, Accept_Encoding="gzip")
    assert "Content-Encoding" not in headers
    assert body == CODE


async def test_building_compresses_everything_once_and_drops_what_no_file_needs(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static, "static_directories", lambda: [directory])
    stale = static.cache_directory() / "0000.gzip"
    stale.write_bytes(b"old")
    assert await asyncio.to_thread(static.build) == 3
    made = {path: path.stat().st_mtime_ns for path in static.cache_directory().iterdir()}
    assert stale not in made
    assert len(made) == 3 * len(static.ENCODINGS)
    assert await asyncio.to_thread(static.build) == 3
    assert made == {p: p.stat().st_mtime_ns for p in static.cache_directory().iterdir()}
