"""The pages for everybody: keyboard, screen reader, dark, phone."""

from __future__ import annotations

import pytest
from hubproc import Datalab
from lab import start, stop_all, violations
from playwright.sync_api import BrowserContext, Page, expect

# Not `token`: JupyterHub's own page, in its own style.
PAGES = ["home", "datalab/admin", "spawn", "not/there"]


def test_keyboard_alone_starts_a_workspace(page: Page, site: Datalab) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "start-small":
            break
    else:
        raise AssertionError("Tab does not reach the button of a card")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"  # one sees where one is
    page.keyboard.press("Enter")
    page.wait_for_selector(".jp-Launcher-body", timeout=60_000)
    stop_all(page, f"{site.url}/hub/home")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(page: Page, site: Datalab, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site.url}/hub/{path}")
    assert violations(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(page: Page, site: Datalab, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{site.url}/hub/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_running_workspaces_fit_a_phone_and_the_dark(
    page: Page, context: BrowserContext, site: Datalab, shot
) -> None:
    start(page)
    page.goto(f"{site.url}/hub/home")
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    shot(page, "dark")
    page.set_viewport_size({"width": 360, "height": 740})
    shot(page, "phone")
    for path in ("home", "datalab/admin"):
        page.goto(f"{site.url}/hub/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    stop_all(page, f"{site.url}/hub/home")
