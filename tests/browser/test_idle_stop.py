"""An idle workspace is announced, put off, and stopped; a computing one is left alone."""

from __future__ import annotations

from hubproc import Datalab, until
from lab import new_notebook, output, run_cell, start
from playwright.sync_api import Page, expect

TOAST = ".Toastify__toast"


def test_a_person_is_warned_and_puts_the_stop_off_then_it_comes(
    page: Page, site: Datalab, shot
) -> None:
    start(page, "brief")
    warning = page.locator(TOAST, has_text="this workspace stops")
    expect(warning).to_be_visible(timeout=20_000)
    page.wait_for_timeout(700)  # it slides in
    shot(page, "idle-warning")
    warning.get_by_role("button", name="Keep working").click()
    expect(warning).to_have_count(0)
    assert site.workspaces()
    expect(warning).to_be_visible(timeout=20_000)  # and nobody reacts, though the tab is open
    until(lambda: not site.workspaces(), 20)


def test_a_cell_that_computes_silently_past_the_timeout_is_not_stopped(
    page: Page, site: Datalab
) -> None:
    start(page, "brief")
    new_notebook(page)
    run_cell(page, "import time; time.sleep(20); print('survived')")
    expect(output(page)).to_contain_text("survived", timeout=40_000)
    assert site.workspaces()
    page.goto("about:blank")
    until(lambda: not site.workspaces(), 30)
