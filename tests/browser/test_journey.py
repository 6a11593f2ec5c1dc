"""From the sign-in link to a result and back, in a browser."""

from __future__ import annotations

import contextlib
import os
import re
import signal

import psutil
from hubproc import Datalab, until
from lab import new_notebook, output, run_cell, start, stop_all
from playwright.sync_api import Browser, Page, expect


def test_a_link_leads_to_the_cards_and_works_once(browser: Browser, site: Datalab, shot) -> None:
    link = site.link()
    first, second = browser.new_context(), browser.new_context()
    page = first.new_page()
    page.goto(link)
    expect(page.get_by_role("heading", name="Start a workspace")).to_be_visible()
    assert "#" not in page.url  # the code is in no history entry
    shot(page, "start-page")
    again = second.new_page()
    again.goto(link)
    expect(again.get_by_role("alert")).to_contain_text("used already")
    first.close()
    second.close()


def test_click_a_card_run_a_cell_stop(page: Page, site: Datalab, shot) -> None:
    start(page)
    shot(page, "lab")
    new_notebook(page)
    run_cell(page, "import os, pandas as pd\nprint(6 * 7, os.environ['HOME'])")
    expect(output(page)).to_contain_text(f"42 {site.data_dir / 'homes'}")
    page.goto(f"{site.url}/hub/home")
    row = page.locator(".row", has_text="running")
    expect(row).to_contain_text("EUR so far")
    expect(row).to_contain_text(re.compile("stops|idle", re.IGNORECASE))
    shot(page, "running")
    row.get_by_role("button", name="Stop").click()
    expect(page.locator(".state.running")).to_have_count(0)
    until(lambda: not site.workspaces())


def test_an_address_of_a_notebook_opens_it_and_no_launcher(page: Page, site: Datalab) -> None:
    start(page)
    new_notebook(page)
    page.keyboard.press("Control+s")
    name = page.locator(".jp-mod-current .lm-TabBar-tabLabel", has_text=".ipynb").inner_text()
    server = page.url.split("/lab")[0]
    page.goto(f"{server}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .cm-content")
    page.wait_for_timeout(1500)
    expect(page.locator(".jp-Launcher-body")).to_have_count(0)
    stop_all(page, f"{site.url}/hub/home")


def test_the_progress_page_shows_a_slow_start_and_goes_on(page: Page, site: Datalab, shot) -> None:
    with _standby_asleep(site):
        page.click("#start-small")
        page.wait_for_url("**/spawn-pending/**")
        expect(page.get_by_role("heading", name="Starting")).to_be_visible()
        expect(page.locator("#elapsed")).to_contain_text("so far")
        shot(page, "progress")
        page.wait_for_url("**/lab**", timeout=60_000)
    stop_all(page, f"{site.url}/hub/home")


def test_cancel_on_the_progress_page_leaves_nothing(page: Page, site: Datalab) -> None:
    with _standby_asleep(site):
        page.click("#start-small")
        page.wait_for_url("**/spawn-pending/**")
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_url("**/hub/home")
    until(lambda: not site.workspaces())
    page.reload()
    expect(page.locator(".state.running, .state.starting")).to_have_count(0)


def test_a_profile_that_is_not_offered_is_refused(page: Page, shot) -> None:
    expect(page.get_by_text("For the few")).to_have_count(0)
    page.evaluate("document.querySelector('form[data-start] [name=profile]').value = 'secret'")
    page.locator("form[data-start] button").first.click()
    expect(page.get_by_role("alert")).to_contain_text("is for the group few")
    shot(page, "refused")


def test_a_start_that_fails_says_why_and_what_to_do(page: Page, site: Datalab) -> None:
    homes = site.data_dir / "homes"
    away = homes.with_name("homes.away")
    if homes.exists():
        homes.rename(away)
    homes.write_text("in the way")
    try:
        page.click("#start-small")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("home directory could not be prepared")
        expect(alert).to_contain_text("Tell the person who runs Datalab")
    finally:
        homes.unlink()
        if away.exists():
            away.rename(homes)
    page.goto(f"{site.url}/hub/datalab/admin")
    expect(page.get_by_role("row", name=re.compile("home"))).to_be_visible()


def test_an_administrator_sees_who_runs_what_and_stops_it(page: Page, site: Datalab, shot) -> None:
    start(page)
    page.goto(f"{site.url}/hub/datalab/admin")
    row = page.locator("#running tbody tr", has_text="running")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("EUR")
    shot(page, "admin")
    page.get_by_role("searchbox").fill("nobody")
    expect(row).to_be_hidden()
    page.get_by_role("searchbox").fill("small")
    row.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Nobody runs a workspace")).to_be_visible()
    until(lambda: not site.workspaces())


@contextlib.contextmanager
def _standby_asleep(site: Datalab):
    """Make the fast path fail: the standby is there, and does not answer."""
    zygote = site.helper("zygote")
    os.kill(zygote.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            os.kill(zygote.pid, signal.SIGCONT)
