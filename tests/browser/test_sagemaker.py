"""Workspaces on SageMaker, clicked through on the stand-in: card, progress, Lab, limit, stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from datalab_hub.demo_sagemaker import CATALOG
from hubproc import Datalab
from lab import new_notebook, output, run_cell
from playwright.sync_api import Page, expect

TOAST = ".Toastify__toast"
LIMITED = """
  - name: limited
    title: GPU, for a moment
    description: Reaches its limit while one looks at it.
    backend: sagemaker
    image: gpu
    max_runtime: 100s
    sagemaker: { instance_type: ml.g4dn.xlarge }
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datalab]:
    directory: Path = tmp_path_factory.mktemp("sagemaker")
    catalog = directory / "datalab.yaml"
    catalog.write_text(CATALOG.read_text().rstrip() + "\n" + LIMITED)
    site = Datalab(directory / "data", catalog=catalog, demo_sagemaker=True)
    try:
        yield site.start()
    finally:
        site.stop()


def test_from_the_card_to_a_cell_and_back(page: Page, site: Datalab, shot) -> None:
    card = page.locator(".card, article, li", has=page.locator("#start-gpu")).last
    expect(card).to_contain_text("GPU, A10G 24 GB")
    expect(card).to_contain_text("1.41")  # an hour, in dollars
    expect(card).to_contain_text("ready in minutes")
    spot = page.locator(".card, article, li", has=page.locator("#start-gpu-spot")).last
    expect(spot).to_contain_text("up to 1.41 USD per hour")
    shot(page, "sagemaker-card")
    page.click("#start-gpu")
    page.wait_for_url("**/spawn-pending/**", timeout=60_000)
    expect(page.locator("main")).to_contain_text(
        re.compile("Getting a machine|Preparing the machine|Waiting for a free machine"),
        timeout=60_000,
    )
    shot(page, "sagemaker-progress")
    page.wait_for_url("**/lab**", timeout=120_000)
    page.wait_for_selector(".jp-Launcher-body", timeout=90_000)
    new_notebook(page)
    run_cell(page, "import os; print(os.getcwd())")
    expect(output(page)).to_contain_text("/homes/", timeout=60_000)
    page.goto(f"{site.url}/hub/home")
    running = page.locator("main")
    expect(running).to_contain_text(re.compile(r"\$|USD"))
    shot(page, "sagemaker-running")
    button = page.locator("form[data-stop] button")
    button.click()
    expect(button).to_have_count(0, timeout=60_000)


def test_the_limit_is_announced_and_what_is_open_is_saved_when_it_strikes(
    page: Page, site: Datalab, shot
) -> None:
    page.click("#start-limited")
    page.wait_for_url("**/lab**", timeout=120_000)
    page.wait_for_selector(".jp-Launcher-body, .jp-NotebookPanel", timeout=90_000)
    new_notebook(page)
    page.locator(".jp-Notebook .jp-mod-active .cm-content").fill("# before the limit")
    warning = page.locator(TOAST, has_text="reaches its limit of 2 minutes")
    expect(warning).to_be_visible(timeout=120_000)
    expect(warning).not_to_contain_text("…")  # Lab cuts what is long
    page.wait_for_timeout(700)  # it slides in
    shot(page, "limit-warning")
    told = page.locator(TOAST, has_text="has been saved")
    expect(told).to_be_visible(timeout=150_000)
    homes = (site.data_dir / "demo-aws").rglob("*.ipynb")
    assert any("before the limit" in path.read_text() for path in homes)
