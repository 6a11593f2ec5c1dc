"""The repository's remote: what it is, fetching a branch from it, pushing one to it.

A token goes to git as a header in the environment of that one process, for that one host: never on
a command line, in an address, in ``.git/config``, or to a credential helper that would keep it.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ..errors import ExportError
from .command import Git
from .place import Place

_SSH = re.compile(r"(?:[^@/:\s]+@)?(?P<host>[^/:\s]+):(?P<path>(?!//).+)")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_SECONDS = 600


@dataclass(frozen=True)
class Address:
    """Where a remote repository is: ``https://github.com/acme/churn``.

    ``host`` has the port of an HTTP address, and of no other. ``scheme`` is that of its web pages.
    """

    scheme: str
    host: str
    path: str
    over_http: bool

    @property
    def web(self) -> str:
        """Return the repository's page."""
        return f"{self.scheme}://{self.host}/{self.path}"

    @property
    def private(self) -> bool:
        """Say whether nobody on the way can read what is sent there."""
        return self.scheme == "https" or self.host.rsplit(":", 1)[0] in _LOOPBACK


def parse(url: str) -> Address | None:
    """Return where ``url`` leads; None for a folder, and for what no forge has."""
    if "://" in url:
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path)
        if parts.scheme in ("http", "https"):
            scheme, port = parts.scheme, f":{parts.port}" if parts.port else ""
        elif parts.scheme in ("ssh", "git+ssh", "ssh+git"):
            scheme, port = "https", ""
        else:
            return None
    elif found := _SSH.fullmatch(url):
        host, path, scheme, port = found["host"].lower(), found["path"], "https", ""
    else:
        return None
    path = path.strip("/").removesuffix(".git")
    if host == "ssh.github.com":  # GitHub's SSH on port 443
        host = "github.com"
    if not host or path.count("/") < 1:
        return None
    return Address(scheme, host + port, path, url.startswith(("http://", "https://")))


@dataclass(frozen=True)
class Remote:
    """A remote by its name; ``token`` is for its host, "" where git signs in by itself."""

    name: str
    url: str
    place: Place
    token: str = ""

    @property
    def address(self) -> Address | None:
        """Return where it is, None for a folder."""
        return parse(self.url)

    def fetch(self, branch: str) -> bool:
        """Bring what the remote has of ``branch``; say whether it has it.

        A branch that is not there any more is forgotten here too.
        """
        ours = f"refs/remotes/{self.name}/{branch}"
        words = ["--no-tags", "--no-write-fetch-head", "--quiet", self.name]
        git = self._git()
        status, _, said = git.attempt(
            "fetch", *words, f"+refs/heads/{branch}:{ours}", seconds=_SECONDS
        )
        if status == 0:
            return True
        if "couldn't find remote ref" not in said:
            raise self._failed("be read", said)
        if self.place.commit(ours):
            git.run("update-ref", "-d", ours)
        return False

    def push(self, branch: str) -> None:
        """Send ``branch`` there under its own name, and follow it from now on.

        Raises ``ExportError`` for what the remote refuses; nothing is ever forced.
        """
        words = ("push", "--quiet", "--set-upstream", self.name)
        ref = f"refs/heads/{branch}"
        status, _, said = self._git().attempt(*words, f"{ref}:{ref}", seconds=_SECONDS)
        if status:
            raise self._failed("be pushed to", said)

    def _git(self) -> Git:
        git, address = self.place.git, self.address
        if not self.token or address is None or not address.over_http:
            return git
        return git.within(**_header(address, self.token))

    def _failed(self, what: str, said: str) -> ExportError:
        said = _without(said.strip(), self.token)
        hints = [hint for pattern, hint in _REASONS if re.search(pattern, said, re.IGNORECASE)]
        hint = hints[0] if hints else f"Try it in a terminal: git fetch {self.name}"
        return ExportError(f"{self.name} ({shown(self.url)}) cannot {what}:\n{said}", hint=hint)


_REASONS = (
    (
        r"non-fast-forward|fetch first",
        "Somebody pushed to the branch meanwhile. Export again: their commits are merged.",
    ),
    (
        r"protected branch|GH006|GH013|pre-receive hook declined|hook declined",
        "The server's rules refuse it. Choose another branch with --branch, or ask whoever set "
        "them.",
    ),
    (
        r"could not read (Username|Password)|Authentication failed|Permission denied|publickey|"
        r"error: 40[13]|HTTP 40[13]",
        "Sign in: set GH_TOKEN (GH_ENTERPRISE_TOKEN and GH_HOST for GitHub Enterprise) to a token "
        "that may write to the repository, run gh auth login, or set git up so that git push "
        "works.",
    ),
    (
        r"not found|does not appear to be a git repository|error: 404",
        "Is its address right (git remote -v), and may your token see it?",
    ),
    (
        r"could not resolve|failed to connect|couldn't connect|connection (refused|timed out|reset)"
        r"|network is unreachable|timed out",
        "Is this machine online, and does it need a proxy? The export works without --push.",
    ),
)


def choose(place: Place, name: str = "") -> Remote:
    """Return the remote called ``name``; else the one that git would push to, or the only one.

    Raises ``ExportError`` when there is none.
    """
    git = place.git
    names = git.text("remote").split("\n")
    names = [one for one in names if one]
    if name and name not in names:
        have = f"There are {', '.join(names)}." if names else "git remote add origin ADDRESS"
        raise ExportError(f"the repository has no remote {name!r}", hint=have)
    current = place.current()
    wanted = [
        name,
        git.config(f"branch.{current}.pushRemote") if current else "",
        git.config("remote.pushDefault"),
        git.config(f"branch.{current}.remote") if current else "",
        "origin",
        *(names if len(names) == 1 else []),
    ]
    for one in wanted:
        if one in names:
            return Remote(one, git.text("remote", "get-url", "--push", one), place)
    if names:
        raise ExportError(
            f"the repository has {len(names)} remotes, and none is the one to push to",
            hint=f"Choose one with --remote: {', '.join(names)}.",
        )
    raise ExportError(
        "the repository has no remote, so there is nowhere to push to",
        hint="git remote add origin ADDRESS, or export without --push.",
    )


def _header(address: Address, token: str) -> dict[str, str]:
    """Return the variables that give git the token, after those that are there already."""
    key = f"http.{address.scheme}://{address.host}/.extraHeader"
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    found = {"GIT_CONFIG_COUNT": str(first + 2)}
    # An empty value first: two Authorization headers (one of a CI checkout) would be refused.
    for number, value in enumerate(("", f"Authorization: Basic {encoded}"), first):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _without(text: str, token: str) -> str:
    if not token:
        return text
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return text.replace(encoded, "***").replace(token, "***")


def shown(url: str) -> str:
    """Return an address without what stands before its host."""
    return re.sub(r"(://)[^/@]*@", r"\1", url)
