"""What a notebook reads and nobody should commit: keys and passwords, and data too large for git.

The proof has these files; the project says where they go, and git ignores them there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ..model import Plan
from .data_files import placed

LARGEST_DATA = 50 * 2**20  # bytes of all files together; GitHub warns from this on for one
SECRETS = (
    *(".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "*.keystore", "id_rsa", "id_ed25519"),
    *(".netrc", "_netrc", ".pgpass", ".pypirc", ".git-credentials", "kaggle.json", "kubeconfig"),
)
SECRET_WORDS = ("credential", "secret", "password", "passwd", "service-account", "service_account")
SETTINGS = frozenset({"", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".txt"})
KEY = b"PRIVATE KEY-----"
HEAD = 4096  # bytes in which a key begins


SECRET = "it looks like a key or a password"
PATTERN = re.compile(r"([\\*?\[\]])")  # what means something in an ignore file


@dataclass(frozen=True)
class Ignored:
    """Lines for ``.gitignore`` and ``.dockerignore``: large data may go into an image, keys not."""

    git: str
    docker: str


def withheld(plan: Plan) -> dict[str, str]:
    """Return the files that stay out of the project: their paths in it, and why."""
    found: dict[str, str] = {}
    rest: list[tuple[int, str]] = []
    for name, path in placed(plan).items():
        if is_secret(path):
            found[name] = SECRET
        else:
            rest.append((path.stat().st_size, name))
    total = 0
    for size, name in sorted(rest):  # the largest are left out
        total += size
        if total > LARGEST_DATA:
            found[name] = f"with its {size / 1e6:.0f} MB it is too large for git"
    return found


def is_secret(path: Path) -> bool:
    """Say whether a file is named like one that holds keys, or begins like a private key."""
    name = path.name.lower()
    if any(fnmatchcase(name, one) for one in SECRETS):
        return True
    if path.suffix.lower() in SETTINGS and any(word in name for word in SECRET_WORDS):
        return True
    with path.open("rb") as file:
        return KEY in file.read(HEAD)


def ignore_lines(plan: Plan) -> Ignored:
    """Return what keeps them out, should a person put them into the project."""
    found = [(PATTERN.sub(r"\\\1", name), why) for name, why in sorted(withheld(plan).items())]
    return Ignored(
        "".join(f"/{name}\n" for name, _ in found),
        "".join(f"{name}\n" for name, why in found if why == SECRET),
    )


def notes(plan: Plan) -> list[str]:
    """Return what a person should know about them, a sentence for each."""
    return [
        f"`{name}` is not in the project, because {reason}. Git ignores it there: put it at this "
        "path yourself, or read it from a data source."
        for name, reason in withheld(plan).items()
    ]
