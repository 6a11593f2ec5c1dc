"""`datalab up --demo`, and the side panel: from nothing to data in a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psutil
import pytest
from hubproc import Datalab, until
from lab import new_notebook, output, run_cell, start, stop_all, violations
from playwright.sync_api import BrowserContext, Locator, Page, TimeoutError, expect

expect.set_options(timeout=30_000)  # a workspace on a busy machine


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datalab]:
    site = Datalab(tmp_path_factory.mktemp("demo") / "data", demo=True)
    try:
        yield site.start()
        site.helper("datalab_hub.demo_services")
        helpers = site.helpers()
    finally:
        site.stop()
    assert psutil.wait_procs(helpers, timeout=20)[1] == []


@pytest.fixture(scope="module")
def workspace(context: BrowserContext, site: Datalab) -> Iterator[str]:
    """The address of a running workspace."""
    page = context.new_page()
    page.goto(f"{site.url}/hub/home")
    start(page)
    yield page.url.split("/lab")[0]
    stop_all(page, f"{site.url}/hub/home")
    page.close()


@pytest.fixture
def lab(page: Page, workspace: str) -> Page:
    """Lab with nothing open."""
    page.goto(f"{workspace}/lab?reset")
    page.wait_for_selector(".jp-Launcher-body", timeout=60_000)
    return page


def panel(page: Page) -> Locator:
    """Open the side panel, if it is not, and return it."""
    shown = page.get_by_role("region", name="Data sources")
    if not shown.is_visible():
        page.locator('.lm-TabBar-tab[data-id="datalab-sources"]').click()
    expect(shown.get_by_role("list").first).to_be_visible()
    return shown


def source(page: Page, name: str) -> Locator:
    return panel(page).locator(f'[data-source="{name}"]')


def opened(page: Page, name: str) -> Locator:
    found = source(page, name)
    title = found.locator("[aria-expanded]")
    if title.get_attribute("aria-expanded") == "false":
        title.click()
    expect(title).to_have_attribute("aria-expanded", "true")
    return found


def test_what_the_readme_says_works_in_a_new_workspace_with_nothing_configured(lab: Page) -> None:
    new_notebook(lab)
    code = 'import boto3\nfound = boto3.client("s3").list_objects_v2(Bucket="datalab-demo")'
    run_cell(lab, f'{code}\nprint("objects:", found["KeyCount"])')
    expect(output(lab)).to_have_text("objects: 5")
    code = (
        'import pandas as pd\nprint(len(pd.read_parquet("s3://datalab-demo/shop/orders.parquet")))'
    )
    run_cell(lab, code)
    expect(output(lab)).to_have_text("5000")
    run_cell(lab, 'print(len(pd.read_csv("s3://datalab-demo/shop/customers.csv")))')
    expect(output(lab)).to_have_text("500")
    run_cell(
        lab,
        "import datalab\nimport sqlalchemy as sa\n"
        'with datalab.connect("sales").connect() as connection:\n'
        '    print("orders:", connection.scalar(sa.text("SELECT count(*) FROM orders")))',
    )
    expect(output(lab)).to_have_text("orders: 5000")


def test_the_panel_lists_sources_and_says_what_one_may_do(lab: Page) -> None:
    lake = opened(lab, "lake")
    expect(lake).to_contain_text("S3 · read and write")
    expect(lake).to_contain_text("find this source by themselves")
    expect(source(lab, "sales")).to_contain_text("PostgreSQL · read only")
    locked = opened(lab, "pricing")
    expect(locked).to_contain_text("You are not in group pricing, which Demo pricing is for.")
    expect(locked).to_contain_text("Ask the pricing team.")
    expect(locked.get_by_role("button", name="Copy")).to_have_count(0)


def test_code_goes_into_the_cell_and_runs(lab: Page, shot) -> None:
    sales = opened(lab, "sales")
    expect(sales.get_by_role("button", name="Insert", exact=True)).to_be_disabled()
    new_notebook(lab)
    sales = opened(lab, "sales")
    sales.get_by_role("button", name="Insert", exact=True).click()
    cell = lab.locator(".jp-Notebook .jp-mod-active .cm-content")
    expect(cell).to_contain_text('datalab.read("sales"')
    expect(panel(lab).get_by_role("status")).to_contain_text("Inserted into cell 1 of")
    lab.keyboard.press("Shift+Enter")  # the focus is in the cell
    expect(output(lab)).to_contain_text("table_name", timeout=60_000)
    # The kernel has asked for a credential: the panel knows after a refresh.
    panel(lab).get_by_role("button", name="Refresh data sources").click()
    expect(sales).to_have_attribute("data-tone", "held")
    expect(sales).to_contain_text("In use A credential is held until")
    lab.wait_for_timeout(500)
    shot(lab, "data-sources")


def test_a_second_insertion_tears_no_line_apart(lab: Page) -> None:
    new_notebook(lab)
    cell = lab.locator(".jp-Notebook .jp-mod-active .cm-content")
    cell.fill("first = 1")
    panel(lab).get_by_role("button", name="Insert code for Demo lake").click()
    expect(cell).to_contain_text("datalab.connect")
    assert cell.inner_text().splitlines()[:2] == ["first = 1", "import datalab"]


def test_in_a_markdown_cell_code_gets_a_cell_of_its_own(lab: Page) -> None:
    new_notebook(lab)
    lab.keyboard.press("Escape")
    lab.keyboard.press("m")
    expect(lab.locator(".jp-MarkdownCell.jp-mod-active")).to_be_visible()
    panel(lab).get_by_role("button", name="Insert code for Demo lake").click()
    expect(lab.locator(".jp-CodeCell.jp-mod-active .cm-content")).to_contain_text("datalab.connect")
    expect(panel(lab).get_by_role("status")).to_contain_text("Inserted into cell 2 of")


def test_copy_puts_the_chosen_code_on_the_clipboard(lab: Page) -> None:
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lake = opened(lab, "lake")
    lake.get_by_role("button", name="pandas").click()
    expect(lake.get_by_role("button", name="pandas")).to_have_attribute("aria-pressed", "true")
    lake.get_by_role("button", name="Copy").click()
    expect(panel(lab).get_by_role("status")).to_have_text("Copied.")
    copied = lab.evaluate("navigator.clipboard.readText()")
    assert 'pd.read_parquet("s3://datalab-demo/shop/FILE.parquet")' in copied


def test_the_keyboard_alone_opens_a_source_and_the_focus_stays(lab: Page) -> None:
    shown = panel(lab)
    shown.get_by_role("button", name="Refresh data sources").focus()
    lab.keyboard.press("Tab")
    title = source(lab, "lake").locator("[aria-expanded]")
    expect(title).to_be_focused()
    assert title.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
    before = title.get_attribute("aria-expanded")
    lab.keyboard.press("Enter")
    expect(title).not_to_have_attribute("aria-expanded", str(before))
    expect(title).to_be_focused()  # though the list was drawn anew
    check = opened(lab, "lake").get_by_role("button", name="Check")
    check.focus()
    lab.keyboard.press("Enter")
    expect(shown.get_by_role("status")).to_have_text("Demo lake can be used.")
    expect(source(lab, "lake")).to_have_attribute("data-tone", "held")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_panel_is_accessible_in_both_themes(lab: Page, theme: str, shot) -> None:
    use_theme(lab, theme)
    opened(lab, "lake")
    opened(lab, "pricing")
    opened(lab, "sales").get_by_role("button", name="Check").click()
    expect(source(lab, "sales")).to_have_attribute("data-tone", "held")
    lab.wait_for_timeout(300)
    assert violations(lab, ".datalab-Sources") == []
    if theme == "Dark":
        source(lab, "lake").locator("[aria-expanded]").click()
        shot(lab, "data-sources-dark")
    use_theme(lab, "Light")


def use_theme(page: Page, name: str) -> None:
    page.locator('.lm-MenuBar-item:has-text("Settings")').click()
    page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    page.locator(".lm-Menu-item", has_text=re.compile(f"^JupyterLab {name}$")).click()
    expect(page.locator("body")).to_have_attribute(
        "data-jp-theme-light", "true" if name == "Light" else "false"
    )


def test_a_broker_that_is_away_is_said_in_its_own_words(lab: Page, site: Datalab) -> None:
    shown = panel(lab)
    broker = site.helper("datalab_hub.credentials.service")
    broker.suspend()
    try:
        shown.get_by_role("button", name="Refresh data sources").click()
        expect(shown.get_by_role("alert")).to_contain_text("credential broker does not answer")
    finally:
        broker.resume()
    shown.get_by_role("button", name="Refresh data sources").click()
    expect(source(lab, "lake")).to_be_visible()


def test_the_list_wants_a_sign_in_and_the_check_a_token_of_the_page(
    lab: Page, workspace: str
) -> None:
    address = f"{workspace}/datalab/api/sources"
    stranger = lab.context.browser.new_context().request
    assert stranger.get(address, max_redirects=0).status in (302, 403)
    assert stranger.post(f"{address}/lake", max_redirects=0).status in (302, 403)
    # With the person's cookies, but from a page of somebody else's: no XSRF token.
    refused = lab.context.request.post(f"{address}/lake")
    assert refused.status == 403
    assert "_xsrf" in refused.text()


def opens_the_palette(page: Page, entry: Locator) -> bool:
    """Click an entry; while Notebook loads, the palette is not there yet, or is drawn anew."""
    try:
        page.keyboard.press("Escape")
        page.keyboard.press("Control+Shift+c")
        entry.click(timeout=5_000)
    except TimeoutError:
        return False
    return True


def test_notebook_7_has_the_panel_too(context: BrowserContext, lab: Page, workspace: str) -> None:
    new_notebook(lab)
    name = lab.locator(".jp-mod-current .lm-TabBar-tabLabel", has_text=".ipynb").inner_text()
    # A page of its own: Notebook 7.6's shortcuts plugin throws now and then while it loads.
    page = context.new_page()
    page.goto(f"{workspace}/notebooks/{name}")
    page.wait_for_selector(".jp-Notebook .cm-content")
    entry = page.locator('.lm-CommandPalette-item[data-command="datalab-sources:open"]')
    until(lambda: opens_the_palette(page, entry), 90)
    page.get_by_role("button", name="Insert code for Demo lake").click()
    cell = page.locator(".jp-Notebook .jp-mod-active .cm-content")
    expect(cell).to_contain_text("datalab.connect")
    page.close()
