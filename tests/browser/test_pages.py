"""The pages for everybody: keyboard, screen reader, dark, phone."""

from __future__ import annotations

import re

import pytest
import requests
from hubproc import Datalab
from lab import start, stop_all, violations
from playwright.sync_api import BrowserContext, Page, Route, expect

PAGES = ["home", "datalab/admin", "spawn", "token", "not/there"]


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


def test_a_token_is_made_works_and_is_revoked(page: Page, site: Datalab) -> None:
    page.goto(f"{site.url}/hub/token")
    page.get_by_label("What is it for?").fill("my laptop")
    page.get_by_text("Limit what it may do").click()
    scopes = page.get_by_label("scopes, with spaces")
    scopes.fill("no:such:scope")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("alert")).to_contain_text("no:such:scope")
    scopes.fill("read:users!user")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#token")).to_have_text(re.compile(r"^\w{20,}$"))
    token = page.locator("#token").inner_text()
    asked = {"Authorization": f"token {token}"}
    user = f"{site.url}/hub/api/user"
    assert requests.get(user, headers=asked, timeout=30).ok
    assert violations(page) == []
    page.reload()
    row = page.get_by_role("row", name="my laptop")
    expect(row).to_contain_text("1 permission")
    assert "UTC" not in row.inner_text()  # the moments are this person's
    row.get_by_role("button", name="Revoke my laptop").click()
    expect(row).to_have_count(0)
    assert requests.get(user, headers=asked, timeout=30).status_code == 403


def test_a_stop_is_shown_at_once_and_the_page_follows_what_others_do(
    page: Page, context: BrowserContext, site: Datalab
) -> None:
    start(page)
    page.goto(f"{site.url}/hub/home")
    other = context.new_page()
    other.goto(f"{site.url}/hub/home")
    held: list[Route] = []
    other.route("**/datalab/workspaces/stop", lambda route: held.append(route))
    other.get_by_role("button", name="Stop").click()
    row = other.locator(".row")
    expect(row.locator(".state")).to_have_text("stopping")
    expect(row.get_by_role("link", name="Open")).to_have_count(0)
    held[0].continue_()
    expect(other.locator(".state.running, .state.stopping")).to_have_count(0, timeout=60_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it is seen again
    expect(page.locator(".state.running")).to_have_count(0)
    other.close()
