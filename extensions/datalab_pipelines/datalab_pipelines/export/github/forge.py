"""Which GitHub a repository is on, and the person's token for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..errors import ExportError
from ..git.remotes import Address

PUBLIC = "github.com"
_TENANTS = ".ghe.com"
_PUBLIC_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
_ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_SECONDS = 20


@dataclass(frozen=True)
class Token:
    """A token, and where it came from (which may be said; the token may not)."""

    value: str = field(repr=False)
    source: str


def api(address: Address) -> str:
    """Return the root of the REST API of the GitHub that ``address`` is on."""
    if address.host == PUBLIC:
        return "https://api.github.com"
    if address.host.endswith(_TENANTS):
        return f"https://api.{address.host}"
    return f"{address.scheme}://{address.host}/api/v3"


def find_token(address: Address, host: str = "") -> Token | None:
    """Return the person's token for a repository's host, None when there is none.

    As ``gh`` does: ``GH_TOKEN`` and ``GITHUB_TOKEN`` are for github.com and its tenants. Those for
    GitHub Enterprise go to one host only, which the person named (``host``, else ``GH_HOST``): a
    repository from elsewhere must not get them. Then what ``gh auth login`` keeps, then a data
    source of the workspace for that address.
    """
    public = address.host == PUBLIC or address.host.endswith(_TENANTS)
    named = address.host in (host, os.environ.get("GH_HOST", ""))
    for name in _PUBLIC_TOKENS if public else _ENTERPRISE_TOKENS if named else ():
        if value := os.environ.get(name, "").strip():
            return _checked(value, name)
    value = _of_gh(address.host)
    if value:
        return _checked(value, "gh auth token")
    return _of_workspace(address)


def need_token(address: Address, host: str = "") -> Token:
    """Return the token; raises ``ExportError`` that says how to give one."""
    if not address.private:
        raise ExportError(
            f"{address.web} is not encrypted, and a token would be read on the way",
            hint="Give the remote an https address: git remote set-url.",
        )
    found = find_token(address, host)
    if found:
        return found
    if address.host == PUBLIC or address.host.endswith(_TENANTS):
        hint = "Set GH_TOKEN, or run gh auth login."
    else:
        hint = (
            f"If it is your GitHub Enterprise, set GH_HOST={address.host} and GH_ENTERPRISE_TOKEN, "
            f"or run gh auth login --hostname {address.host}."
        )
    raise ExportError(f"there is no token for {address.host}", hint=hint)


def _checked(value: str, source: str) -> Token:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ExportError(f"what {source} holds is not a token", hint="Copy it again.")
    return Token(value, source)


def _of_gh(host: str) -> str:
    program = shutil.which("gh")
    if not program:
        return ""
    # gh would give back a token of the environment, for whatever host it is asked about.
    hidden = {*_PUBLIC_TOKENS, *_ENTERPRISE_TOKENS}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    try:
        done = subprocess.run(
            [program, "auth", "token", "--hostname", host],
            env={**environment, "GH_PROMPT_DISABLED": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a gh that does not work is as good as none
    return done.stdout.strip() if done.returncode == 0 else ""


def _of_workspace(address: Address) -> Token | None:
    """Return the token of a data source (kind ``http``) that is for the repository's host."""
    if not os.environ.get("DATALAB_AGENT_URL"):
        return None
    try:
        import datalab
    except ImportError:
        return None
    hosts = {urlsplit(api(address)).netloc, address.host}
    try:
        for source in datalab.sources():
            url = urlsplit(source.facts.get("url", ""))
            if source.kind == "http" and url.scheme == address.scheme and url.netloc in hosts:
                value = datalab.credential(source.name).get("Token", "")
                return _checked(value, f"the data source {source.name}") if value else None
    except datalab.DatalabError as error:
        raise ExportError(f"the workspace gives no token for {address.host}: {error}") from None
    return None
