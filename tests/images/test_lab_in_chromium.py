"""Lab out of the image ``base``, as a person sees it: what they expect is there and works."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes.claimant import Workspace
from fakes.hub import FakeHub
from playwright.async_api import Page, async_playwright, expect

from .room import ROOT, USER, Room, room
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(1800)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = ROOT / "test-results" / "screenshots"
PATIENCE = 60_000  # milliseconds; a busy machine
REPOSITORY = """
git init -q -b main course && cd course
git config user.email ann@example.org && git config user.name Ann
echo '# Lesson' > lesson.md && git add lesson.md && git commit -qm First
echo '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}' > first.ipynb
"""


@pytest.fixture(scope="module")
def base() -> Iterator[Room]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: tools/install-test-programs says how to get it")
    with room("base") as entered:
        yield entered


@asynccontextmanager
async def lab(workspace: Workspace, path: str = "lab") -> AsyncIterator[Page]:
    """Yield a page of a workspace in a browser that its owner has signed in with."""
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE)
        joint = "&" if "?" in path else "?"
        await page.goto(f"{workspace.url}{path}{joint}token={workspace.person.user_token}")
        try:
            yield page
        finally:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            name = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0]
            await page.screenshot(path=SCREENSHOTS / f"image-{name}.png")
            await browser.close()


def settings(home: Path) -> None:
    """Spare a new person Lab's question whether to fetch news."""
    path = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    path.mkdir(parents=True)
    (path / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    for each in [home / ".jupyter", *(home / ".jupyter").rglob("*")]:
        os.chown(each, USER, USER)


def has(page: Page, selector: str, text: str) -> object:
    return expect(page.locator(selector, has_text=text).first).to_be_visible(timeout=PATIENCE)


async def test_git_memory_schedules_and_a_terminal(base: Room, hub: FakeHub, home: Path) -> None:
    settings(home)
    base.run("sh", "-ec", REPOSITORY, home=home)
    async with (
        serving(base, hub, home, JUPYTERHUB_ALLOW_TOKEN_IN_URL="1") as (ann, _, _),
        lab(ann, "lab/tree/course/lesson.md") as page,
    ):
        await has(page, "#jp-main-statusbar", "Mem:")
        await has(page, "#jp-main-statusbar", "CPU:")
        await page.click('.jp-SideBar [data-id="jp-git-sessions"]')
        await has(page, "#jp-git-sessions", "main")
        await has(page, "#jp-git-sessions", "first.ipynb")  # not tracked yet
        await page.goto(f"{ann.url}lab?reset")
        await page.click('.jp-LauncherCard[title*="erminal"]')
        await page.click(".jp-Terminal .xterm")
        await page.keyboard.type("git --version > answer.txt\n")
        await has(page, ".jp-DirListing-item", "answer.txt")
        assert (home / "answer.txt").read_text().startswith("git version")
        await page.goto(f"{ann.url}lab?reset")
        await page.click('.jp-LauncherCard:has-text("Jobs")')
        await has(page, "#jp-main-dock-panel", "There are no jobs.")


async def test_a_link_brings_a_course_and_opens_it(base: Room, hub: FakeHub, home: Path) -> None:
    """An nbgitpuller link, as teachers hand them out."""
    settings(home)
    base.run("sh", "-ec", REPOSITORY, home=home)
    link = "git-pull?repo=file%3A///home/jovyan/course&branch=main&targetPath=mine"
    async with (
        serving(base, hub, home, JUPYTERHUB_ALLOW_TOKEN_IN_URL="1") as (ann, _, _),
        lab(ann, f"{link}&urlpath=lab/tree/mine/lesson.md") as page,
    ):
        await page.wait_for_url("**/lab/tree/mine/lesson.md*")
        await has(page, ".jp-FileEditor, .jp-MarkdownViewer", "Lesson")
        assert (home / "mine/lesson.md").read_text() == "# Lesson\n"


async def test_safe_mode_says_why(base: Room, hub: FakeHub, home: Path) -> None:
    settings(home)
    (home / ".jupyter/jupyter_server_config.py").write_text("c.ServerApp.port = \n")
    async with (
        serving(base, hub, home, JUPYTERHUB_ALLOW_TOKEN_IN_URL="1") as (ann, _, _),
        lab(ann) as page,
    ):
        await has(page, ".Toastify__toast", "runs in safe mode")
        await has(page, ".jp-Launcher-body", "Notebook")
        await page.click(".Toastify__toast >> text=Details")
        await has(page, ".jp-Dialog", "jupyter_server_config.py is not valid Python (line 1")
        await has(page, ".jp-Dialog", "stop the workspace and start it again")


async def test_a_start_message_shows_the_gpu(base: Room, hub: FakeHub, home: Path) -> None:
    """The driver's program is the node's: the container runtime mounts it, here a stand-in."""
    settings(home)
    programs = home.parent / "nvidia"
    programs.mkdir()
    (programs / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA L4, 23034, 580.65.06'\n")
    (programs / "nvidia-smi").chmod(0o755)
    path = dict(entry.split("=", 1) for entry in base.config["Env"])["PATH"]
    env = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1", "PATH": f"/tmp/nvidia:{path}"}
    async with (
        serving(base, hub, home, mounts={str(programs): "/tmp/nvidia"}, **env) as (ann, _, _),
        lab(ann) as page,
    ):
        await has(page, ".Toastify__toast", "GPU: NVIDIA L4 (22 GiB), driver 580.65.06.")
