"""Workspaces on SageMaker, clicked through on the stand-in: card, progress, Lab, limit, stop."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest
from datalab_hub.demo_sagemaker import CATALOG
from hubproc import READY_SECONDS, Datalab, answers, until
from lab import new_notebook, output, run_cell, stop_all, violations
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


def test_a_start_that_takes_minutes_is_left_for_a_card_that_is_quick(
    page: Page, site: Datalab, shot
) -> None:
    page.click("#start-gpu")
    page.wait_for_url("**/spawn-pending/**", timeout=60_000)
    section = page.locator("#elsewhere")
    expect(section.get_by_role("heading", name="Small")).to_be_visible()
    expect(section.get_by_role("heading", name="GPU, spot")).to_be_hidden()  # minutes as well
    expect(page.locator("main")).to_contain_text("Getting a machine", timeout=60_000)
    with _aws_standing_still(site):
        assert violations(page) == []
        shot(page, "another-card")
        page.emulate_media(color_scheme="dark")
        assert violations(page) == []
        shot(page, "another-card-dark")
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        shot(page, "another-card-phone")
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="light")
    with page.expect_navigation(url="**/lab**", timeout=120_000):
        section.locator("#move-small").click()
    page.wait_for_selector(".jp-Launcher-body, .jp-NotebookPanel", timeout=90_000)
    aws = site.hub().environ()
    jobs = boto3.client(
        "sagemaker",
        region_name=aws["AWS_DEFAULT_REGION"],
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        aws_access_key_id="outside",
        aws_secret_access_key="outside",
    )
    until(lambda: not jobs.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"])
    page.goto(f"{site.url}/hub/home")
    row = page.locator(".row", has_text="running")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Small")
    stop_all(page, f"{site.url}/hub/home")


@pytest.mark.timeout(400)  # a start and a hub that begins anew, on a machine that does much else
def test_after_a_restart_the_page_says_that_it_comes_back_and_leads_to_where_one_was(
    page: Page, site: Datalab, shot
) -> None:
    page.click("#start-gpu")
    page.wait_for_url("**/lab**", timeout=120_000)
    page.wait_for_selector(".jp-Launcher-body, .jp-NotebookPanel", timeout=90_000)
    workspace = page.url.split("/lab")[0]
    person = workspace.rsplit("/", 1)[1]
    hub = site.hub()
    with _aws_standing_still(site):
        hub.kill()
        hub.wait()
        until(lambda: answers(f"{site.url}/hub/api"), READY_SECONDS)
        wanted = f"/hub/user/{person}/lab/workspaces/elsewhere?redirects=1"
        page.goto(f"{site.url}/hub/spawn-pending/{person}?next={quote(wanted)}")
        heading = page.get_by_role("heading", name="My workspace is coming back")
        expect(heading).to_be_visible(timeout=60_000)
        expect(page.locator("#message")).to_contain_text("which goes on meanwhile")
        expect(page.get_by_role("button", name="Stop it")).to_be_visible()
        expect(page.locator("#elsewhere")).to_have_count(0)  # that would end what goes on
        assert violations(page) == []
        shot(page, "coming-back")
    page.wait_for_url(f"{workspace}/lab/workspaces/elsewhere**", timeout=120_000)
    stop_all(page, f"{site.url}/hub/home")


@contextlib.contextmanager
def _aws_standing_still(site: Datalab) -> Iterator[None]:
    aws = site.helper("fakes.sagemaker")
    os.kill(aws.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(aws.pid, signal.SIGCONT)
