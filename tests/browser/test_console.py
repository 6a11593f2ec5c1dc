"""No request of a page fails, and no page complains in the browser's console."""

from __future__ import annotations

import json

import pytest
from hubproc import Datalab
from lab import new_notebook, start, stop_all
from playwright.sync_api import BrowserContext, Page

LSP_OFF = {"ServerApp": {"jpserver_extensions": {"jupyter_lsp": False}}}


@pytest.mark.parametrize("language_servers", [True, False], ids=["as installed", "as in images"])
def test_lab_and_notebook_open_without_a_failed_request(
    page: Page, context: BrowserContext, site: Datalab, language_servers: bool
) -> None:
    start(page)  # makes the home
    stop_all(page, f"{site.url}/hub/home")
    (home,) = [path for path in (site.data_dir / "homes").iterdir() if path.is_dir()]
    configuration = home / ".jupyter" / "jupyter_server_config.json"
    if not language_servers:
        configuration.parent.mkdir(exist_ok=True)
        configuration.write_text(json.dumps(LSP_OFF))
    asked: list[str] = []
    wrong: list[str] = []
    watched = context.new_page()
    watched.on("request", lambda request: asked.append(request.url))
    watched.on(
        "response",
        lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status > 399 else "",
    )
    watched.on("console", lambda said: wrong.append(said.text) if said.type == "error" else "")
    try:
        watched.goto(f"{site.url}/hub/home")
        start(watched)
        new_notebook(watched)
        server = watched.url.split("/lab")[0]
        watched.keyboard.press("Control+s")
        watched.wait_for_timeout(1000)
        watched.goto(f"{server}/tree")
        watched.wait_for_selector(".jp-DirListing-item")
        watched.wait_for_timeout(1000)
        assert wrong == []
        assert any("lsp/status" in url for url in asked) == language_servers
    finally:
        configuration.unlink(missing_ok=True)
        watched.close()
        stop_all(page, f"{site.url}/hub/home")
