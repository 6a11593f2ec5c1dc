"""What is true of every image, as assertions for ``test_every_image.py``."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

from .hierarchy import lists
from .room import Room, inspect, layers

# Of the files that are anybody's to write, none may be the image's.
_SHARED_DIRECTORIES = {"tmp", "var/tmp", "run/lock", "dev/shm", "dev/mqueue"}
_PRIVATE_KEY = re.compile(rb"^-----BEGIN [A-Z ]*PRIVATE KEY-----", re.M)

_IMPORT_ALL = """
import importlib, importlib.metadata, json, os, sys, warnings
warnings.simplefilter("ignore")
sys.stdout = sys.stderr
failed = {}
for distribution in importlib.metadata.distributions():
    names = (distribution.read_text("top_level.txt") or "").split()
    if not names:
        parts = {file.parts[0] for file in distribution.files or [] if file.suffix == ".py"
                 and (len(file.parts) == 1 or file.name == "__init__.py" and len(file.parts) == 2)}
        names = [part.removesuffix(".py") for part in parts]
    for name in names:
        if not name.isidentifier() or name.startswith("_") or name in EXCEPT:
            continue
        try:
            importlib.import_module(name)
        except BaseException as error:
            failed[name] = repr(error)
os.write(1, json.dumps(failed).encode())
os._exit(0)
"""


def listed(*files: Path) -> dict[str, str]:
    """Return name → version from lists of packages."""
    lines = (line for file in files for line in file.read_text().splitlines())
    entries = (line.removeprefix("*").split() for line in lines if not line.startswith("#"))
    return {name: number for name, number in entries}


def assert_packages(room: Room, home: Path, name: str) -> None:
    """Everything in ``packages.txt`` is there, in that version, and nothing else but ours."""
    found = room.python(
        "import importlib.metadata, json, re; print(json.dumps({re.sub('[-_.]+', '-',"
        " d.metadata['Name']).lower(): d.version for d in importlib.metadata.distributions()}))",
        home,
    )
    ours = {name for name in found if name.startswith("datalab-")}
    expected = listed(*lists(name))
    assert {one: number for one, number in found.items() if one not in ours} == expected


def assert_imports(room: Room, home: Path, *without: str) -> None:
    """Every module that a package brings can be imported.

    Args:
        without: modules that need what the image does not have.
    """
    code = _IMPORT_ALL.replace("EXCEPT", repr(without))
    assert room.python(code, home) == {}


def assert_nobody_becomes_somebody_else(room: Room) -> None:
    """No file is setuid, setgid or anybody's to write; the user is 1000."""
    assert room.config["User"] == "1000:1000"
    special, open_to_all = [], []
    for directory, names, files in os.walk(room.path):
        for name in [*names, *files]:
            path = Path(directory, name)
            mode = path.lstat().st_mode
            relative = str(path.relative_to(room.path))
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                special.append(relative)
            if mode & stat.S_IWOTH and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                open_to_all.append(relative)
    assert special == []
    assert set(open_to_all) <= _SHARED_DIRECTORIES


def assert_no_traces_of_the_build(room: Room) -> None:
    """Neither layers nor history hold what this machine lent to the build."""
    secrets = _lent()
    for layer in layers(room.reference):
        for path in (found for found in layer.rglob("*") if found.is_file()):
            if path.is_symlink():
                continue
            relative = path.relative_to(layer)
            assert relative.parts[:2] != ("run", "secrets"), relative
            assert path.name not in {".netrc", ".pypirc", "id_rsa", "id_ed25519"}, relative
            assert relative.parts[:2] != ("root", ".cache"), relative
            if "dist-packages" in relative.parts or path.stat().st_size > 2_000_000:
                continue
            data = path.read_bytes()
            assert not _PRIVATE_KEY.search(data), relative
            for secret in secrets:
                assert secret not in data, relative
    image = inspect(room.reference)
    text = str(image["OCIv1"]["history"]) + str(image["OCIv1"]["config"])
    for secret in secrets:
        assert secret.decode() not in text


def _lent() -> list[bytes]:
    """Return the values that a build has been given: pip's addresses, proxies, certificates."""
    listed = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    values = [line.partition("=")[2].strip("'\"") for line in listed.splitlines()]
    found = [value.encode() for value in values if "://" in value]
    certificates = os.environ.get("SSL_CERT_FILE", "")
    if certificates and Path(certificates).is_file():
        # What is in this machine's bundle and not in Debian's own would be a trace.
        own = Path("/usr/local/share/ca-certificates")
        for path in own.rglob("*.crt") if own.is_dir() else []:
            found.append(path.read_bytes().strip().splitlines()[1])
    return found
