"""A real Chromium (Debian's), driven by Playwright, against a real Datalab."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import CHROMIUM, HOW_TO_GET_IT
from hubproc import Datalab
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(os.environ.get("DATALAB_SCREENSHOTS") or ROOT / "test-results" / "screenshots")
CHROMIUM_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
CATALOG = """
currency: EUR
images:
  local:
    reference: local
    title: Python data science
    contents: [Python 3, pandas, scikit-learn, JupyterLab]
profiles:
  - name: small
    title: Small
    description: For looking at data and writing notebooks.
    image: local
    resources: {cpu: 1, memory: 2 GiB}
    price_per_hour: 0.12
    idle_timeout: 2h
  - name: big-memory
    title: Big memory
    description: For data that does not fit elsewhere.
    image: local
    resources: {cpu: 2, memory: 16 GiB}
    price_per_hour: 0.85
    idle_timeout: 1h
  - name: brief
    title: Brief
    description: Stops soon when nothing happens.
    image: local
    idle_timeout: 12s
  - {name: secret, title: For the few, allowed_groups: [few]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datalab]:
    directory = tmp_path_factory.mktemp("browser")
    catalog = directory / "datalab.yaml"
    catalog.write_text(CATALOG)
    site = Datalab(directory / "data", catalog=catalog)
    try:
        yield site.start()
    finally:
        site.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, ended before the next module: Playwright's loop would be in others' way."""
    if CHROMIUM is None:
        pytest.skip(HOW_TO_GET_IT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS, timeout=60_000
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser, site: Datalab) -> Iterator[BrowserContext]:
    """A browser in which the owner has signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(site.link())
    page.wait_for_url("**/hub/home")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, site: Datalab) -> Iterator[Page]:
    """The start page in a fresh tab. No error of a script goes unnoticed."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{site.url}/hub/home")
    yield page
    page.close()
    assert not errors, errors


Shot = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def shot() -> Shot:
    """``shot(page, "name")``: a screenshot for the docs (``make screenshots``)."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return take
