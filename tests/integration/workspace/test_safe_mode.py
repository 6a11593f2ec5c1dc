"""Nothing in a home keeps a workspace from opening; it opens, and says why it looks different."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fakes.claimant import Workspace
from fakes.hub import FakeHub
from fakes.ports import free_port
from probes import ROOT, Start, execute, needs_root

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts, looks into /proc")

Cold = Callable[..., Any]
CONFIG = ".jupyter/jupyter_server_config"


@pytest.fixture
async def cold(hub: FakeHub, tmp_path: Path) -> AsyncIterator[Cold]:
    """``await cold(home, …)``: a workspace as in a container, that answers."""
    processes: list[asyncio.subprocess.Process] = []

    async def cold(home: Path, *, python: tuple[str, ...] = (), **env: str) -> Workspace:
        home.mkdir(exist_ok=True)
        port = free_port()
        ann = hub.add("ann")
        log = tmp_path / "workspace.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(*(python or (sys.executable,)), "-s", "-m", "datalab_workspace.launch"),
                *(["--allow-root"] * ROOT),
                cwd=home,
                env=hub.environment(ann, port, home) | env,
                stdout=output,
                stderr=output,
            )
        processes.append(process)
        workspace = Workspace(ann, process.pid, port, log, home, 0, socket.socket())
        async with asyncio.timeout(90):
            while True:
                assert process.returncode is None, workspace.text()
                with suppress(aiohttp.ClientConnectionError):
                    assert await workspace.answer() == 200
                    return workspace
                await asyncio.sleep(0.1)

    yield cold
    for process in processes:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A home on a file system of its own, of one megabyte."""
    home = tmp_path / "small"
    home.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m"]
    done = subprocess.run(["mount", *options, "none", str(home)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")
    yield home
    subprocess.run(["umount", "--lazy", str(home)], check=True)


@pytest.fixture
def read_only_disk(small_disk: Path) -> Path:
    """A home that is mounted read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    return small_disk


def fill(directory: Path) -> None:
    """Write until nothing more fits."""
    with (directory / "everything").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC


async def notices(workspace: Workspace) -> list[str]:
    """Return the warnings that Lab shows."""
    answer = await workspace.json("datalab/api/notices")
    return [one["text"] for one in answer["notices"] if one["level"] == "warning"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (f"{CONFIG}.json", '{"ServerApp": {,}}', "is not valid JSON (line 1, column 16"),
        (f"{CONFIG}.py", "c.ServerApp.port = \n", "jupyter_server_config.py is not valid Python"),
        (f"{CONFIG}.py", "\nc.no.such = name\n", "_config.py, line 2: NameError: name 'name' is"),
        (f"{CONFIG}.py", "raise SystemExit('no')\n", "_config.py, line 1: SystemExit: no"),
        (f"{CONFIG}.json", '{"ServerApp": {"port": "x"}}', "TraitError: The 'port' trait"),
    ],
)
async def test_a_broken_configuration_file_is_left_out_and_named(
    start: Start, tmp_path: Path, name: str, content: str, said: str
) -> None:
    home = tmp_path / "home-ann"
    (home / name).parent.mkdir(parents=True)
    (home / name).write_text(content)
    ann = await start("ann", home=home)
    assert await execute(ann, "print('open')") == "open\n"
    (warning,) = await notices(ann)
    assert said in warning
    assert "safe mode" in warning
    assert "stop the workspace and start it again" in warning


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            ".jupyter/jupyter_server_config.d/mine.json",
            "no",
            "~/.jupyter/jupyter_server_config.d/mine.json is not valid JSON (line 1, column 1: "
            "Expecting value). It is left out.",
        ),
        (
            ".jupyter/jupyter_lab_config.py",
            "c.LabApp.x = (\n",
            "~/.jupyter/jupyter_lab_config.py is not valid Python (line 1: '(' was never closed). "
            "It is left out.",
        ),
    ],
)
async def test_a_file_that_jupyter_skips_is_named_too(
    start: Start, tmp_path: Path, name: str, content: str, said: str
) -> None:
    home = tmp_path / "home-ann"
    (home / name).parent.mkdir(parents=True)
    (home / name).write_text(content)
    ann = await start("ann", home=home)
    assert await notices(ann) == [said]


async def test_a_workspace_in_order_has_nothing_to_say(start: Start) -> None:
    ann = await start("ann")
    assert await notices(ann) == []


@needs_root
async def test_a_full_home_opens_runs_cells_and_says_so(cold: Cold, small_disk: Path) -> None:
    fill(small_disk)
    ann = await cold(small_disk)
    (warning,) = await notices(ann)
    assert f"{small_disk} is full" in warning
    assert "du -xh" in warning
    assert await execute(ann, "print('open')") == "open\n"
    assert await ann.answer("lab") == 200
    # What is deleted in Lab frees space: in the trash it would lie in the same home.
    async with aiohttp.ClientSession(headers=ann.headers) as session:
        await session.delete(f"{ann.url}api/contents/everything", raise_for_status=True)
    saved = {"type": "file", "format": "text", "content": "x" * 500_000}
    assert (await ann.json("api/contents/new.txt", "PUT", json=saved))["size"] == 500_000


@needs_root
async def test_a_full_home_with_a_broken_configuration_says_both(
    cold: Cold, small_disk: Path
) -> None:
    (small_disk / ".jupyter").mkdir()
    (small_disk / f"{CONFIG}.py").write_text("1 / 0\n")
    fill(small_disk)
    ann = await cold(small_disk)
    first, second = await notices(ann)
    assert "ZeroDivisionError" in first
    assert "is full" in second


@needs_root
async def test_a_home_that_cannot_be_written_opens_and_says_so(
    cold: Cold, read_only_disk: Path
) -> None:
    ann = await cold(read_only_disk)
    (warning,) = await notices(ann)
    assert "cannot be written (Read-only file system)" in warning
    assert await execute(ann, "print('open')") == "open\n"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that looks for packages in the home, as an image's does."""
    directory = tmp_path_factory.mktemp("outside")
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(directory)],
        check=True,
    )
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    site = next(directory.glob("lib/python*/site-packages"))
    (site / "datalab.pth").write_text(f"import site; site.addsitedir({packages!r})\n")
    return str(directory / "bin/python")


