"""A workspace that tells the hub where it is while it still imports its server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from datalab_workspace import here, wire


class Hub(BaseHTTPRequestHandler):
    """Takes registrations; busy at first."""

    taken: list[tuple[str, wire.Message]]
    busy = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Hub.taken.append((self.headers["Authorization"], wire.decode(body)))
        late = len(Hub.taken) <= Hub.busy
        answer = b'{"message": "not yet"}' if late else wire.encode(wire.Registered())
        self.send_response(503 if late else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def hub(monkeypatch) -> Iterator[str]:
    Hub.taken, Hub.busy = [], 0
    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hub/datalab/register"
    for name, value in {
        here.URL: url,
        here.JOB: "dl-ann",
        here.SECRET: "s",
        "JUPYTERHUB_API_TOKEN": "t",
        "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/ann/",
    }.items():
        monkeypatch.setenv(name, value)
    yield url
    server.shutdown()
    server.server_close()


def test_it_says_its_own_address_and_keeps_the_secret_from_kernels(hub):
    import os

    thread = here.announce()
    thread.join(30)
    message = wire.Register(job="dl-ann", secret="s", ip="127.0.0.1", port=8888)
    assert Hub.taken == [("token t", message)]
    assert not {here.URL, here.JOB, here.SECRET} & set(os.environ)
    assert os.environ["JUPYTERHUB_API_TOKEN"] == "t"


def test_a_busy_hub_is_told_again(hub, monkeypatch):
    monkeypatch.setattr(here, "_PAUSE", 0.01)
    Hub.busy = 1
    here.announce().join(30)
    assert len(Hub.taken) == 2


def test_where_nobody_asked_nothing_is_said(hub, monkeypatch):
    monkeypatch.delenv(here.URL)
    assert here.announce() is None
    assert Hub.taken == []


def test_a_hub_that_does_not_know_of_it_is_no_trouble(hub, monkeypatch, capfd):
    monkeypatch.setenv(here.URL, "http://127.0.0.1:1/hub/datalab/register")
    monkeypatch.setattr(here, "_PAUSE", 0.01)
    here.announce().join(30)
    assert "was not told where this workspace is" in capfd.readouterr().err
