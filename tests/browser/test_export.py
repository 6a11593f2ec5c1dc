"""From an open notebook to a pipeline project, in a browser."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from hubproc import Datalab, until
from lab import AXE, start, stop_all
from playwright.sync_api import Locator, Page, expect

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LONG = 150_000  # milliseconds that a verification may take on a busy machine
COMMAND = '[data-command="datalab-export:open"]'
SETTINGS = """
[user]
name = Ada Lovelace
email = ada@example.org
"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def work(page: Page, site: Datalab) -> Iterator[Path]:
    """A repository in the home of a running workspace, with notebooks in it; the page shows Lab."""
    start(page)
    (home,) = [path for path in (site.data_dir / "homes").iterdir() if path.is_dir()]
    (home / ".gitconfig").write_text(SETTINGS)
    work = home / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for name in ("iris", "config", "bank", "monte_carlo"):
        shutil.copy2(NOTEBOOKS / f"{name}.ipynb", work)
    write(work / "broken.ipynb", ["x = 1", "for each in range(3)\n    print(each)"])
    write(work / "slow.ipynb", ["import time", "time.sleep(600)"])
    write(work / "in_r.ipynb", ["x <- 1"], language="R")
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", ".")
    git(work, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "Notebooks")
    yield work
    stop_all(page, f"{site.url}/hub/home")


def test_a_notebook_becomes_a_verified_commit(page: Page, work: Path, shot) -> None:
    page.set_viewport_size({"width": 1500, "height": 940})
    panel = export(page, "iris.ipynb")
    assert not violations(page)
    name = panel.get_by_role("article", name=": load,").get_by_role("textbox")
    name.fill("Two Words")
    name.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("small letters")
    name.fill("import")
    name.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("means something else")
    name.fill("read_flowers")
    name.press("Enter")
    renamed = panel.get_by_role("article", name=": read_flowers,")
    expect(renamed).to_be_visible()
    expect(panel.get_by_role("alert")).to_have_count(0)

    stages = panel.get_by_role("article")
    before = stages.count()
    panel.get_by_role("button", name="Merge explore with the next stage").click()
    expect(stages).to_have_count(before - 1)
    panel.get_by_role("button", name="Undo the last change").click()
    expect(stages).to_have_count(before)
    panel.get_by_role("button", name="Merge train with the next stage").click()
    expect(stages).to_have_count(before - 1)
    expect(renamed).to_be_visible()

    panel.get_by_role("button", name="Open train").click()
    card = panel.get_by_role("article", name=": train,")
    for width in (900, 1500):  # a long line of code stays within its card
        page.set_viewport_size({"width": width, "height": 940})
        edge = card.evaluate("card => card.getBoundingClientRect().right")
        inside = "all => Math.max(...all.map(one => one.getBoundingClientRect().right))"
        assert card.locator("code, select").evaluate_all(inside) <= edge
    panel.get_by_label("Compute of train").select_option(label="Training · 16 CPU, 32 GiB")
    expect(panel.get_by_role("article", name=": train,")).to_contain_text("Training · 16")
    panel.get_by_role("list", name="Code cells of train").get_by_role("button").first.click()
    expect(page.locator(".jp-Cell.datalab-Export-flash")).to_contain_text("RandomForest")
    assert not violations(page)
    shot(page, "export-preview")

    panel.get_by_label("Message").fill("Train on flowers")
    panel.get_by_label("Folder").fill("work/flowers")
    panel.get_by_role("button", name="Export", exact=True).click()
    expect(panel.get_by_role("heading", name="Exporting to work/flowers")).to_be_visible()
    chips = panel.locator(".datalab-Export-phaseStages")
    expect(chips.get_by_text("read_flowers", exact=True)).to_be_visible(timeout=LONG)
    expect(chips.locator(".datalab-mod-succeeded").first).to_be_visible(timeout=LONG)
    assert not violations(page)
    shot(page, "export-progress")
    expect(panel.get_by_role("heading", name="Exported")).to_be_visible(timeout=LONG)
    expect(panel).to_contain_text("The pipeline gives what the notebook gives")
    branch, subject, author = git(work, "log", "-1", "--format=%D%n%s%n%an").splitlines()
    assert "HEAD -> datalab/export-iris" in branch
    assert (subject, author) == ("Train on flowers", "Ada Lovelace")
    expect(panel).to_contain_text(git(work, "rev-parse", "HEAD")[:10])
    expect(panel.get_by_label("Git")).to_contain_text("git switch main")
    assert not violations(page)
    shot(page, "export-result")
    assert "SageMakerTraining" in (work / "flowers/stages/train.py").read_text()

    page.reload()  # what was found is still there
    expect(panel.get_by_role("heading", name="Exported")).to_be_visible(timeout=60_000)
    panel.get_by_role("button", name="stages/read_flowers.py").click()
    expect(page.locator(".jp-FileEditor")).to_contain_text("def ", timeout=60_000)