def user_site(home: Path) -> Path:
    """Return where ``pip install --user`` puts packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path = home / ".local/lib" / version / "site-packages"
    path.mkdir(parents=True)
    return path


async def test_libraries_of_an_older_image_in_the_home_do_not_reach_the_server(
    cold: Cold, outside: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    packages = user_site(home)
    for name in ("traitlets", "jupyter_server", "tornado", "datalab_workspace"):
        (packages / name).mkdir()
        (packages / name / "__init__.py").write_text("raise ImportError('an older release')\n")
    ann = await cold(home, python=(outside,))
    assert await ann.answer("lab") == 200
    assert await notices(ann) == []


async def test_a_persons_own_packages_and_programs_are_found(
    cold: Cold, outside: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    packages = user_site(home)
    (packages / "mine.py").write_text("answer = 'mine'\n")
    (packages / "my_extension.py").write_text(
        "def _jupyter_server_extension_points(): return [{'module': 'my_extension'}]\n"
        "def _load_jupyter_server_extension(server): server.log.warning('mine is loaded')\n"
    )
    enabled = home / ".jupyter/jupyter_server_config.json"
    enabled.parent.mkdir()
    enabled.write_text('{"ServerApp": {"jpserver_extensions": {"my_extension": true}}}')
    programs = home / ".local/bin"
    programs.mkdir()
    (programs / "mine").write_text("#!/bin/sh\necho from home\n")
    (programs / "mine").chmod(0o755)
    kernel = home / ".local/share/jupyter/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(
        f'{{"argv": ["{outside}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"],'
        ' "display_name": "x", "language": "python"}'
    )
    ann = await cold(home, python=(outside,))
    assert "mine is loaded" in ann.text()
    code = "import os, mine; print(mine.answer, os.popen('mine').read().strip())"
    assert await execute(ann, code) == "mine from home\n"


async def test_a_server_that_a_persons_package_breaks_starts_without_it(
    cold: Cold, outside: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (user_site(home) / "broken.pth").write_text("import sys; sys.exit('no')\n")
    ann = await cold(home, python=(outside,))
    (warning,) = await notices(ann)
    assert "SystemExit: no" in warning
    assert await execute(ann, "import os; print(os.environ['PYTHONNOUSERSITE'])") == "1\n"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("echo 'NVIDIA L4, 23034, 580.65.06'", "GPU: NVIDIA L4 (22 GiB), driver 580.65.06."),
        (
            "echo 'NVIDIA L4, 23034, 580.65.06'; echo 'NVIDIA L4, 23034, 580.65.06'",
            "GPU: 2 × NVIDIA L4 (22 GiB), driver 580.65.06.",
        ),
        ("echo 'NVIDIA GB10, [N/A], 580.95.05'", "GPU: NVIDIA GB10, driver 580.95.05."),
        (
            "echo 'NVIDIA-SMI has failed because no driver is loaded'; exit 9",
            "The GPU cannot be used: NVIDIA-SMI has failed because no driver is loaded",
        ),
        (
            "echo 'NVIDIA L4, 23034, 550.163.01'",
            "The GPU cannot be used from this image: its machine has driver 550.163.01, which is "
            "older than 580, the first that the image's CUDA works with. Programs compute on the "
            "CPU. Choose another kind of machine, or tell the operators.",
        ),
    ],
)
async def test_lab_says_which_gpu_there_is(
    start: Start, tmp_path: Path, program: str, said: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(f"#!/bin/sh\n{program}\n")
    (programs / "nvidia-smi").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    ann = await start("ann", env={"PATH": path, "DATALAB_OLDEST_GPU_DRIVER": "580"})
    answer = await ann.json("datalab/api/notices")
    assert [one["text"] for one in answer["notices"]] == [said]
