"""Runs programs inside an image as a container runtime does, without one.

``unshare`` gives a process of number 1, a host name and mounts of its own; the image's root is
read-only, only ``/tmp`` and the home take files, and the program is uid 1000 without any
capability. The network is this machine's, so that a workspace reaches the fake hub on loopback.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
USER = 1000
_BEGAN = time.time_ns()

_SCRIPT = """
set -e
root=$1 home=$2 user=$3; shift 3
hostname workspace
printf '127.0.0.1 localhost\n127.0.1.1 workspace\n' > "$root/etc/hosts"
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$home" "$root/home/jovyan"
while [ "$1" != -- ]; do
    [ -d "$root$2" ] || mkdir -p "$root$2"  # below /tmp; elsewhere it was made before
    mount --rbind "$1" "$root$2"
    shift 2
done
shift
exec chroot --userspec="$user" --groups= "$root" "$@"
"""


def missing() -> str:
    """Return why images cannot be built and entered here; nothing if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "building and entering images needs root on Linux"
    programs = [name for name in ("buildah", "debootstrap", "unshare") if not shutil.which(name)]
    if programs:
        return f"not installed: {', '.join(programs)} (tools/install-image-programs)"
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return "" if done.returncode == 0 else "no namespaces of one's own here (unshare)"


class Room:
    """An image with a container of its own, in which programs run.

    Attributes:
        path: of the container's root on this machine.
        config: the image's configuration: ``Env``, ``User``, ``Entrypoint``, ``Cmd``, …
    """

    def __init__(self, reference: str, container: str, path: Path) -> None:
        self.reference = reference
        self.container = container
        self.path = path
        self.config: dict[str, Any] = inspect(reference)["OCIv1"]["config"]

    @property
    def command(self) -> list[str]:
        """What the image starts."""
        return [*self.config["Entrypoint"], *self.config["Cmd"]]

    def arguments(
        self,
        command: list[str],
        home: Path,
        env: dict[str, str] | None = None,
        mounts: dict[str, str] | None = None,
        user: int = USER,
    ) -> list[str]:
        """Return a command line that runs a command in here as process 1.

        Args:
            mounts: directory of this machine → where it is in here; made if it is not there.
        """
        image = dict(entry.split("=", 1) for entry in self.config.get("Env", []))
        variables = {"HOME": "/home/jovyan"} | image | (env or {})
        pairs = []
        for source, target in (mounts or {}).items():
            if not target.startswith("/tmp/"):
                (self.path / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
            pairs += [source, target]
        return [
            *("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"),
            *("sh", "-c", _SCRIPT, "room", str(self.path), str(home), f"{user}:{user}", *pairs),
            *("--", "env", "--ignore-environment", f"--chdir={self.config['WorkingDir']}"),
            *(f"{name}={value}" for name, value in variables.items()),
            *command,
        ]

    def run(
        self, *command: str, home: Path, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a status that is not zero is an assertion."""
        status = options.pop("status", 0)
        done = subprocess.run(
            self.arguments(list(command), home, env, **options),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stderr[-4000:]}"
        return done

    def python(self, code: str, home: Path, **options: Any) -> Any:
        """Run Python in here and return what it prints as JSON."""
        return json.loads(self.run("python3", "-c", code, home=home, **options).stdout)


def first(process: psutil.Process) -> psutil.Process:
    """Return the process that has number 1 in a room."""
    (child,) = process.children()
    return child


def end(pid: int) -> None:
    """End a room: its process of number 1, with which the kernel ends all others, and ``unshare``.

    ``--kill-child`` alone does not: that signal is forgotten when the program becomes another user
    (prctl(2), ``PR_SET_PDEATHSIG``).
    """
    with suppress(psutil.NoSuchProcess):
        unshare = psutil.Process(pid)
        for process in (*unshare.children(), unshare):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def inspect(reference: str) -> dict[str, Any]:
    """Return what buildah knows of an image."""
    command = ["buildah", "inspect", "--type", "image", reference]
    found: dict[str, Any] = json.loads(subprocess.check_output(command))
    return found


def layers(reference: str) -> list[Path]:
    """Return the directory with the files of each layer, lowest first."""
    store = json.loads(subprocess.check_output(["buildah", "info"]))["store"]["GraphRoot"]
    known = json.loads(Path(store, "overlay-layers/layers.json").read_text())
    by_digest = {layer.get("diff-digest"): layer["id"] for layer in known}
    digests = inspect(reference)["OCIv1"]["rootfs"]["diff_ids"]
    return [Path(store, "overlay", by_digest[digest], "diff") for digest in digests]


def reference(name: str) -> str:
    """Return how buildah knows an image of this release."""
    text = (ROOT / "extensions/datalab_workspace/datalab_workspace/__init__.py").read_text()
    return f"localhost/datalab-{name}:{text.split('__version__ = ')[1].split()[0].strip(chr(34))}"


def built(name: str) -> str:
    """Build an image, once in a run of the tests; return its reference.

    Test files and workers ask for the same image again and again, and even a build of which nothing
    changed takes seconds: our wheels are made, and each step is looked up.
    """
    if reason := missing():
        pytest.skip(f"images: {reason}")
    (ROOT / ".make").mkdir(exist_ok=True)
    with (ROOT / ".make/images.lock").open("a+") as lock:  # workers run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        run, *done = lock.read().split() or [""]
        if run != _this_run():
            done = []
        if name not in done:
            # Workers that run all tests need both; they are built side by side.
            wanted = ["hub", "base"] if "PYTEST_XDIST_TESTRUNUID" in os.environ else [name]
            _build(*wanted)
            lock.truncate(0)
            lock.write(" ".join([_this_run(), *done, *wanted]))
    return reference(name)


def _build(*names: str) -> None:
    command = ["tools/images", "build", "--debootstrap", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-8000:]}"


def _this_run() -> str:
    """Return what the workers of one run of the tests have in common, and no other run has."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"process-{os.getpid()}-{_BEGAN}"


@contextmanager
def room(name: str, *, build: bool = True) -> Iterator[Room]:
    """Build an image, unless told not to, and enter it."""
    image = built(name) if build else reference(name)
    container = subprocess.check_output(["buildah", "from", image], text=True).strip()
    try:
        path = subprocess.check_output(["buildah", "mount", container], text=True).strip()
        yield Room(image, container, Path(path))
    finally:
        subprocess.run(["buildah", "rm", container], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def existing(name: str) -> Iterator[Room]:
    """Enter an image that ``make images`` built; skip where it did not.

    Not built here: with their downloads these images take longer than CI has for them.
    """
    if reason := missing():
        pytest.skip(f"images: {reason}")
    command = ["buildah", "inspect", "--type", "image", reference(name)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f'images: {name} is not built; make images IMAGES="{name}"')
    with room(name, build=False) as entered:
        yield entered