def test_an_export_is_cancelled_while_it_verifies_and_leaves_nothing(
    page: Page, work: Path
) -> None:
    panel = export(page, "slow.ipynb")
    panel.get_by_role("button", name="Export", exact=True).click()
    expect(panel).to_contain_text("running the notebook twice", timeout=LONG)
    assert running("datalab_pipelines.export.proof.reference", work.parent)
    page.reload()  # it goes on, and the panel finds it again
    expect(panel).to_contain_text("running the notebook twice", timeout=60_000)
    panel.get_by_role("button", name="Cancel").click()
    expect(panel.get_by_role("alert")).to_contain_text("cancelled", timeout=60_000)
    expect(panel.get_by_role("article")).to_have_count(1)
    until(lambda: not running("datalab_pipelines.export.proof.reference", work.parent))
    assert git(work, "status", "--porcelain", "--", "slow-pipeline") == ""
    assert git(work, "branch", "--format=%(refname:short)") == "main"


def test_a_syntax_error_leads_to_its_cell_and_is_gone_when_it_is_corrected(
    page: Page, work: Path
) -> None:
    panel = export(page, "broken.ipynb")
    expect(panel.get_by_role("alert")).to_contain_text("expected ':'")
    panel.get_by_role("button", name="Cell 2, line 1").click()
    cell = page.locator(".jp-Notebook .jp-mod-active .cm-content")
    expect(cell).to_contain_text("for each in range(3)")
    cell.fill("total = sum(range(3))")
    panel.get_by_role("button", name="Save and plan again").click()
    expect(panel.get_by_role("article")).to_have_count(1)
    assert "sum(range(3))" in (work / "broken.ipynb").read_text()  # saved first
    expect(panel.get_by_role("alert")).to_have_count(0)


def test_a_notebook_that_fails_says_the_error_and_leads_to_its_cell(page: Page, work: Path) -> None:
    write(work / "fails.ipynb", ["import pandas as pd", "pd.read_csv('nowhere.csv')"])
    panel = export(page, "fails.ipynb")
    panel.get_by_role("button", name="Export", exact=True).click()
    alert = panel.get_by_role("alert")
    expect(alert).to_contain_text("No such file or directory: 'nowhere.csv'", timeout=LONG)
    expect(alert).not_to_contain_text("Traceback")
    assert not violations(page)
    alert.get_by_role("button", name="Cell 2").click()
    expect(page.locator(".jp-Notebook .jp-mod-active .cm-content")).to_contain_text("nowhere")


def test_a_notebook_without_code_is_called_by_its_name(page: Page, work: Path) -> None:
    write(work / "empty.ipynb", [""])
    panel = export(page, "empty.ipynb")
    expect(panel.get_by_role("alert")).to_contain_text("empty.ipynb has no code in it")


def test_the_notes_of_a_stage_stand_in_its_card_and_lead_to_the_cell(
    page: Page, work: Path
) -> None:
    write(work / "noted.ipynb", ["x = 1\nprint(x)", "%timeit x", "y = x + 1\nprint(y)"])
    panel = export(page, "noted.ipynb")
    card = panel.get_by_role("article").first
    note = card.get_by_role("button", name="1 note")
    expect(note).to_have_attribute("aria-expanded", "false")
    note.click()
    expect(note).to_have_attribute("aria-expanded", "true")
    expect(card.get_by_role("listitem").first).to_contain_text("%timeit")
    assert not violations(page)
    card.get_by_role("button", name="cell 2").first.click()
    expect(page.locator(".jp-Cell.datalab-Export-flash")).to_contain_text("%timeit")


def test_a_server_that_does_not_answer_is_told_and_asked_again(page: Page, work: Path) -> None:
    panel = export(page, "bank.ipynb")
    address = "**/datalab-export/api/preview**"
    page.route(address, lambda route: route.abort())
    panel.get_by_role("button", name="Save and read the notebook again").click()
    expect(panel.get_by_role("alert")).to_contain_text("The server does not answer")
    assert not violations(page)
    page.unroute(address)
    panel.get_by_role("button", name="Try again").click()
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(panel.get_by_role("article").first).to_be_visible()


