"""From an open notebook to a pipeline project, in a browser."""

from __future__ import annotations

from hubproc import Datalab
from lab import new_notebook, run_cell, start, stop_all
from playwright.sync_api import Page, expect


def test_a_notebook_is_exported_from_the_file_menu(page: Page, site: Datalab, shot) -> None:
    start(page)
    new_notebook(page)
    run_cell(page, "prices = [3, 5, 8]")
    run_cell(page, "total = sum(prices)\nprint(total)")
    page.locator('.lm-MenuBar-item:has-text("File")').click()
    page.locator('[data-command="datalab-export:open"]').first.click()
    panel = page.locator(".datalab-Export")
    expect(panel.get_by_role("heading", name="Stages")).to_be_visible()
    name = panel.get_by_label("Name of stage 1")
    name.fill("Two Words")
    name.press("Tab")
    expect(panel.get_by_role("alert").first).to_contain_text("small letters")
    name.fill("totals")
    name.press("Tab")
    expect(panel.get_by_label("Compute of totals")).to_be_visible()
    shot(page, "export-preview")
    panel.get_by_role("textbox", name="Folder").fill("totals-pipeline")
    panel.get_by_role("button", name="Export", exact=True).click()
    expect(panel.get_by_role("heading", name="Exported")).to_be_visible(timeout=60_000)
    expect(panel.get_by_role("button", name="stages/totals.py")).to_be_visible()
    shot(page, "export-result")
    written = list((site.data_dir / "homes").rglob("totals-pipeline/stages/totals.py"))
    assert len(written) == 1
    stop_all(page, f"{site.url}/hub/home")
