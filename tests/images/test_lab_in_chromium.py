"""Lab out of the image ``base``, as a person sees it: what they expect is there and works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.hub import FakeHub

from .chromium import base_and_chromium, has, lab, settings
from .room import Room
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(1800)]

REPOSITORY = """
git init -q -b main course && cd course
git config user.email ann@example.org && git config user.name Ann
echo '# Lesson' > lesson.md && git add lesson.md && git commit -qm First
echo '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}' > first.ipynb
"""


@pytest.fixture(scope="module")
def base() -> Iterator[Room]:
    with base_and_chromium() as entered:
        yield entered


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
