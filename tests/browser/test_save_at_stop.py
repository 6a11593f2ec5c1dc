"""Whoever stops a workspace: what was typed a moment ago is on disk, and the person is told."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

from hubproc import Datalab, until
from lab import new_notebook, start, stop_all
from playwright.sync_api import Page, expect

TOAST = ".Toastify__toast"


def typed(page: Page, text: str) -> None:
    """Type into a notebook and leave it unsaved."""
    new_notebook(page)
    cell = page.locator(".jp-Notebook .jp-mod-active .cm-content")
    cell.fill(text)
    expect(cell).to_contain_text(text)
    expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(1)


def written(site: Datalab, text: str) -> list[Path]:
    """Return the notebooks in all homes that hold a text."""
    homes = site.data_dir / "homes"
    return [path for path in homes.rglob("*.ipynb") if text in path.read_text()]


def test_the_stop_button_saves_what_is_open_in_another_tab(
    page: Page, site: Datalab, context, shot
) -> None:
    start(page)
    typed(page, "# typed just now")
    assert not written(site, "typed just now")
    elsewhere = context.new_page()
    stop_all(elsewhere, f"{site.url}/hub/home")
    told = page.locator(TOAST, has_text="has been saved")
    expect(told).to_be_visible()
    expect(told).to_contain_text("This workspace is being stopped")
    assert len(written(site, "typed just now")) == 1
    page.wait_for_timeout(700)  # it slides in
    shot(page, "saved-before-the-stop")
    elsewhere.close()
    until(lambda: not site.workspaces(), 20)


def test_a_machine_that_is_taken_back_saves_what_is_open(page: Page, site: Datalab) -> None:
    """The platform's SIGTERM comes without the hub knowing: a spot interruption, a drained node."""
    start(page)
    typed(page, "# before the machine went")
    (workspace,) = site.workspaces()
    os.kill(workspace.pid, signal.SIGTERM)
    expect(page.locator(TOAST, has_text="has been saved")).to_be_visible()
    until(lambda: not site.workspaces(), 20)
    assert len(written(site, "before the machine went")) == 1


def test_a_person_stops_the_workspace_from_its_file_menu(page: Page, site: Datalab, shot) -> None:
    """It is saved, the hub itself stops it (no crash in its books), and the start page opens."""
    start(page)
    typed(page, "# before I left")
    page.click(".lm-MenuBar-itemLabel:text-is('File')")
    page.wait_for_selector(".lm-Menu-itemLabel:text-is('Stop This Workspace…')")
    shot(page, "stop-this-workspace")
    page.click(".lm-Menu-itemLabel:text-is('Stop This Workspace…')")
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Kernels and terminals end")
    dialog.get_by_role("button", name="Keep working").click()
    expect(dialog).to_have_count(0)
    assert len(site.workspaces()) == 1
    page.click(".lm-MenuBar-itemLabel:text-is('File')")
    page.click(".lm-Menu-itemLabel:text-is('Stop This Workspace…')")
    dialog.get_by_role("button", name="Stop").click()
    page.wait_for_url("**/hub/home")
    expect(page.locator("#start-small")).to_be_visible()
    expect(page.locator(".state.running, .state.stopping")).to_have_count(0, timeout=30_000)
    assert not site.workspaces()
    assert len(written(site, "before I left")) == 1
    with sqlite3.connect(site.data_dir / "hub" / "usage.sqlite") as ledger:
        assert set(ledger.execute("select outcome, reason from datalab_runs")) >= {
            ("stopped", None)
        }
        last = ledger.execute("select outcome from datalab_runs order by id desc limit 1")
        assert last.fetchone() == ("stopped",)
