"""The server extension in a real Jupyter Server, over HTTP."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest

TOKEN = "a-token-of-this-test"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("server") / "root"
    root.mkdir()
    _notebook(root / "sales.ipynb", ["import math", "rows = [1, 2, 3]", "total = math.fsum(rows)"])
    _notebook(root / "broken.ipynb", ["x = 1", "y = 2\nfor in x"])
    _notebook(root.parent / "outside.ipynb", ["secret = 1"])
    (root / "way-out").symlink_to(root.parent)
    return root


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = root.parent / "config"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *(f"--ServerApp.root_dir={root}", f"--port={port}", "--ServerApp.port_retries=0"),
            "--ServerApp.jpserver_extensions={'datalab_pipelines.server': True}",
        ],
        env={**os.environ, "JUPYTER_TOKEN": TOKEN, "JUPYTER_CONFIG_DIR": str(config)},
    )
    url = f"http://127.0.0.1:{port}/"
    headers = {"Authorization": f"token {TOKEN}"}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            for _ in range(300):
                with contextlib.suppress(httpx.TransportError):
                    if client.get("api/status").is_success:
                        break
                time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(20)


def test_the_preview_shows_stages_and_the_first_lines_of_cells(client: httpx.Client) -> None:
    found = client.post("datalab-export/api/preview", json={"notebook": "sales.ipynb"})
    assert found.status_code == 200, found.text
    plan = found.json()["plan"]
    assert plan["name"] == "sales"
    assert [cell["source"] for cell in plan["cells"]][1] == "rows = [1, 2, 3]"


def test_a_syntax_error_names_cell_and_line_and_writes_nothing(
    client: httpx.Client, root: Path
) -> None:
    before = sorted(root.iterdir())
    found = client.post("datalab-export/api/preview", json={"notebook": "broken.ipynb"})
    assert found.status_code == 422
    error = found.json()["error"]
    assert (error["cell"], error["line"]) == (1, 2)
    assert sorted(root.iterdir()) == before


@pytest.mark.parametrize(
    "named", ["../outside.ipynb", "way-out/outside.ipynb", "/etc/passwd", "", "a\0b", 3, None, "."]
)
def test_no_path_leads_out_of_the_root(client: httpx.Client, root: Path, named: Any) -> None:
    assert client.post("datalab-export/api/preview", json={"notebook": named}).status_code == 400
    order = {"notebook": "sales.ipynb", "folder": named}
    assert client.post("datalab-export/api/jobs", json=order).status_code == 400


def test_nobody_exports_without_signing_in_or_without_the_xsrf_token(client: httpx.Client) -> None:
    with httpx.Client(base_url=client.base_url) as stranger:
        for path in ("preview", "jobs", f"jobs/{'0' * 32}/cancel"):
            found = stranger.post(f"datalab-export/api/{path}", json={"notebook": "sales.ipynb"})
            assert found.status_code == 403
        stranger.get("login")
        stranger.post("login", data={"password": TOKEN, "_xsrf": stranger.cookies.get("_xsrf", "")})
        assert stranger.get("api/contents").status_code == 200  # signed in by cookie
        path, order = "datalab-export/api/preview", {"notebook": "sales.ipynb"}
        assert stranger.post(path, json=order).status_code == 403
        right = {"X-XSRFToken": stranger.cookies["_xsrf"]}
        assert stranger.post(path, json=order, headers=right).status_code == 200


def test_an_export_reports_its_steps_and_writes_the_project(
    client: httpx.Client, root: Path
) -> None:
    job = _start(client, "out/sales-pipeline")
    end = _ended(client, job["id"])
    assert end["state"] == "done", end
    steps = [event["step"] for event in end["events"] if "step" in event]
    assert steps[0] == "analyse" and "write" in steps
    assert "pipeline.py" in end["events"][-1]["result"]["files"]
    assert (root / "out/sales-pipeline/pipeline.py").is_file()
    again = _ended(client, _start(client, "out/sales-pipeline")["id"])
    assert again["state"] == "failed"  # nothing is overwritten
    assert "not empty" in again["events"][-1]["error"]["message"]


def test_a_cancelled_export_leaves_nothing(client: httpx.Client, root: Path) -> None:
    job = _start(client, "cancelled")
    found = client.post(f"datalab-export/api/jobs/{job['id']}/cancel", json={})
    assert found.json()["state"] == "cancelled"
    assert not (root / "cancelled").exists()
    assert not list(root.glob(".export-*"))


def test_a_job_that_never_was_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"datalab-export/api/jobs/{'0' * 32}").status_code == 404


def _start(client: httpx.Client, folder: str) -> dict[str, Any]:
    found = client.post(
        "datalab-export/api/jobs", json={"notebook": "sales.ipynb", "folder": folder}
    )
    assert found.status_code == 201, found.text
    return dict(found.json())


def _ended(client: httpx.Client, job: str) -> dict[str, Any]:
    for _ in range(30):
        news = client.get(f"datalab-export/api/jobs/{job}", params={"since": 9})
        if news.json()["state"] != "running":
            return dict(client.get(f"datalab-export/api/jobs/{job}").json())
    raise AssertionError(news.text)


def _notebook(path: Path, cells: list[str]) -> None:
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(made, path)
