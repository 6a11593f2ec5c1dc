"""What people do in JupyterLab and on Datalab's pages, as functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def start(page: Page, profile: str = "small") -> None:
    """Click a card's button and wait for Lab with what was open there last, or the launcher."""
    page.click(f"#start-{profile}")
    page.wait_for_url("**/lab**", timeout=120_000)
    page.wait_for_selector(".jp-Launcher-body, .jp-NotebookPanel", timeout=120_000)


def new_notebook(page: Page) -> None:
    """Click the launcher's Python card and wait for the kernel."""
    if not page.locator(".jp-Launcher-body").count():
        page.goto(page.url.split("/lab")[0] + "/lab?reset")
    page.click('.jp-LauncherCard[data-category="Notebook"]')
    page.wait_for_selector(".jp-Notebook .cm-content")
    # What is run before the kernel has introduced itself is dropped without a word.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=30_000)


def run_cell(page: Page, code: str) -> None:
    """Type code into the active cell and run it."""
    cell = page.locator(".jp-Notebook .jp-mod-active .cm-content")
    cell.fill(code)
    expect(cell).to_contain_text(code.splitlines()[0])
    page.keyboard.press("Shift+Enter")


def output(page: Page) -> Any:
    """Return the locator of the last output."""
    return page.locator(".jp-OutputArea-output").last


def stop_all(page: Page, home: str) -> None:
    """Press every Stop button on the start page."""
    page.goto(home)
    buttons = page.locator("form[data-stop] button")
    while count := buttons.count():
        buttons.first.click()
        expect(buttons).to_have_count(count - 1)
        expect(page.locator(".state.stopping")).to_have_count(0, timeout=60_000)


def violations(page: Page, within: str = "html") -> list[str]:
    """Return what axe finds wrong for keyboard and screen-reader users."""
    # With a policy against inline scripts a script tag would be refused; evaluating is not.
    page.evaluate(AXE.read_text())
    found = page.evaluate("within => axe.run(within)", within)["violations"]
    return [f"{item['id']}: {node['html']}" for item in found for node in item["nodes"]]
