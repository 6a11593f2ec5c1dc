"""Nothing in a home keeps Lab out of ``base`` from opening: what a person then sees."""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.hub import FakeHub
from playwright.async_api import Page, expect

from .chromium import base_and_chromium, has, lab, owned, settings
from .room import Room
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(1800)]

IN_URL = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}
CONFIGURATION = ".jupyter/jupyter_server_config"
# What a pip of an older image put into the home, and would break a server that took it. A kernel
# takes such things, which is what people install them for, but needs none of these.
OLDER_LIBRARIES = ("jupyter_server", "jupyterlab", "jupyterlab_server", "datalab_workspace")
# A front end for JupyterLab 3, in the form of what ``jupyter labextension build`` makes.
OLDER_FRONT_END = """
var _JUPYTERLAB = window._JUPYTERLAB = window._JUPYTERLAB || {};
_JUPYTERLAB["for-lab-3"] = {
    init: () => { throw new Error("Unsatisfied version of shared singleton: wants Lab 3"); },
    get: () => { throw new Error("not initialised"); },
};
"""


@pytest.fixture(scope="module")
def base() -> Iterator[Room]:
    with base_and_chromium() as entered:
        yield entered


@pytest.fixture
def small_home(home: Path) -> Iterator[Path]:
    """The home on a disk of its own, of two megabytes."""
    options = ["-t", "tmpfs", "-o", "size=2m,mode=700,uid=1000,gid=1000"]
    subprocess.run(["mount", *options, "none", str(home)], check=True)
    yield home
    subprocess.run(["umount", "--lazy", str(home)], check=True)


def older(home: Path, version: str) -> None:
    """Leave in a home what months with an older image leave."""
    packages = home / f".local/lib/python{version}/site-packages"
    for name in OLDER_LIBRARIES:
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").write_text("raise ImportError('an older release')\n")
    front_end = home / ".local/share/jupyter/labextensions/for-lab-3"
    (front_end / "static").mkdir(parents=True)
    (front_end / "static/remoteEntry.1.js").write_text(OLDER_FRONT_END)
    build = {"load": "static/remoteEntry.1.js", "extension": "./extension"}
    about = {"name": "for-lab-3", "version": "1.0.0", "jupyterlab": {"_build": build}}
    (front_end / "package.json").write_text(json.dumps(about))
    kernel = home / ".local/share/jupyter/kernels/older/kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = ["/opt/older/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Of an older image", "language": "python"}
    kernel.write_text(json.dumps(spec))
    # An extension and options of a server that this image does not have.
    switches = {"ServerApp": {"jpserver_extensions": {"nbserverproxy": True}}}
    (home / f"{CONFIGURATION}.json").write_text(json.dumps(switches))
    (home / ".jupyter/jupyter_notebook_config.py").write_text("c.NotebookApp.token = ''\n")
    theme = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    (theme / "themes.jupyterlab-settings").write_text('{"theme": "A theme of long ago"}')
    owned(home)


async def computes(page: Page) -> None:
    """A console, which needs no file, runs a cell."""
    await page.click('.jp-LauncherCard[data-category="Console"][title^="Python 3"]')
    await has(page, ".jp-CodeConsole", "An enhanced Interactive Python")  # the kernel answers
    await page.click(".jp-CodeConsole-promptCell .cm-content")
    await page.keyboard.type("print(6 * 7)")
    await page.keyboard.press("Shift+Enter")
    await has(page, ".jp-CodeConsole .jp-OutputArea-output", "42")


async def test_safe_mode_says_which_configuration_is_broken(
    base: Room, hub: FakeHub, home: Path
) -> None:
    settings(home)
    (home / f"{CONFIGURATION}.py").write_text("c.ServerApp.port = \n")
    async with serving(base, hub, home, **IN_URL) as (ann, _, _), lab(ann) as page:
        await has(page, ".Toastify__toast", "runs in safe mode")
        await page.click(".Toastify__toast >> text=Details")
        await has(page, ".jp-Dialog", "jupyter_server_config.py is not valid Python (line 1")
        await has(page, ".jp-Dialog", "stop the workspace and start it again")
        await page.click(".jp-Dialog button")
        await computes(page)


async def test_a_full_home_opens_computes_and_says_so(
    base: Room, hub: FakeHub, small_home: Path
) -> None:
    settings(small_home)
    with pytest.raises(OSError) as full, (small_home / "everything").open("wb") as file:
        while True:
            file.write(b"x" * 65536)
            file.flush()
    assert full.value.errno == errno.ENOSPC
    owned(small_home)
    async with serving(base, hub, small_home, **IN_URL) as (ann, _, _), lab(ann) as page:
        await has(page, ".Toastify__toast", "The home directory takes no files.")
        await page.click(".Toastify__toast >> text=Details")
        await has(page, ".jp-Dialog", "The home directory /home/jovyan is full")
        await page.click(".jp-Dialog button")
        await expect(page.locator(".jp-Dialog")).to_have_count(0)  # nothing else went wrong
        assert "failed loading" not in ann.text()
        await computes(page)
        # What is deleted frees space: in the trash it would lie in the same home.
        await page.click('.jp-DirListing-item:has-text("everything")')
        await page.keyboard.press("Delete")
        await page.click(".jp-Dialog button.jp-mod-accept")
        await page.wait_for_selector('.jp-DirListing-item:has-text("everything")', state="detached")
        (small_home / "again").write_bytes(b"x" * 1_000_000)


async def test_the_home_of_an_older_image_opens(base: Room, hub: FakeHub, home: Path) -> None:
    """Its libraries, front ends and settings are no reason even for safe mode."""
    settings(home)
    older(home, base.run("ls", "/usr/local/lib", home=home).stdout.split("python")[1].split()[0])
    async with serving(base, hub, home, **IN_URL) as (ann, _, _), lab(ann) as page:
        await has(page, ".jp-Launcher-body", "Of an older image")
        await computes(page)
        assert (await ann.json("datalab/api/notices"))["notices"] == []


async def test_the_configuration_of_an_older_image_is_left_out_and_named(
    base: Room, hub: FakeHub, home: Path
) -> None:
    """It imports what this image does not have."""
    settings(home)
    (home / f"{CONFIGURATION}.py").write_text(
        "from nbresuse_of_long_ago import limits\nc.ServerApp.max_body_size = limits.body\n"
    )
    owned(home)
    async with serving(base, hub, home, **IN_URL) as (ann, _, _), lab(ann) as page:
        await has(page, ".Toastify__toast", "runs in safe mode")
        await page.click(".Toastify__toast >> text=Details")
        await has(page, ".jp-Dialog", "~/.jupyter/jupyter_server_config.py, line 1:")
        await has(page, ".jp-Dialog", "No module named 'nbresuse_of_long_ago'")
        await page.click(".jp-Dialog button")
        await computes(page)
