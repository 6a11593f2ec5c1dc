"""Lab out of an image, in a browser."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import pytest
from chromium import CHROMIUM, HOW_TO_GET_IT
from fakes.claimant import Workspace
from playwright.async_api import Page, async_playwright, expect

from .room import ROOT, USER, Room, room

SCREENSHOTS = ROOT / "test-results" / "screenshots"
PATIENCE = 60_000  # milliseconds; a busy machine


def base_and_chromium() -> AbstractContextManager[Room]:
    """Enter the image ``base``; skip where there is no browser to see it with."""
    if CHROMIUM is None:
        pytest.skip(HOW_TO_GET_IT)
    return room("base")


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
    owned(home)


async def has(page: Page, selector: str, text: str) -> None:
    """Wait until an element with a text can be seen."""
    await expect(page.locator(selector, has_text=text).first).to_be_visible(timeout=PATIENCE)


def owned(home: Path) -> None:
    """Give everything in a home to the images' user."""
    for each in [home, *home.rglob("*")]:
        os.chown(each, USER, USER, follow_symlinks=False)