def test_the_file_browser_and_the_palette_offer_it_and_other_languages_say_why_not(
    page: Page, work: Path
) -> None:
    page.goto(base(page) + "/lab/tree/work?reset")
    page.locator(".jp-DirListing-item", has_text="bank.ipynb").click(button="right")
    page.locator('.lm-Menu [data-command="datalab-export:open-file"]').click()
    panel = page.locator(".datalab-Export")
    expect(panel.get_by_role("article").first).to_be_visible(timeout=60_000)
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Control+Shift+c")
    page.locator(".lm-CommandPalette-input").fill("export to pipeline")
    expect(page.locator(f".lm-CommandPalette {COMMAND}")).to_be_visible()

    address = base(page) + "/lab/tree/work/in_r.ipynb?reset"
    page = page.context.new_page()  # there is no such kernel, and Lab logs that as an error
    page.goto(address)
    page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
    button = page.locator(f".jp-NotebookPanel-toolbar {COMMAND}")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile("Only Python notebooks.*is in R"))
    page.close()


def test_the_dark_theme_is_as_readable(page: Page, work: Path, shot) -> None:
    page.set_viewport_size({"width": 1500, "height": 940})
    panel = export(page, "config.ipynb")
    theme(page, "JupyterLab Dark")
    try:
        expect(panel.get_by_role("article", name=": make,")).to_be_visible()
        expect(panel.get_by_role("switch", name="seed")).to_be_checked()
        panel.get_by_role("button", name="Open make").click()
        assert not violations(page)
        shot(page, "export-dark")
    finally:
        theme(page, "JupyterLab Light")


def test_notebook_7_offers_the_same_beside_its_one_document(page: Page, work: Path, shot) -> None:
    address = base(page) + "/notebooks/work/monte_carlo.ipynb"
    page = page.context.new_page()  # Notebook 7.6 has errors of its own, which are not for us
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.stack or ""))
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .cm-content", timeout=60_000)
    page.locator(f".jp-NotebookPanel-toolbar {COMMAND}").click()
    panel = page.locator(".datalab-Export")
    expect(panel.get_by_role("article", name=": report,")).to_be_visible()
    assert not violations(page)
    shot(page, "export-notebook7")
    panel.get_by_role("switch", name="Verify").uncheck(force=True)
    panel.get_by_role("button", name="Export", exact=True).click()
    expect(panel.get_by_role("heading", name="Exported")).to_be_visible(timeout=LONG)
    expect(panel).to_contain_text("Not verified")
    expect(panel).to_contain_text(git(work, "rev-parse", "HEAD")[:10])
    assert not [error for error in errors if "@datalab" in error]
    page.close()


def base(page: Page) -> str:
    """Return the address of the workspace."""
    return page.url.split("/lab")[0]


def open_notebook(page: Page, name: str) -> None:
    """Open a notebook of the repository in Lab, alone."""
    page.goto(base(page) + f"/lab/tree/work/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)


def export(page: Page, name: str) -> Locator:
    """Open a notebook, and its panel from the File menu; return that when it shows something."""
    open_notebook(page, name)
    page.locator('.lm-MenuBar-item:has-text("File")').click()
    page.locator(f".lm-Menu {COMMAND}").click()
    panel = page.locator(".datalab-Export")
    expect(panel.locator("article, [role=alert]").first).to_be_visible(timeout=60_000)
    return panel


def theme(page: Page, name: str) -> None:
    """Choose a theme in the menu; it stays for this person."""
    page.locator('.lm-MenuBar-item:has-text("Settings")').click()
    page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    page.locator(".lm-Menu-item", has_text=name).first.click()
    wanted = "false" if "Dark" in name else "true"
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", wanted)


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong in the panel (Lab's own is not ours to correct)."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run('.datalab-Export')")["violations"]
    return [f"{item['id']}: {node['html']}" for item in found for node in item["nodes"]]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def running(module: str, home: Path) -> list[psutil.Process]:
    """Return the processes of a person's workspace that run a module."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if module in process.cmdline() and process.environ().get("HOME") == str(home):
                found.append(process)
    return found


def write(path: Path, cells: list[str], language: str = "python") -> None:
    kernel = {"name": language.lower(), "language": language, "display_name": language}
    if language == "python":
        kernel["name"] = "python3"
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": kernel, "language_info": {"name": language}}
    )
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(made, path)
